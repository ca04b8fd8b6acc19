#!/usr/bin/env bash
# Runs a command with a Firestore emulator beside it, which ends with the command. Without gcloud the command runs all the
# same, and the tests of that store skip themselves; in continuous integration that is a failure.
source "$(dirname "$0")/lib.sh"

if [ -n "${FIRESTORE_EMULATOR_HOST:-}" ]; then exec "$@"; fi
missing=
has gcloud || missing="there is no gcloud (https://cloud.google.com/sdk/docs/install)"
has java || missing="there is no Java"
if [ -n "$missing" ]; then
  if [ -n "${CI:-}" ]; then fail "the Firestore emulator is needed, and $missing"; fi
  say "Skipping the tests of the Firestore store: $missing"
  exec "$@"
fi

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((20000 + RANDOM % 20000))
while listens "$port"; do port=$((20000 + RANDOM % 20000)); done
log=$(mktemp "$CACHE/firestore.XXXXXX")

say "Starting the Firestore emulator"
setsid gcloud --quiet emulators firestore start --host-port="127.0.0.1:$port" >"$log" 2>&1 </dev/null &
emulator=$!
end() {
  kill -TERM -- "-$emulator" 2>/dev/null || :
  wait "$emulator" 2>/dev/null || :
  rm -f "$log"
}
trap end EXIT
trap 'exit 130' INT TERM
# Its first answer takes a while; it comes before the tests begin to count.
until [ "$(curl --noproxy '*' -s --max-time 60 "http://127.0.0.1:$port/")" = Ok ]; do
  if ! kill -0 "$emulator" 2>/dev/null; then
    cat "$log" >&2
    fail "the Firestore emulator does not start; is its component installed? (\`gcloud components install cloud-firestore-emulator\`)"
  fi
  pause
done
FIRESTORE_EMULATOR_HOST=127.0.0.1:$port "$@"
