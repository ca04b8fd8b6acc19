#!/usr/bin/env bash
# The long proofs: a million simulated runs, 200 random kills on the real parts, every fuzz target for a while.
# RUNS, KILLS, FUZZ_SECONDS and SEED change that; 0 leaves a part out.
source "$(dirname "$0")/lib.sh"

RUNS=${RUNS:-1000000}
KILLS=${KILLS:-200}
FUZZ_SECONDS=${FUZZ_SECONDS:-120}
# Runs have seeds one after the other: no two soaks begin near each other. A shell counts to 2^63.
SEED=${SEED:-$(($(od -An -N8 -tu8 /dev/urandom) >> 1 & 0x7fffffffffffffff))}
CARGO_FUZZ=0.13.1

install "the stories" nftables iproute2 mount util-linux procps
scripts/tools.sh
source scripts/path.sh

if [ "$RUNS" != 0 ]; then
  say "Simulation: $RUNS runs from seed $SEED"
  cargo run --locked --release --quiet -p simulation -- --from "$SEED" --runs "$RUNS"
fi

if [ "$FUZZ_SECONDS" != 0 ]; then
  install "fuzzing" g++
  if [ ! -x "$CACHE/tools/bin/cargo-fuzz" ]; then
    CARGO_TARGET_DIR=$CACHE/tools/target cargo install --quiet --locked --root "$CACHE/tools" "cargo-fuzz@$CARGO_FUZZ"
  fi
  for target in frames gateway json journal lines; do
    say "Fuzzing $target for $FUZZ_SECONDS seconds"
    found=$CACHE/fuzz/$target
    mkdir -p "$found"
    # Without a sanitizer, since all of it is safe Rust: that needs no nightly toolchain.
    CARGO_TARGET_DIR=$CACHE/fuzz-target "$CACHE/tools/bin/cargo-fuzz" fuzz run --fuzz-dir tests/fuzz/libfuzzer \
      --sanitizer none "$target" "$found" "$PWD/tests/fuzz/corpus/$target" -- \
      -max_total_time="$FUZZ_SECONDS" -max_len=65536 -print_final_stats=1 2>&1 | tail -n 12
  done
fi

if [ "$KILLS" != 0 ]; then
  scripts/engine.sh
  scripts/build.sh workspace-agent
  scripts/image.sh
  cargo build --locked --quiet -p control-plane
  # Only an engine that these scripts started is killed, too.
  if [ -f "$CACHE/dockerd.pid" ] && kill -0 "$(cat "$CACHE/dockerd.pid")" 2>/dev/null; then
    export ATELIER_KILL_ENGINE="$PWD/scripts/engine-kill.sh"
  fi
  say "$KILLS random kills on the real parts, seed $SEED"
  ATELIER_KILLS=$KILLS ATELIER_SEED=$SEED RUST_BACKTRACE=0 \
    cargo test --locked --quiet -p e2e --test it -- kills:: --nocapture
fi
say "Nothing was lost, nothing came twice"
