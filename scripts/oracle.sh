#!/usr/bin/env bash
# What the oracle of the terminals' screen model is made of: the page's emulator, without a page.
source "$(dirname "$0")/lib.sh"
source scripts/path.sh

packages() {
  say "Fetching the terminals' oracle"
  (cd tests/terminals && npm ci --silent --no-fund --no-audit)
}

[ -d tests/terminals/node_modules ] || rm -f "$CACHE/stamps/oracle-packages"
once oracle-packages tests/terminals/package.json tests/terminals/package-lock.json -- packages
