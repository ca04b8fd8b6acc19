#!/usr/bin/env bash
# Release builds of the packages named.
source "$(dirname "$0")/lib.sh"
source scripts/path.sh

# Quiet when there is little to do; a first build takes minutes and should show that it lives.
quiet=(--quiet)
for package in "$@"; do
  if [ ! -x "$CARGO_TARGET_DIR/release/$package" ]; then
    say "Building $* (the first time this takes some minutes)"
    quiet=()
    break
  fi
done
# One by one: which features a library is built with depends on what is built together.
for package in "$@"; do cargo build --locked --release "${quiet[@]}" -p "$package"; done
