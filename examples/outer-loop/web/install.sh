#!/bin/sh
# Installs the web server from the folder that this script lies in, as root. Needs no network.
set -eu
cd "$(dirname "$0")"

install -D -m 644 index.html /opt/web/site/index.html
install -D -m 755 healthcheck /opt/web/healthcheck
install -D -m 644 web.service /etc/systemd/system/web.service

# What `systemctl enable` does, for which no systemd has to run while the image is built.
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -sf ../web.service /etc/systemd/system/multi-user.target.wants/web.service

echo 'web is installed in /opt/web'
