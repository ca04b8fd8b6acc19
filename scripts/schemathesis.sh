#!/usr/bin/env bash
# The API against its own description: schemathesis makes up requests for every endpoint, good ones and bad ones, to a real
# control plane, as a script with a token and as a person with a session. No answer may be a failure of the server's, none may be
# of a kind that is not described. `packages` fetches it, `run` runs it; EXAMPLES= says how many requests an endpoint gets.
source "$(dirname "$0")/lib.sh"
source scripts/path.sh

SCHEMATHESIS=4.32.5
EXAMPLES=${EXAMPLES:-25}
VENV=$CACHE/schemathesis

packages() {
  case $("$VENV/bin/st" --version 2>/dev/null) in *" $SCHEMATHESIS") return ;; esac
  has python3 && python3 -c 'import ensurepip' 2>/dev/null || install "testing the API" python3 python3-venv
  say "Fetching schemathesis $SCHEMATHESIS"
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$SCHEMATHESIS"
}

# ask REQUEST: asks the stack something and prints the text of its answer.
ask() {
  printf '%s\n' "$1" >&"$STACK_IN"
  local answer
  IFS= read -r answer <&"$STACK_OUT"
  python3 -c 'import json, sys; print(json.loads(sys.argv[1])["ok"])' "$answer"
}

# attack NAME METHODS NOT URL HEADER...: the requests of one kind of caller, of methods that a regular expression names, to paths below
# /api/ that another one doesn't.
attack() {
  local name=$1 methods=$2 not=$3 url=$4 headers=() conversation; shift 4
  for header in "$@"; do headers+=(-H "$header"); done
  conversation=$(curl -sf "$url/api/conversations" "${headers[@]}" --json '{}' |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
  # The ids of what there is, so that requests get further than "there is no such thing"; what would end the run is left out:
  # streams, which never end, and whatever signs this caller out or erases it.
  cat >"$WORK/schemathesis.toml" <<CONFIG
[parameters]
"path.id" = "$conversation"
"query.wait" = 0
[checks.not_a_server_error]
# 503 is an answer, not a failure: the workspace has not told yet how things stand, ask again.
expected-statuses = ["2xx", "3xx", "4xx", "503"]
[[operations]]
include-method = "DELETE"
parameters = { "path.id" = "00000000-0000-4000-8000-000000000000" }
CONFIG
  say "The API, as $name"
  # Who is let in is not asked here: what it takes away of a request is not the header that it is given. tests/it/routes.rs of the
  # control plane walks every route for that.
  cd "$WORK"
  # One worker: Python 3.11 miscounts its depth when two threads parse source at a time, which hypothesis does.
  "$VENV/bin/st" --config-file "$WORK/schemathesis.toml" run "$url/api/openapi.json" --seed 1 --max-examples "$EXAMPLES" \
    --workers 1 --rate-limit auto --no-color --continue-on-failure --suppress-health-check all --request-timeout 30 \
    --phases examples,coverage,fuzzing,stateful \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --exclude-path-regex "^/api/(sign-out.*|user|auth/google|sign-in/.*|conversations/\{id\}/stream|$not)\$" \
    --include-method-regex "^($methods)\$" "${headers[@]}"
}

run() {
  WORK=$(mktemp -d "$CACHE/schemathesis.XXXXXX")
  local page=$WORK/web
  mkdir -p "$page" && printf '<!doctype html><title>Atelier</title>' >"$page/index.html"
  coproc STACK { exec "$CARGO_TARGET_DIR/debug/stack" "$page" --api-requests=1000000; }
  STACK_OUT=${STACK[0]} STACK_IN=${STACK[1]}
  # shellcheck disable=SC2064
  trap "exec $STACK_IN>&-; wait $STACK_PID 2>/dev/null; rm -rf '$WORK'" EXIT
  local line url token cookie
  IFS= read -r line <&"$STACK_OUT"
  url=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["url"])' "$line")
  token=$(ask '{"do":"token"}')
  attack "a script with a token" '.*' '' "$url" "Authorization: Bearer $token"
  cookie=$(ask '{"do":"operator"}')
  attack "an operator with a session" "$@" "$url" "Cookie: $cookie" "Origin: $url"
}

case ${1:-} in
  packages) packages ;;
  # What a person changes or exports is paced, and would take long.
  run) packages; run GET '.*/(export|files)' ;;
  session) packages; run '.*' '' ;;
  *) fail "packages, run or session" ;;
esac
