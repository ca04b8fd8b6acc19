#!/usr/bin/env bash
# A container engine that answers: found, started, or installed (only as root on Debian or Ubuntu).
source "$(dirname "$0")/lib.sh"

answers() { docker info >/dev/null 2>&1; }

answers && exit 0

if ! has dockerd; then
  if [ -n "${DOCKER_HOST:-}" ]; then fail "the container engine at $DOCKER_HOST does not answer"; fi
  if ! has apt-get || [ "$(id -u)" != 0 ]; then
    fail "there is no Docker engine here. Install one (https://docs.docker.com/engine/install/) and make sure that \`docker info\` works for you."
  fi
  install "a Docker engine" docker.io iptables
fi

if answers; then exit 0; fi
if [ "$(id -u)" != 0 ]; then
  fail "the Docker engine does not answer. Start it (\`sudo systemctl start docker\`) and make sure that you are in the group docker."
fi

if [ -d /run/systemd/system ]; then
  say "Starting the Docker engine"
  systemctl start docker
else
  say "Starting the Docker engine (no systemd here; its log is $CACHE/dockerd.log)"
  rm -f /var/run/docker.pid
  # Backlog and descriptors as a service would have them.
  setsid nohup dockerd >"$CACHE/dockerd.log" 2>&1 </dev/null &
  echo $! >"$CACHE/dockerd.pid"
fi

for _ in $(seq 1 300); do
  answers && exit 0
  pause
done
fail "the Docker engine does not come up; see $CACHE/dockerd.log"
