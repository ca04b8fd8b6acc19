#!/usr/bin/env bash
# The workspace image, claude-workspace:latest. Built only if something that goes into it changed.
#
#   EXTRA_CA=FILE   CA certificates (PEM) that the image trusts besides Debian's, for networks whose proxy inspects
#                   TLS. [default: $SSL_CERT_FILE, if that is set]
source "$(dirname "$0")/lib.sh"
source scripts/path.sh

IMAGE=${IMAGE:-claude-workspace:latest}
BASE=debian:bookworm-slim
CLAUDE_VERSION=2.1.330
case $(uname -m) in
  x86_64) CLAUDE_PACKAGE=claude-code-linux-x64
          CLAUDE_SHA512=9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ== ;;
  aarch64) CLAUDE_PACKAGE=claude-code-linux-arm64
           CLAUDE_SHA512=V4yanAY5EA5UpwwRPtjSfqDbNqAlUJeVn3NYZw2AgmRHjdpSsLtHAzbxRXfkAnbjwTXzE0uedjQxUY02ARPcsA== ;;
  *) fail "there is no Claude CLI for $(uname -m)" ;;
esac

# The CLI, at its pinned version, checked against its pinned digest.
claude=$CACHE/claude-$CLAUDE_VERSION
if [ ! -x "$claude/claude" ]; then
  say "Fetching the Claude CLI $CLAUDE_VERSION (175 MB)"
  mkdir -p "$claude"
  url=https://registry.npmjs.org/@anthropic-ai/$CLAUDE_PACKAGE/-/$CLAUDE_PACKAGE-$CLAUDE_VERSION.tgz
  curl -sSf --retry 3 -o "$claude/package.tgz" "$url"
  digest=$(openssl dgst -sha512 -binary "$claude/package.tgz" | base64 -w0)
  [ "$digest" = "$CLAUDE_SHA512" ] || fail "the Claude CLI that was fetched is not the pinned one ($digest)"
  tar -xzf "$claude/package.tgz" -C "$claude" --strip-components=1 package/claude
  rm "$claude/package.tgz"
  chmod 0755 "$claude/claude"
fi

# The workspace-agent, without its debug information.
agent=$CACHE/workspace-agent
strip -o "$agent" "${AGENT:-$CARGO_TARGET_DIR/release/workspace-agent}"

# Two layers of work: the system (slow, seldom changes) and what of ours goes on top (quick).
extra_ca=${EXTRA_CA:-${SSL_CERT_FILE:-/dev/null}}
inputs=$( (cat docker/workspace.Dockerfile "$extra_ca" "$agent"; echo "$CLAUDE_VERSION") | sha256sum | cut -c1-40)
if [ "$(docker image inspect -f '{{index .Config.Labels "atelier.inputs"}}' "$IMAGE" 2>/dev/null)" = "$inputs" ]; then
  exit 0
fi

if ! docker image inspect "$BASE" >/dev/null 2>&1; then
  say "Pulling $BASE"
  if ! timeout 120 docker pull -q "$BASE" >/dev/null 2>&1; then
    say "No image registry can be reached; making $BASE from Debian's packages"
    install "making $BASE" mmdebstrap
    mmdebstrap --quiet --variant=minbase \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
      --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' \
      bookworm | docker import - "$BASE" >/dev/null
  fi
fi

say "Building the image $IMAGE"
context=$(mktemp -d "$CACHE/image.XXXXXX")
trap 'rm -rf "$context"' EXIT
cp "$agent" "$context/workspace-agent"
ln "$claude/claude" "$context/claude" 2>/dev/null || cp "$claude/claude" "$context/claude"
cat "$extra_ca" >"$context/extra-ca.crt"
echo "$CLAUDE_VERSION" >"$context/claude-version"
log=$CACHE/image.log
DOCKER_BUILDKIT=0 docker build --label "atelier.inputs=$inputs" -t "$IMAGE" -f docker/workspace.Dockerfile "$context" \
  >"$log" 2>&1 || { tail -30 "$log" >&2; fail "the image can't be built; the whole log is $log"; }
