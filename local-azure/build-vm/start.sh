#!/bin/sh
# Process 1 of a build VM: makes the private root out of FOLDER, enters it for good and runs COMMAND in it as the
# user packer. Expects mount and PID namespaces of its own, so nothing has to be undone: all of it ends with this
# process.
#
#   start.sh FOLDER MACHINE COMMAND [ARGUMENT...]
#
# MACHINE holds machine (what VMs add to this machine's userland), hidden (whiteouts) and dev; FOLDER holds upper and
# work (the overlay's own), lower and merged (mount points). File descriptor 3 takes what the start has to say: `up` on
# success, else the error. Standard input, output and error belong to COMMAND.
set -e
umask 022
exec 4>&2 2>&3
cd "$1"
machine=$2
shift 2

# Layers must not lie below another one (the kernel refuses it), and `/` is one: hence the copy on a tmpfs. The
# setuid program exists nowhere else.
mount -t tmpfs -o mode=755 tmpfs lower
cp -a "$machine/machine" "$machine/hidden" "$machine/dev" lower/
install -m 4755 /usr/bin/setpriv lower/machine/usr/local/bin/sudo.setpriv

# The three features would make upper something else than a plain copy of what was written.
mount -t overlay -o redirect_dir=off,metacopy=off,index=off,lowerdir=lower/machine:lower/hidden:/,upperdir=upper,workdir=work overlay merged
cd merged

mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount --bind ../lower/dev dev

mkdir -m 1777 run/lock run/host
pivot_root . run/host
cd /
umount -n -l /run/host
rmdir /run/host

echo up >&3
exec 2>&4 3>&- 4>&-
# Not exec: a change of user would lose the signal that ends process 1 with its parent.
setpriv --reuid packer --regid packer --init-groups -- "$@" || exit $?
exit 0
