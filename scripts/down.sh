#!/usr/bin/env bash
# Stops the control plane and its workspaces. Data, conversations and files stay; `make up` goes on from there.
source "$(dirname "$0")/lib.sh"
source scripts/running.sh

end control-plane
end scripted-model
# A store there is in the data folder, or elsewhere if that was said.
if { [ -e "$DATA/atelier.db" ] || [ "${ATELIER_STORE:-sqlite}" != sqlite ]; } && [ -x "$BIN/control-plane" ] && docker info >/dev/null 2>&1; then
  say "$(ATELIER_DATA=$DATA ATELIER_LOG=warn "$BIN/control-plane" stop-workspaces)"
fi
say "Stopped. The data is in $DATA; \`make up\` goes on from there."
