#!/usr/bin/env bash
# Kills the engine that scripts/engine.sh started, as a power cut would, and starts it again.
source "$(dirname "$0")/lib.sh"
pid=$(cat "$CACHE/dockerd.pid")
kill -KILL "$pid"
while kill -0 "$pid" 2>/dev/null; do pause; done
exec scripts/engine.sh
