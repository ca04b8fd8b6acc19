#!/usr/bin/env bash
# Sets up what is missing, builds what changed, starts, and prints the sign-in address. Running it again is quick;
# what runs already and is current goes on.
#
#   DEMO=1            a scripted model answers instead of Claude: no key is needed
#   ATELIER_…         the control plane's configuration; see README.md
source "$(dirname "$0")/lib.sh"
source scripts/running.sh

scripts/tools.sh
source scripts/path.sh
scripts/engine.sh
demo=${DEMO:+scripted-model}
scripts/web.sh
scripts/build.sh control-plane workspace-agent $demo
scripts/image.sh

(umask 077 && mkdir -p "$RUN")

if [ -n "$demo" ]; then
  if ! runs scripted-model; then
    say "Starting the scripted model"
    rm -f "$RUN/scripted-model.address"
    start scripted-model "$RUN/scripted-model.address" --delay-ms 20
    await "the scripted model" test -s "$RUN/scripted-model.address"
  fi
  ATELIER_UPSTREAM=http://$(head -n 1 "$RUN/scripted-model.address")
  # The operator's own key is not for the scripted model.
  export ATELIER_UPSTREAM ATELIER_DEMO=true ATELIER_ANTHROPIC_KEY=demo
else
  end scripted-model
fi

# A control plane of an older build, or with another configuration, makes way. Workspaces go on meanwhile.
secrets=("${ATELIER_ANTHROPIC_KEY_FILE:-$DATA/anthropic-key}" "${ATELIER_OIDC_CLIENT_SECRET_FILE:-$DATA/oidc-client-secret}")
now=$( (cat "$BIN/control-plane" "${secrets[@]}" 2>/dev/null; env | grep '^ATELIER_\|^DOCKER_HOST=' | LC_ALL=C sort; docker info -f '{{.ID}}') | sha256sum)
# With a mistake in its configuration, what runs goes on.
ATELIER_DATA=$DATA ATELIER_LOG=error "$BIN/control-plane" check || fail "nothing was changed"
if runs control-plane && [ "$now" != "$(cat "$RUN/control-plane.is" 2>/dev/null)" ]; then
  say "Restarting the control plane: it is new, or configured anew"
  end control-plane
fi
if ! runs control-plane; then
  say "Starting Atelier"
  start control-plane /dev/null serve
  printf '%s' "$now" >"$RUN/control-plane.is"
  printf '%s' "$URL" >"$RUN/url"
  await "the control plane" healthy
fi

if [ -n "$demo" ]; then
  say "This is a demo: a scripted model answers. Ask it for \`help\`."
elif [ -z "${ATELIER_ANTHROPIC_KEY:-}${ATELIER_ANTHROPIC_KEY_FILE:-}" ] && [ ! -e "$DATA/anthropic-key" ]; then
  say "There is no model key yet: put your Anthropic API key into $DATA/anthropic-key and run \`make up\` again, or try \`make up DEMO=1\`."
fi
if has_provider && [ -z "${ATELIER_OIDC_CLIENT_SECRET:-}" ] && [ ! -e "${secrets[1]}" ]; then
  say "There is no client secret at ${secrets[1]}. Unless the provider knows this client as a public one, nobody can sign in."
fi
if has_provider; then
  say "Atelier is ready. Sign in at"
  printf '\n  %s\n\n' "$URL"
else
  say "Atelier is ready. Sign in once, within five minutes, at"
  printf '\n  %s\n\n' "$(sign_in)"
fi
