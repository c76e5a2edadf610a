#!/usr/bin/env bash
# Tests an image from outside: a machine is made from exactly this version, asked, and taken away again.
set -euo pipefail

definition=${IMAGE_ID%/versions/*}
definition=${definition##*/} # webapp-web-eastus
app=${definition#webapp-}
app=${app%%-*} # web
machine=(--resource-group rg-tests --name "test-$definition")

trap 'az vm delete "${machine[@]}" --yes --no-wait' EXIT
az vm create "${machine[@]}" --location "$IMAGE_LOCATION" --image "$IMAGE_ID" --output none

failed=0
# The command succeeds whatever becomes of the script in the machine: what that prints has to tell.
holds() {
  answer=$(az vm run-command invoke "${machine[@]}" --command-id RunShellScript \
    --scripts "if $2; then echo it holds; fi" --query 'value[0].message' --output tsv)
  if grep -qx 'it holds' <<<"$answer"; then
    echo "ok: $1"
  else
    echo "::error title=$definition::$1: not so in version $IMAGE_VERSION"
    failed=1
  fi
}
holds "$app is healthy" "/opt/$app/healthcheck"
holds "$app starts with the machine" "test -e /etc/systemd/system/multi-user.target.wants/$app.service"
exit "$failed"
