#!/bin/sh
# The build VM's sudo: what image builds use of it, without a password, on a setuid copy of util-linux setpriv.
# As on Azure's Linux images, the environment is reset, HOME is the target's and PATH is sudo's own.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
user=root keep= home= shell= validate=

refuse() {
  echo "sudo: $1" >&2
  exit 1
}

while getopts ':EHnSkvisu:p:-:' option; do
  case $option in
    E) keep=yes ;;
    H) home=yes ;;
    i | s) shell=$option ;;
    u) user=$OPTARG ;;
    k | v) validate=yes ;;
    n | S | p) ;;
    -)
      case $OPTARG in
        preserve-env | preserve-env=*) keep=yes ;;
        set-home) home=yes ;;
        login) shell=i ;;
        shell) shell=s ;;
        user=*) user=${OPTARG#user=} ;;
        non-interactive | stdin) ;;
        reset-timestamp | validate) validate=yes ;;
        *) refuse "unrecognized option '--$OPTARG'" ;;
      esac
      ;;
    *) refuse "invalid option -- '$OPTARG'" ;;
  esac
done
shift $((OPTIND - 1))

entry=$(getent passwd "${user#\#}") || refuse "unknown user $user"
IFS=: read -r user _ uid gid _ directory login <<EOF
$entry
EOF
: "${login:=/bin/sh}"

if [ "$shell" = i ]; then
  set -- sh -c 'cd && exec "$@"' sh "$login" -l ${1+-c "$*"}
elif [ "$shell" = s ]; then
  set -- "${SHELL:-$login}" ${1+-c "$*"}
fi

command=
for command; do
  case $command in *=*) ;; *) break ;; esac
done
[ -z "$command" ] && [ -n "$validate" ] && exit 0
[ -n "$command" ] || refuse 'a command is needed: sudo [-EHnSkvis] [-u user] [VAR=value] command'
command -v -- "$command" >/dev/null || refuse "$command: command not found"

set -- "SUDO_COMMAND=$*" "SUDO_USER=$(id -un)" "SUDO_UID=$(id -u)" "SUDO_GID=$(id -g)" \
  "PATH=$PATH" "USER=$user" "LOGNAME=$user" "$@"
if [ -z "$keep" ]; then
  set -- -i "LANG=${LANG-}" "TERM=${TERM-unknown}" "SHELL=$login" "HOME=$directory" "$@"
elif [ -n "$home" ]; then
  set -- "HOME=$directory" "$@"
fi
exec /usr/local/bin/sudo.setpriv --reuid "$uid" --regid "$gid" --init-groups -- env "$@"
