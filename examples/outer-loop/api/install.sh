#!/bin/sh
# Installs the API from the folder that this script lies in, as root. Needs no network.
set -eu
cd "$(dirname "$0")"

install -D -m 755 healthcheck /opt/api/healthcheck
install -D -m 644 answers.json /opt/api/answers/index.json
install -D -m 644 api.service /etc/systemd/system/api.service

# Here it ends, and nothing enables the service: the build has nothing to say about that, the test from outside has.
echo 'api is installed in /opt/api'
