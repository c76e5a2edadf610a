#!/usr/bin/env bash
# Stands in for az and gh: notes every call in $AIB_CALLS, remembers in the folder $AIB_STATE what was made, and answers
# what the set-up asks. It refuses what Azure refuses: a role whose name is taken; once for each line of the file
# $AIB_STATE/refusals, an assignment in that line's words; and the command that the file $AIB_STATE/fails holds.
set -eu

{ printf '%s\x1f' "${0##*/}" "$@" && printf '\x1e'; } >>"$AIB_CALLS"
args=("$@")

# The value of an option of this call.
option() {
  local i
  for ((i = 0; i < ${#args[@]}; i++)); do
    if [[ ${args[i]} == "$1" ]]; then printf '%s' "${args[i + 1]}" && return; fi
  done
}
guid() {
  local sum
  sum=$(printf '%s' "$1" | cksum)
  printf '%08x-0000-4000-8000-%012d' "${sum%% *}" "${sum##* }"
}
# No GUID, as Azure would give: so that a test can tell which role an assignment is of.
role_id() {
  printf '/subscriptions/%s/providers/Microsoft.Authorization/roleDefinitions/%s' "$AIB_SUBSCRIPTION" "${1// /_}"
}
principal_of() {
  if [[ $1 == *deployer* ]]; then printf '%s\n' "$AIB_DEPLOYER"; else printf '%s\n' "$AIB_BUILDER"; fi
}
remember() {
  : >"$AIB_STATE/$1-${2//\//_}"
}
is_there() {
  [[ -e "$AIB_STATE/$1-${2//\//_}" ]]
}
# What `[?name=='x'].id` and the like ask for.
asked_name() {
  local query
  query=$(option --query)
  query=${query#*\'}
  printf '%s' "${query%%\'*}"
}
list_if_there() {
  if is_there "$1" "$(asked_name)"; then printf 'ID of %s\n' "$(asked_name)"; fi
}
defined_role() {
  local definition
  definition=$(option --role-definition)
  [[ $definition =~ \"Name\":\ \"([^\"]+)\" ]]
  printf '%s' "${BASH_REMATCH[1]}"
}

# Takes the next line of $AIB_STATE/refusals away, and says it.
refused() {
  local file="$AIB_STATE/refusals" first rest
  [[ -s $file ]] || return 1
  { IFS= read -r first && rest=$(cat); } <"$file"
  printf '%s' "${rest:+$rest$'\n'}" >"$file"
  printf 'ERROR: %s\n' "$first" >&2
}

answer_gh() {
  [[ ! -e $AIB_STATE/gh-fails ]] || { echo 'gh: not signed in' >&2 && exit 4; }
  if [[ $1 == api ]]; then printf '%s\n' "${AIB_PREFIX:-}"; fi
}

answer_az() {
  if [[ -e $AIB_STATE/fails && "$*" == "$(<"$AIB_STATE/fails")"* ]]; then
    echo 'ERROR: (AuthorizationFailed) The client does not have authorization.' >&2 && exit 1
  fi
  case "$*" in
    'account show '*--query\ tenantId*) echo "$AIB_TENANT" ;;
    'account show '*) echo "$AIB_SUBSCRIPTION" ;;
    'group create '*) remember group "$(option --name)" ;;
    'group list '*) list_if_there group ;;
    'group delete '*) rm "$AIB_STATE/group-$(option --name)" ;;
    'identity create '*) remember identity "$(option --name)" ;;
    'identity show '*--query\ clientId*) echo "$AIB_CLIENT" ;;
    'identity show '*) principal_of "$(option --name)" ;;
    'identity list '*) if is_there identity "$(asked_name)"; then principal_of "$(asked_name)"; fi ;;
    'network vnet create '*) remember network "$(option --name)" ;;
    'network vnet list '*) list_if_there network ;;
    'sig image-definition create '*) remember image "$(option --gallery-image-definition)" ;;
    'sig image-definition list '*) list_if_there image ;;
    'role definition create '*)
      if is_there role "$(defined_role)"; then echo 'ERROR: RoleDefinitionWithSameNameExists' >&2 && exit 1; fi
      remember role "$(defined_role)" && role_id "$(defined_role)" && echo
      ;;
    'role definition update '*) role_id "$(defined_role)" && echo ;;
    'role definition list '*) if is_there role "$(option --name)"; then role_id "$(option --name)" && echo; fi ;;
    'role definition delete '*) rm "$AIB_STATE/role-$(option --name)" ;;
    'role assignment create '*)
      if refused; then exit 1; fi
      remember assignment "$(guid "$*") $(option --assignee-object-id)"
      ;;
    'role assignment list '*--assignee\ *)
      for file in "$AIB_STATE"/assignment-*"$(option --assignee)"; do
        if [[ -e $file ]]; then file=${file##*/} && echo "${file%% *}"; fi
      done
      ;;
    'role assignment list '*) if [[ -e $AIB_STATE/others-have-$(option --role) ]]; then echo 1; else echo 0; fi ;;
  esac
}

if [[ ${0##*/} == gh ]]; then answer_gh "$@"; else answer_az "$@"; fi
