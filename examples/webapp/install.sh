#!/bin/sh
# Installs the web app from the folder that this script lies in, as root or with sudo. Needs no network.
set -eu
cd "$(dirname "$0")"

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

as_root rm -rf /opt/webapp
as_root mkdir -p /opt/webapp
as_root cp -RP site bin /opt/webapp/
as_root install -D -m 644 webapp.service /etc/systemd/system/webapp.service

# What `systemctl enable` does, for which no systemd has to run while the image is built.
as_root mkdir -p /etc/systemd/system/multi-user.target.wants
as_root ln -sf ../webapp.service /etc/systemd/system/multi-user.target.wants/webapp.service

echo 'webapp is installed in /opt/webapp and starts with the machine'
