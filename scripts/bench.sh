#!/usr/bin/env bash
# Measures Atelier beside floors of the same run and prints one table a subject. Never fails for being slow. Installs
# what it needs, starts servers and containers of its own, leaves nothing behind.
#
#   ONLY=SUBJECT,…   start, turn, gateway, terminals, footprint (real engine, real CLI, scripted model);
#                    events, pairs, restart, fanout, attach (load on the control plane). [default: all, about 13 minutes]
source "$(dirname "$0")/lib.sh"

only=${ONLY:-}
real='start|turn|gateway|terminals|footprint'
scripts/tools.sh
source scripts/path.sh
if [ -z "$only" ] || [[ ",$only," =~ ,($real), ]]; then
  install "measuring in containers" binutils
  scripts/engine.sh
  scripts/web.sh
  scripts/build.sh workspace-agent
  scripts/image.sh
  # The image of this very build, whichever the control plane would take.
  export ATELIER_IMAGE=${IMAGE:-claude-workspace:latest}
fi
scripts/build.sh control-plane bench

# The control planes that are measured are configured here, not by what this shell happens to have.
for name in $(compgen -e ATELIER_); do
  case $name in ATELIER_IMAGE | ATELIER_CACHE) ;; *) unset "$name" ;; esac
done
say "Measuring (quiet machines measure best: the load average stands below each table)"
exec "$CARGO_TARGET_DIR/release/bench" ${only:+--only "$only"}
