#!/usr/bin/env bash
# Makes all that a first build of aib-action needs, with plain commands of the Azure CLI: what infra/main.bicep makes.
# It may be run again: what is there stays, what is missing is added. docs/setup.md tells what each thing is for.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'USAGE'
Makes what a first build of aib-action needs. Sign in before, with `az login`, as somebody who may make
resources and assign roles in the subscription (Owner, for example).

  bash infra/setup.sh --repository octo-org/webapp --location eastus \
    --storage-account stcontosobuild --image webapp

  --repository OWNER/NAME     repository whose workflows build
  --location REGION           region of all that is made
  --storage-account NAME      unique in all of Azure; 3 to 24 lower-case letters and digits
  --image 'NAME KEY=VALUE …'  an image definition; may be given several times. Keys: os (Linux), generation (V2),
                              architecture (x64), security (TrustedLaunchSupported; Standard for V1 or Arm64),
                              publisher (the owner), offer (the name), sku (the system), feature=KEY=VALUE

Who may sign in, each of them as often as needed:
  --branch NAME               a branch; without any option of these: main
  --environment NAME          jobs with this GitHub environment
  --git-tag NAME              a tag
  --pull-requests             workflows for pull requests
  --subject NAME=SUBJECT      any other subject, such as one of another repository
  --subject-prefix PREFIX     what subjects begin with; default: asked of GitHub, else repo:OWNER/NAME

What else is granted or made, each as often as needed:
  --with EXTRA                promotion, log, gallery-source, artifact-by-identity, private-network
  --without USUAL             doctor: no right to look rights up, which org/aib-action/check tells;
                              live-log: no log while it builds; checks: fewer checks before a build, no skip-unchanged

Names and the rest:
  --subscription ID           default: the one that `az account show` tells
  --resource-group NAME       default: rg-images
  --gallery NAME              default: images
  --deployer-identity NAME    whom workflows sign in as; default: id-image-deployer
  --builder-identity NAME     whom Image Builder works as; default: id-image-builder
  --role-suffix TEXT          appended to the names of the roles, which are unique in the tenant
  --artifact-days DAYS        after which forgotten artifacts are deleted; default: 7
  --allow-address ADDRESS     IPv4 address or range that may reach the account; without any: all
  --network NAME              default: vnet-images
  --no-variables              leave the repository's variables alone
  --dry-run                   print the commands, run none
USAGE
}

REPOSITORY='' LOCATION='' ACCOUNT='' PREFIX='' GALLERY=images NETWORK=vnet-images ARTIFACT_DAYS=7 VARIABLES=true
BRANCHES=() ENVIRONMENTS=() GIT_TAGS=() OTHERS=() IMAGES=() ADDRESSES=()
PULL_REQUESTS=false

read_options() {
  while (($#)); do
    case $1 in
      --help | -h) usage && exit ;;
      --pull-requests) PULL_REQUESTS=true ;;
      --no-variables) VARIABLES=false ;;
      --dry-run) DRY_RUN=true ;;
      --repository | --location | --storage-account | --image | --branch | --environment | --git-tag | --subject | \
        --subject-prefix | --with | --without | --subscription | --resource-group | --gallery | --deployer-identity | \
        --builder-identity | --role-suffix | --artifact-days | --allow-address | --network)
        if (($# < 2)); then problem "$1 takes a value" && return; fi
        take_option "$1" "$2"
        shift
        ;;
      *) problem "$1 is no option" ;;
    esac
    shift
  done
}

take_option() {
  case $1 in
    --repository) REPOSITORY=$2 ;;
    --location) LOCATION=$2 ;;
    --storage-account) ACCOUNT=$2 ;;
    --image) IMAGES+=("$2") ;;
    --branch) BRANCHES+=("$2") ;;
    --environment) ENVIRONMENTS+=("$2") ;;
    --git-tag) GIT_TAGS+=("$2") ;;
    --subject) OTHERS+=("$2") ;;
    --subject-prefix) PREFIX=$2 ;;
    --with)
      [[ " $EXTRAS " == *" $2 "* ]] || problem "--with: there is no '$2'"
      WANTED="$WANTED$2 "
      ;;
    --without)
      [[ " $USUAL " == *" $2 "* ]] || problem "--without: only one of $USUAL can be left out, not '$2'"
      WANTED=${WANTED// $2 / }
      ;;
    --subscription) SUBSCRIPTION=$2 ;;
    --resource-group) GROUP=$2 ;;
    --gallery) GALLERY=$2 ;;
    --deployer-identity) DEPLOYER=$2 ;;
    --builder-identity) BUILDER=$2 ;;
    --role-suffix) SUFFIX=$2 ;;
    --artifact-days) ARTIFACT_DAYS=$2 ;;
    --allow-address) ADDRESSES+=("$2") ;;
    --network) NETWORK=$2 ;;
  esac
}

check_options() {
  local one
  check --repository "$REPOSITORY" '[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+' 'a repository, such as octo-org/webapp'
  check --location "$LOCATION" '[a-z0-9]+' 'a region, such as eastus'
  check --storage-account "$ACCOUNT" '[a-z0-9]{3,24}' 'made of 3 to 24 lower-case letters and digits'
  check --gallery "$GALLERY" '[A-Za-z0-9]([A-Za-z0-9._]{0,78}[A-Za-z0-9])?' 'the name of a gallery'
  check --network "$NETWORK" '[A-Za-z0-9][A-Za-z0-9_.-]{0,59}' 'the name of a network'
  check --artifact-days "$ARTIFACT_DAYS" '[1-9][0-9]{0,3}' 'a number of days'
  [[ -z $PREFIX ]] || check --subject-prefix "$PREFIX" 'repo:[^:]+' 'the beginning of a subject, such as repo:octo-org/webapp'
  ((${#IMAGES[@]})) || problem '--image is missing: the image definition that builds add versions to'
  for one in ${IMAGES[@]+"${IMAGES[@]}"}; do read_image "$one"; done
  for one in ${ADDRESSES[@]+"${ADDRESSES[@]}"}; do
    check --allow-address "$one" '[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?' 'an IPv4 address or range'
  done
  for one in ${BRANCHES[@]+"${BRANCHES[@]}"} ${GIT_TAGS[@]+"${GIT_TAGS[@]}"}; do
    check '--branch or --git-tag' "$one" '[^[:space:][:cntrl:]]+' 'a name that Git takes'
  done
  for one in ${ENVIRONMENTS[@]+"${ENVIRONMENTS[@]}"}; do
    check --environment "$one" '[^[:cntrl:]]+' 'the name of an environment'
  done
  for one in ${OTHERS[@]+"${OTHERS[@]}"}; do
    check --subject "$one" '[A-Za-z0-9][A-Za-z0-9_-]{2,119}=[^[:cntrl:]]+' 'NAME=SUBJECT, the name of letters, digits, - and _'
  done
  check_credentials
  check_common
}

# Two credentials of one name would overwrite each other.
check_credentials() {
  local names name
  names=$(for_each_subject echo)
  for name in $(cut -d' ' -f1 <<<"$names" | sort | uniq -d); do
    problem "two subjects would be called $name: give one of them a name by --subject NAME=SUBJECT"
  done
  (($(wc -l <<<"$names") <= 20)) || problem 'more than 20 subjects, which is all that Azure takes for one identity'
}

# read_image TEXT: the words of an --image, as IMAGE_… variables.
read_image() {
  local word
  IMAGE_NAME='' IMAGE_OS=Linux IMAGE_GENERATION=V2 IMAGE_ARCHITECTURE=x64 IMAGE_SECURITY='' IMAGE_FEATURES=''
  IMAGE_PUBLISHER=${REPOSITORY%%/*} IMAGE_OFFER='' IMAGE_SKU=''
  set -f
  for word in $1; do
    case $word in
      os=*) IMAGE_OS=${word#*=} ;;
      generation=*) IMAGE_GENERATION=${word#*=} ;;
      architecture=*) IMAGE_ARCHITECTURE=${word#*=} ;;
      security=*) IMAGE_SECURITY=${word#*=} ;;
      publisher=*) IMAGE_PUBLISHER=${word#*=} ;;
      offer=*) IMAGE_OFFER=${word#*=} ;;
      sku=*) IMAGE_SKU=${word#*=} ;;
      feature=*=*) IMAGE_FEATURES="$IMAGE_FEATURES ${word#*=}" ;;
      *=*) problem "--image: there is no '${word%%=*}'" ;;
      *)
        [[ -z $IMAGE_NAME ]] || problem "--image: '$1' has two names"
        IMAGE_NAME=$word
        ;;
    esac
  done
  set +f
  default_image
  check --image "$IMAGE_NAME" '[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9])?' 'the name of an image definition'
  check '--image publisher, offer and sku' "$IMAGE_PUBLISHER$IMAGE_OFFER$IMAGE_SKU" '[A-Za-z0-9._-]+' \
    'made of letters, digits and . _ -'
  check '--image os' "$IMAGE_OS" 'Linux|Windows' 'Linux or Windows'
  check '--image generation' "$IMAGE_GENERATION" 'V1|V2' 'V1 or V2'
  check '--image architecture' "$IMAGE_ARCHITECTURE" 'x64|Arm64' 'x64 or Arm64'
  check '--image security' "$IMAGE_SECURITY" \
    'Standard|TrustedLaunchSupported|ConfidentialVmSupported|TrustedLaunchAndConfidentialVmSupported' 'a security type'
}

# What most images in the marketplace are.
default_image() {
  : "${IMAGE_OFFER:=$IMAGE_NAME}"
  if [[ -z $IMAGE_SKU ]]; then
    IMAGE_SKU=linux
    [[ $IMAGE_OS == Windows ]] && IMAGE_SKU=windows
  fi
  [[ -n $IMAGE_SECURITY ]] && return
  IMAGE_SECURITY=Standard
  [[ $IMAGE_GENERATION$IMAGE_ARCHITECTURE == V2x64 ]] && IMAGE_SECURITY=TrustedLaunchSupported
  return 0
}

register_providers() {
  local namespace
  heading 'Resource providers: one that is not registered yet takes some minutes'
  for namespace in $PROVIDERS; do make provider register --namespace "Microsoft.$namespace" --wait; done
}

make_identities() {
  heading 'Resource group and identities'
  make group create --name "$GROUP" --location "$LOCATION"
  make identity create --name "$DEPLOYER" --resource-group "$GROUP" --location "$LOCATION"
  make identity create --name "$BUILDER" --resource-group "$GROUP" --location "$LOCATION"
  CLIENT=$(ask_about CLIENT_ID clientId identity show --name "$DEPLOYER" --resource-group "$GROUP")
  DEPLOYER_PRINCIPAL=$(ask_about DEPLOYER_PRINCIPAL_ID principalId identity show --name "$DEPLOYER" --resource-group "$GROUP")
  BUILDER_PRINCIPAL=$(ask_about BUILDER_PRINCIPAL_ID principalId identity show --name "$BUILDER" --resource-group "$GROUP")
}

# What GitHub puts in front of the subjects of this repository; it may hold the IDs of owner and repository.
find_prefix() {
  local answer='' question=(gh api "repos/$REPOSITORY/actions/oidc/customization/sub" --jq '.sub_claim_prefix // ""')
  [[ -n $PREFIX ]] && return
  PREFIX="repo:$REPOSITORY"
  command -v gh >/dev/null || return 0
  if $DRY_RUN; then tell_command "${question[@]}"; else answer=$("${question[@]}" 2>/dev/null) || answer=''; fi
  [[ $answer == repo:* ]] && PREFIX=${answer//$'\r'/}
  return 0
}

# for_each_subject COMMAND: COMMAND NAME SUBJECT for every subject; the name is made of the letters that Azure allows.
for_each_subject() {
  local LC_ALL=C one
  for one in ${BRANCHES[@]+"${BRANCHES[@]}"}; do
    "$1" "$(credential_name branch "$one")" "$PREFIX:ref:refs/heads/$one"
  done
  for one in ${GIT_TAGS[@]+"${GIT_TAGS[@]}"}; do
    "$1" "$(credential_name tag "$one")" "$PREFIX:ref:refs/tags/$one"
  done
  for one in ${ENVIRONMENTS[@]+"${ENVIRONMENTS[@]}"}; do
    # GitHub encodes the colons of an environment's name.
    "$1" "$(credential_name environment "$one")" "$PREFIX:environment:${one//:/%3A}"
  done
  if $PULL_REQUESTS; then "$1" pull-request "$PREFIX:pull_request"; fi
  for one in ${OTHERS[@]+"${OTHERS[@]}"}; do "$1" "${one%%=*}" "${one#*=}"; done
}

credential_name() {
  local name="$1-${2//[^A-Za-z0-9_-]/-}"
  printf '%s' "${name:0:120}"
}

trust() {
  make identity federated-credential create --name "$1" --identity-name "$DEPLOYER" --resource-group "$GROUP" \
    --issuer "$ISSUER" --subject "$2" --audiences "$AUDIENCE"
}

# One after the other: Azure refuses two at once of one identity.
trust_workflows() {
  heading 'Who may sign in'
  find_prefix
  for_each_subject trust
}

# With both subnets neither a proxy VM nor a public IP address takes part; what goes out goes through the NAT gateway.
make_network() {
  local there where=(--resource-group "$GROUP" --location "$LOCATION")
  wants private-network || return 0
  heading 'Network for private builds'
  make network nsg create --name "$NETWORK-nsg" "${where[@]}"
  make network public-ip create --name "$NETWORK-ip" "${where[@]}" --sku Standard --allocation-method Static
  make network nat gateway create --name "$NETWORK-nat" "${where[@]}" --public-ip-addresses "$NETWORK-ip"
  # A network that is made again loses its subnets.
  there=$(ask_about '' "[?name=='$NETWORK'].id" network vnet list --resource-group "$GROUP")
  [[ -n $there ]] || make network vnet create --name "$NETWORK" "${where[@]}" --address-prefixes 10.60.0.0/24
  make network vnet subnet create --name build --vnet-name "$NETWORK" --resource-group "$GROUP" \
    --address-prefixes 10.60.0.0/25 --nat-gateway "$NETWORK-nat" --network-security-group "$NETWORK-nsg" \
    --service-endpoints Microsoft.Storage
  make network vnet subnet create --name containers --vnet-name "$NETWORK" --resource-group "$GROUP" \
    --address-prefixes 10.60.0.128/25 --nat-gateway "$NETWORK-nat" \
    --delegations Microsoft.ContainerInstance/containerGroups
}

make_storage() {
  local one action=Allow policy
  ((${#ADDRESSES[@]})) && action=Deny
  heading 'Storage account: no keys, nothing public, nothing for long'
  make storage account create --name "$ACCOUNT" --resource-group "$GROUP" --location "$LOCATION" --kind StorageV2 \
    --sku Standard_LRS --access-tier Hot --allow-blob-public-access false --allow-cross-tenant-replication false \
    --allow-shared-key-access false --min-tls-version TLS1_2 --https-only true --bypass None --default-action "$action"
  for one in ${ADDRESSES[@]+"${ADDRESSES[@]}"}; do
    make storage account network-rule add --account-name "$ACCOUNT" --resource-group "$GROUP" --ip-address "$one"
  done
  if [[ $action == Deny ]] && wants private-network; then
    make storage account network-rule add --account-name "$ACCOUNT" --resource-group "$GROUP" \
      --vnet-name "$NETWORK" --subnet build
  fi
  make storage account blob-service-properties update --account-name "$ACCOUNT" --resource-group "$GROUP" \
    --enable-delete-retention false --enable-container-delete-retention false
  make storage container-rm create --name "$CONTAINER" --storage-account "$ACCOUNT" --resource-group "$GROUP" \
    --public-access off
  policy="{\"rules\": [{\"name\": \"forgotten-artifacts\", \"enabled\": true, \"type\": \"Lifecycle\", \"definition\": {"
  policy="$policy\"filters\": {\"blobTypes\": [\"blockBlob\"], \"prefixMatch\": [\"$CONTAINER/\"]}, \"actions\": {"
  policy="$policy\"baseBlob\": {\"delete\": {\"daysAfterModificationGreaterThan\": $ARTIFACT_DAYS}}}}}]}"
  make storage account management-policy create --account-name "$ACCOUNT" --resource-group "$GROUP" --policy "$policy"
}

make_gallery() {
  local one there features
  heading 'Gallery and image definitions'
  make sig create --gallery-name "$GALLERY" --resource-group "$GROUP" --location "$LOCATION"
  for one in "${IMAGES[@]}"; do
    read_image "$one"
    there=$(ask_about '' "[?name=='$IMAGE_NAME'].id" sig image-definition list --gallery-name "$GALLERY" --resource-group "$GROUP")
    [[ -n $there ]] && continue
    # V1 has no security type; for V2 the Azure CLI takes TrustedLaunchSupported where nothing is said.
    features="SecurityType=$IMAGE_SECURITY$IMAGE_FEATURES"
    [[ $IMAGE_GENERATION == V1 ]] && features=${IMAGE_FEATURES# }
    make sig image-definition create --gallery-image-definition "$IMAGE_NAME" --gallery-name "$GALLERY" \
      --resource-group "$GROUP" --location "$LOCATION" --publisher "$IMAGE_PUBLISHER" --offer "$IMAGE_OFFER" \
      --sku "$IMAGE_SKU" --os-type "$IMAGE_OS" --os-state Generalized --hyper-v-generation "$IMAGE_GENERATION" \
      --architecture "$IMAGE_ARCHITECTURE" ${features:+--features "$features"}
  done
}

# define_role FILE: the custom role of that file in this subscription, with the file's rights. Sets ROLE_ID.
define_role() {
  local definition name file_name verb=create
  definition=$(<"$ROLES/$1.json")
  name=$(role_name "$1")
  file_name=${name%"$SUFFIX"}
  definition=${definition//SUBSCRIPTION_ID/$SUBSCRIPTION}
  definition=${definition/"\"$file_name\""/"\"$name\""}
  ROLE_ID=$(ask_about '' '[0].id' role definition list --name "$name" --custom-role-only true)
  [[ -n $ROLE_ID ]] && verb=update
  ROLE_ID=$(ask_about "ID_OF_$1" id role definition "$verb" --role-definition "$definition")
}

# scope_of KIND: what an assignment is on.
scope_of() {
  local account="$GROUP_ID/providers/Microsoft.Storage/storageAccounts/$ACCOUNT"
  case $1 in
    subscription) printf '/subscriptions/%s' "$SUBSCRIPTION" ;;
    group) printf '%s' "$GROUP_ID" ;;
    account) printf '%s' "$account" ;;
    container) printf '%s/blobServices/default/containers/%s' "$account" "$CONTAINER" ;;
    gallery) printf '%s/providers/Microsoft.Compute/galleries/%s' "$GROUP_ID" "$GALLERY" ;;
    network) printf '%s/providers/Microsoft.Network/virtualNetworks/%s' "$GROUP_ID" "$NETWORK" ;;
  esac
}

# assign PRINCIPAL ROLE_ID SCOPE: Azure may take a minute to know a role or an identity that was just made.
assign() {
  local error
  for _ in 1 2 3 4 5 6; do
    if error=$(assign_once "$@" 2>&1); then return; fi
    case $error in
      *PrincipalNotFound* | *RoleDefinitionDoesNotExist* | *"doesn't exist"*) sleep "$PAUSE" ;;
      *) break ;;
    esac
  done
  printf '%s\n' "$error" >&2
  return 1
}

assign_once() {
  run az role assignment create --assignee-object-id "$1" --assignee-principal-type ServicePrincipal --role "$2" \
    --scope "$3" --subscription "$SUBSCRIPTION" --output none
}

grant_roles() {
  local role who kind extras name principal
  heading 'Roles'
  while read -r -u 4 role who kind extras; do
    if [[ -z $role ]] || ! wants "$extras"; then continue; fi
    define_role "$role"
    name=$DEPLOYER principal=$DEPLOYER_PRINCIPAL
    if [[ $who == builder ]]; then name=$BUILDER principal=$BUILDER_PRINCIPAL; fi
    $DRY_RUN || printf '  %s: of %s, on the %s\n' "$(role_name "$role")" "$name" "$kind"
    assign "$principal" "$ROLE_ID" "$(scope_of "$kind")"
  done 4<<<"$GRANTS"
}

# Sets the variables where gh can; VARIABLES says afterwards whether it did.
set_variables() {
  $VARIABLES || return 0
  VARIABLES=false
  heading "Variables of $REPOSITORY"
  if ! command -v gh >/dev/null; then
    echo 'gh is not installed: set them yourself, they stand below.'
  elif set_variable AZURE_CLIENT_ID "$CLIENT" && set_variable AZURE_TENANT_ID "$TENANT" &&
    set_variable AZURE_SUBSCRIPTION_ID "$SUBSCRIPTION"; then
    VARIABLES=true
  else
    echo 'gh could not set them: set them yourself, they stand below.'
  fi
}

set_variable() {
  run gh variable set "$1" --repo "$REPOSITORY" --body "$2"
}

report() {
  local one
  cat <<REPORT

aib-action is set up in resource group $GROUP.

Variables of $REPOSITORY$($VARIABLES && echo ', which are set' || echo ', to be set'):
  AZURE_CLIENT_ID=$CLIENT
  AZURE_TENANT_ID=$TENANT
  AZURE_SUBSCRIPTION_ID=$SUBSCRIPTION

Inputs of a build:
  resource-group: $GROUP
  location: $LOCATION
  managed-identity: $BUILDER
  storage-account: $ACCOUNT
REPORT
  for one in "${IMAGES[@]}"; do
    read_image "$one"
    printf '  gallery-image-id: %s/images/%s\n' "$(scope_of gallery)" "$IMAGE_NAME"
  done
  if wants private-network; then
    printf '  subnet-id: %s/subnets/build\n' "$(scope_of network)"
    printf '  container-instance-subnet-id: %s/subnets/containers\n' "$(scope_of network)"
  fi
  printf '\nNext: wait some minutes, until Azure knows the new rights everywhere; then let org/aib-action/check@v1 look\n'
  printf 'with these inputs whether anything is missing (docs/checking.md), and build.\n'
}

read_options "$@"
if ((${#BRANCHES[@]} + ${#ENVIRONMENTS[@]} + ${#GIT_TAGS[@]} + ${#OTHERS[@]} == 0)) && ! $PULL_REQUESTS; then BRANCHES=(main); fi
check_options
stop_on_problems
find_subscription
register_providers
make_identities
trust_workflows
make_network
make_storage
make_gallery
grant_roles
set_variables
if ! $DRY_RUN; then report; fi
