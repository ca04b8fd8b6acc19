# Shared by the scripts: where things are, how they speak, how packages are installed. Sourced, not run.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

CACHE=${ATELIER_CACHE:-$HOME/.cache/atelier}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
mkdir -p "$CACHE"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() { printf '\033[1;31merror:\033[0m %s\n' "$*" >&2; exit 1; }
# A fifth of a second, without a process for it.
pause() { read -rt 0.2 <> <(:) || :; }
has() { command -v "$1" >/dev/null 2>&1; }

# install PURPOSE PACKAGE...: installs Debian packages, as root on Debian or Ubuntu; elsewhere says what is needed.
install() {
  local purpose=$1; shift
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! has apt-get || [ "$(id -u)" != 0 ]; then
    fail "$purpose needs: ${missing[*]}. Install them and run this again (as root on Debian or Ubuntu they are installed for you)."
  fi
  say "Installing for $purpose: ${missing[*]}"
  if [ -z "${APT_UPDATED:-}" ]; then
    apt-get update -qq
    export APT_UPDATED=1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# once NAME FILE... -- COMMAND...: runs the command unless it has succeeded before with these very files.
once() {
  local name=$1; shift
  local files=()
  while [ "$1" != -- ]; do files+=("$1"); shift; done
  shift
  local stamp="$CACHE/stamps/$name" now
  now=$(cat "${files[@]}" | sha256sum)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; then return 0; fi
  "$@"
  mkdir -p "$(dirname "$stamp")"
  printf '%s' "$now" >"$stamp"
}
