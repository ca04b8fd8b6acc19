#!/usr/bin/env bash
# A fresh sign-in address for the control plane that runs.
source "$(dirname "$0")/lib.sh"
source scripts/running.sh

runs control-plane || fail "Atelier does not run here; start it with \`make up\`"
has_provider && fail "people sign in at the identity provider here: $URL"
sign_in
