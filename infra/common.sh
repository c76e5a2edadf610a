# Options, names and grants of setup.sh and teardown.sh, which source this file. It does nothing by itself.
# It runs with the bash 3.2 of macOS, too.
# shellcheck shell=bash disable=SC2034

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROLES="$HERE/../docs/roles"

# Resource providers of Image Builder and of what it works with.
PROVIDERS='VirtualMachineImages Compute Storage Network KeyVault ContainerInstance ManagedIdentity'
CONTAINER=imagebuilder-vststask
ISSUER=https://token.actions.githubusercontent.com
AUDIENCE=api://AzureADTokenExchange

# Which role (a file of docs/roles) whom on what, and with which options: the README's table. main.bicep has the same one.
GRANTS='
deployer                    deployer group        always
deployer-artifact           deployer account      always
deployer-source-marketplace deployer subscription always
image-writer                builder  group        always
deployer-doctor             deployer subscription doctor
promoter                    deployer gallery      promotion
deployer-live-log           deployer subscription live-log
deployer-log                deployer subscription log
deployer-checks             deployer subscription checks
deployer-network-checks     deployer network      checks+private-network
deployer-source-gallery     deployer gallery      gallery-source
image-writer-artifact       builder  container    artifact-by-identity
image-writer-network        builder  network      private-network
'
EXTRAS='doctor promotion live-log log checks gallery-source artifact-by-identity private-network'

SUBSCRIPTION=''
GROUP=rg-images
DEPLOYER=id-image-deployer
BUILDER=id-image-builder
SUFFIX=''
# What is granted unless it is left out: builds do without, and tell less.
USUAL='doctor live-log checks'
WANTED=" $USUAL "
DRY_RUN=false
PROBLEMS=''
# Seconds between two tries of what Azure needs a moment for.
PAUSE=${AIB_SETUP_PAUSE:-10}

# Notes a mistake in the options; `stop_on_problems` tells all of them at once.
problem() {
  PROBLEMS="$PROBLEMS- $1"$'\n'
}

stop_on_problems() {
  [[ -z $PROBLEMS ]] && return
  printf 'Nothing was done:\n%s' "$PROBLEMS" >&2
  printf '%s --help tells the options.\n' "${0##*/}" >&2
  exit 2
}

# check OPTION VALUE PATTERN WORDS: the value must match, whole.
check() {
  local LC_ALL=C
  [[ $2 =~ ^($3)$ ]] || problem "$1: '$2' is not $4"
}

# wants EXTRAS: whether all of these, joined by +, are wanted.
wants() {
  local extra
  for extra in ${1//+/ }; do
    [[ $extra == always || $WANTED == *" $extra "* ]] || return 1
  done
}

# What a dry run prints goes past every $(…).
exec 3>&1

# A command as a shell takes it.
tell_command() {
  local LC_ALL=C word line='' quote="'\\''"
  for word in "$@"; do
    if [[ ! $word =~ ^[A-Za-z0-9_./:@%+=,-]+$ ]]; then word="'${word//\'/$quote}'"; fi
    line="$line$word "
  done
  printf '%s\n' "${line% }" >&3
}

heading() {
  printf '\n# %s\n' "$1"
}

# Runs a command; a dry run prints it.
run() {
  if $DRY_RUN; then tell_command "$@"; else "$@"; fi
}

# What a command of az does, in few words: the command, and the value of its first option.
tell_in_short() {
  local word line=''
  for word in "$@"; do
    shift
    [[ $word != --* ]] || break
    line="$line $word"
  done
  printf ' %s %s\n' "$line" "${1-}"
}

# make WORDS: a command of az that makes or changes something.
make() {
  $DRY_RUN || tell_in_short "$@"
  run az "$@" --subscription "$SUBSCRIPTION" --output none
}

# ask STAND-IN QUERY WORDS: what a command of az answers, as plain text; a dry run gives the stand-in.
ask() {
  local stand_in=$1 query=$2 answer
  shift 2
  if $DRY_RUN; then
    tell_command az "$@" --query "$query" --output tsv
    printf '%s' "$stand_in"
    return
  fi
  # Said, because set -e does not reach into $(…).
  answer=$(az "$@" --query "$query" --output tsv) || return
  printf '%s' "${answer//$'\r'/}"
}

# The same of the subscription.
ask_about() {
  ask "$@" --subscription "$SUBSCRIPTION"
}

# role_name FILE: its name, as Azure is to know it.
role_name() {
  local definition
  definition=$(<"$ROLES/$1.json")
  [[ $definition =~ \"Name\":\ *\"([^\"]+)\" ]]
  printf '%s%s' "${BASH_REMATCH[1]}" "$SUFFIX"
}

# The subscription's ID is asked for even where it was named: scopes are made of it.
find_subscription() {
  local named=()
  [[ -n $SUBSCRIPTION ]] && named=(--subscription "$SUBSCRIPTION")
  TENANT=$(ask TENANT_ID tenantId account show ${named[@]+"${named[@]}"})
  SUBSCRIPTION=$(ask SUBSCRIPTION_ID id account show ${named[@]+"${named[@]}"})
  GROUP_ID="/subscriptions/$SUBSCRIPTION/resourceGroups/$GROUP"
}

check_common() {
  check --resource-group "$GROUP" '[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]' 'the name of a resource group'
  check --deployer-identity "$DEPLOYER" '[A-Za-z0-9][A-Za-z0-9_-]{2,127}' 'the name of a managed identity'
  check --builder-identity "$BUILDER" '[A-Za-z0-9][A-Za-z0-9_-]{2,127}' 'the name of a managed identity'
  check --role-suffix "$SUFFIX" '[A-Za-z0-9 ()._-]{0,60}' 'made of letters, digits, spaces and ( ) . _ -'
  [[ -z $SUBSCRIPTION ]] || check --subscription "$SUBSCRIPTION" '[0-9a-fA-F-]{36}' "a subscription's ID"
}
