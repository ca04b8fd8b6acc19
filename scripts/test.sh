#!/usr/bin/env bash
# Every check and every test, on the real parts: engine, CLI, browser. Installs what it needs, cleans up after itself.
source "$(dirname "$0")/lib.sh"

# What the stories look at from outside: packet filter, network namespaces, loop devices, a browser with Korean fonts.
install "the stories" nftables iproute2 mount util-linux procps
install "the browser's stories" chromium fonts-noto-cjk
scripts/tools.sh
source scripts/path.sh
scripts/engine.sh

summaries=$(mktemp "$CACHE/summaries.XXXXXX")
trap 'rm -f "$summaries"' EXIT

# check TITLE PATTERN COMMAND...: runs, shows, and keeps the runner's own summary for the end.
check() {
  local title=$1 pattern=$2 log; shift 2
  log=$(mktemp "$CACHE/check.XXXXXX")
  say "$title"
  if ! "$@" 2>&1 | tee "$log"; then
    rm -f "$log"
    fail "$title: failed"
  fi
  { printf '%s\n' "$title"; grep -E "$pattern" "$log" | sed 's/\x1b\[[0-9;]*m//g'; } >>"$summaries"
  rm -f "$log"
}

scripts/lint.sh
check "The page's unit tests" '^ +(Test Files|Tests) |Tests ' npm --prefix web run --silent test
check "The page's size" 'in all' npm --prefix web run --silent size

scripts/oracle.sh
scripts/build.sh workspace-agent
scripts/image.sh
say "Building the tests (the first time this takes some minutes)"
cargo test --locked --workspace --quiet --no-run
# Three stories at a time: they mostly wait.
RUST_BACKTRACE=0 check "Rust: units, properties, transcripts, stories on the real stack" '^test result|^.*Skipping' \
  scripts/firestore.sh cargo test --locked --workspace --quiet -- --test-threads=3
scripts/browser.sh packages
check "The browser's stories" '^ +[0-9]+ (passed|failed|flaky|skipped)' scripts/browser.sh run

say "All passed"
cat "$summaries"
