# What runs in the background: one pid file and one log each. Sourced after lib.sh.

DATA=${ATELIER_DATA:-data}
# What is configured for good: NAME=value lines. What the environment says goes before it.
if [ -f "$DATA/env" ]; then
  while IFS='=' read -r name value; do
    case $name in ATELIER_*|DOCKER_HOST|EXTRA_CA) [ -n "${!name+set}" ] || export "$name=$value" ;; esac
  done <"$DATA/env"
fi
RUN=$DATA/run
BIN=$CARGO_TARGET_DIR/release
URL=${ATELIER_PUBLIC_URL:-http://${ATELIER_LISTEN:-127.0.0.1:8080}}

# The pid that NAME runs under, if it does. A pid file may have outlived its process, and the pid be another's now.
pid_of() {
  local pid
  pid=$(cat "$RUN/$1.pid" 2>/dev/null) || return 1
  [ "$({ tr '\0' '\n' <"/proc/$pid/cmdline" | head -n 1; } 2>/dev/null)" = "$BIN/$1" ] && echo "$pid"
}

# Whether what was just started goes on: for a moment it goes by the name of what starts it.
lives() { kill -0 "$(cat "$RUN/$1.pid" 2>/dev/null || echo none)" 2>/dev/null; }

runs() { pid_of "$1" >/dev/null; }

# start NAME OUTPUT ARGUMENT...: in the background, with its log in data/run.
start() {
  local name=$1 output=$2; shift 2
  ATELIER_DATA=$DATA setsid nohup "$BIN/$name" "$@" >"$output" 2>>"$RUN/$name.log" </dev/null &
  echo $! >"$RUN/$name.pid"
}

# end NAME: asks it to end and waits until it has.
end() {
  local pid
  pid=$(pid_of "$1") || return 0
  kill -TERM "$pid"
  for _ in $(seq 1 150); do
    runs "$1" || return 0
    pause
  done
  fail "$1 (process $pid) does not end; see $RUN/$1.log"
}

# await WHAT COMMAND...: until the command succeeds, at most a minute.
await() {
  local what=$1; shift
  for _ in $(seq 1 300); do
    "$@" && return 0
    lives "${name_of[$what]}" || break
    pause
  done
  tail -n 20 "$RUN/${name_of[$what]}.log" >&2
  fail "$what does not come up; its log is $RUN/${name_of[$what]}.log"
}
declare -A name_of=(["the control plane"]=control-plane ["the scripted model"]=scripted-model)

# Its own port is asked, whatever name is on the certificate.
healthy() {
  local scheme=http
  [ -z "${ATELIER_TLS_CERTIFICATE:-}" ] || scheme=https
  curl -sfk --noproxy '*' -o /dev/null "$scheme://${ATELIER_LISTEN:-127.0.0.1:8080}/health"
}

# Whether people sign in at an identity provider.
has_provider() { [ -n "${ATELIER_OIDC_CLIENT_ID:-}" ]; }

# The address is that of the control plane that runs, however it was configured.
sign_in() { "$BIN/control-plane" sign-in --data "$DATA" --public-url "$(cat "$RUN/url" 2>/dev/null || echo "$URL")"; }
