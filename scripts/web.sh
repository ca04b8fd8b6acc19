#!/usr/bin/env bash
# The page: what it is built with, then the page itself, each only if something changed.
source "$(dirname "$0")/lib.sh"
source scripts/path.sh

packages() {
  say "Fetching what the page is built with"
  (cd web && npm ci --silent --no-fund --no-audit)
}
build() {
  say "Building the page"
  (cd web && npm run --silent build >"$CACHE/web.log" 2>&1) || { cat "$CACHE/web.log" >&2; fail "the page can't be built"; }
}

[ -d web/node_modules ] || rm -f "$CACHE/stamps/web-packages"
[ -f web/dist/index.html ] || rm -f "$CACHE/stamps/web"
once web-packages web/package.json web/package-lock.json -- packages
mapfile -t sources < <(find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print | LC_ALL=C sort)
once web "${sources[@]}" -- build
