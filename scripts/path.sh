# Puts the tools that scripts/tools.sh may have installed on the path. Sourced after lib.sh.
has cargo || PATH="$HOME/.cargo/bin:$PATH"
if [ -x "$CACHE/node/bin/node" ]; then PATH="$CACHE/node/bin:$PATH"; fi
export PATH
