#!/usr/bin/env bash
# What signs people in to the portal in tests, beside the tests' own issuer: an OpenID provider of
# another house (hack/identity/main.go) and oauth2-proxy, both pinned in hack/identity/go.mod. It
# writes only into the build cache outside the tree.
#
# Usage: hack/identity.sh COMMAND
#
#   build     build what is missing, then print "provider PATH" and "oauth2-proxy PATH"
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=hack/lib/go.sh
. "$here/lib/go.sh"

readonly pin="$here/identity"

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

build_into() {
  local bin=$1 name package
  find_go
  for name in provider oauth2-proxy; do
    [ ! -x "$bin/$name" ] || continue
    package=.
    [ "$name" = provider ] || package=github.com/oauth2-proxy/oauth2-proxy/v7
    say "Building $name into $bin"
    ( cd "$pin" && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly "$go_bin" build -trimpath \
      -buildvcs=false -ldflags "-s -w" -o "$bin/.$name.partial" "$package" ) ||
      die "building $name failed"
    mv "$bin/.$name.partial" "$bin/$name"
  done
}

# A changed main.go is another directory, too.
bin="$(bin_dir_of "$pin")-$(sha256sum <"$pin/main.go" | cut -c1-8)"
case ${1:---help} in
  build)
    build_locked "$bin" build_into
    for name in provider oauth2-proxy; do printf '%s %s\n' "$name" "$bin/$name"; done
    ;;
  --help | -h | help) usage ;;
  *) die "unknown command $1; see --help" ;;
esac
