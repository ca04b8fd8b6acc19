#!/usr/bin/env bash
# The checks that need nothing running: format, lints, documentation, dependencies, types.
source "$(dirname "$0")/lib.sh"
scripts/tools.sh
source scripts/path.sh

MACHETE=0.9.2

say "Format"
cargo fmt --all --check
say "Lints"
cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
say "Documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items --quiet
say "Dependencies: none unused, one TLS provider"
if [ ! -x "$CACHE/tools/bin/cargo-machete" ]; then
  CARGO_TARGET_DIR=$CACHE/tools/target cargo install --quiet --locked --root "$CACHE/tools" "cargo-machete@$MACHETE"
fi
"$CACHE/tools/bin/cargo-machete" >/dev/null
for other in ring openssl-sys native-tls; do
  if cargo tree --locked --workspace --edges normal --invert "$other" 2>/dev/null | grep -q .; then
    cargo tree --locked --workspace --edges normal --invert "$other" >&2
    fail "a second TLS provider, $other, has come in"
  fi
done
say "The page: lints, types"
scripts/web.sh
(cd web && npm run --silent lint && npm run --silent check)
