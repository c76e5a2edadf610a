#!/usr/bin/env bash
# Removes what setup.sh or main.bicep made: assignments, roles that nobody has any more, and the resource group with the
# images in it. Providers stay registered, and the variables of the repository stay.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'USAGE'
Removes what infra/setup.sh or infra/main.bicep made, with ALL IMAGES in the gallery.

  bash infra/teardown.sh --resource-group rg-images

  --resource-group NAME       the group, with all that is in it
  --subscription ID           default: the one that `az account show` tells
  --deployer-identity NAME    default: id-image-deployer
  --builder-identity NAME     default: id-image-builder
  --role-suffix TEXT          as it was given to the set-up
  --yes                       do not ask
  --dry-run                   print the commands, run none
USAGE
}

YES=false
GROUP=''

read_options() {
  while (($#)); do
    case $1 in
      --help | -h) usage && exit ;;
      --yes) YES=true ;;
      --dry-run) DRY_RUN=true ;;
      --resource-group | --subscription | --deployer-identity | --builder-identity | --role-suffix)
        if (($# < 2)); then problem "$1 takes a value" && return; fi
        case $1 in
          --resource-group) GROUP=$2 ;;
          --subscription) SUBSCRIPTION=$2 ;;
          --deployer-identity) DEPLOYER=$2 ;;
          --builder-identity) BUILDER=$2 ;;
          --role-suffix) SUFFIX=$2 ;;
        esac
        shift
        ;;
      *) problem "$1 is no option" ;;
    esac
    shift
  done
}

confirm() {
  local answer
  if $YES || $DRY_RUN; then return; fi
  printf 'This deletes resource group %s of subscription %s with everything in it.\nType its name to go on: ' "$GROUP" "$SUBSCRIPTION"
  read -r answer || answer=''
  [[ $answer == "$GROUP" ]] || { echo 'Nothing was deleted.' && exit 1; }
}

# An assignment outlives its identity, and a role cannot go while it is assigned: so they go first.
remove_assignments() {
  local identity principal assignments assignment
  heading 'Assignments'
  for identity in "$DEPLOYER" "$BUILDER"; do
    principal=$(ask_about "PRINCIPAL_ID_OF_$identity" "[?name=='$identity'].principalId" identity list --resource-group "$GROUP")
    [[ -n $principal ]] || continue
    assignments=$(ask_about "ASSIGNMENTS_OF_$identity" '[].id' role assignment list --all --assignee "$principal")
    for assignment in $assignments; do
      make role assignment delete --ids "$assignment"
    done
  done
}

remove_roles() {
  local role rest name id left
  heading 'Roles'
  while read -r -u 4 role rest; do
    [[ -n $role ]] || continue
    name=$(role_name "$role")
    id=$(ask_about "ID_OF_$role" '[0].id' role definition list --name "$name" --custom-role-only true)
    [[ -n $id ]] || continue
    left=$(ask_about 0 'length(@)' role assignment list --all --role "$name")
    if [[ $left == 0 ]]; then
      make role definition delete --name "$name" --custom-role-only true
    else
      printf 'Role %s stays: others have it.\n' "$name"
    fi
  done 4<<<"$GRANTS"
}

read_options "$@"
check_common
stop_on_problems
find_subscription
confirm
THERE=$(ask_about "$GROUP" "[?name=='$GROUP'].id" group list)
if [[ -n $THERE ]]; then remove_assignments; fi
remove_roles
if [[ -n $THERE ]]; then
  heading 'Resource group'
  make group delete --name "$GROUP" --yes
fi
if ! $DRY_RUN; then echo 'Removed.'; fi
