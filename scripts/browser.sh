#!/usr/bin/env bash
# The browser's stories: `packages` fetches what they are run with, `run` runs them.
source "$(dirname "$0")/lib.sh"
source scripts/path.sh

packages() {
  say "Fetching what the browser's stories are run with"
  (cd tests/browser && npm ci --silent --no-fund --no-audit)
}

case ${1:-} in
  packages)
    [ -d tests/browser/node_modules ] || rm -f "$CACHE/stamps/browser-packages"
    once browser-packages tests/browser/package.json tests/browser/package-lock.json -- packages ;;
  run)
    shift
    cd tests/browser && npm run --silent check && npx --no-install playwright test "$@" ;;
  *) fail "packages or run" ;;
esac
