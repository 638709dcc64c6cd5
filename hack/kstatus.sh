#!/usr/bin/env bash
# Prints what kstatus (sigs.k8s.io/cli-utils, pinned in hack/kstatus) makes of the objects given as
# JSON on standard input, one line for each: Current, InProgress, Failed or Terminating, and why. In
# between what each EXPRESSION, in CEL as in the healthCheckExprs of a Flux Kustomization, says:
# true, false or unknown. Builds the program on first use, into the cache.
#
# Usage: kubectl get apitoken NAME -o json | hack/kstatus.sh [EXPRESSION...]
#        hack/kstatus.sh --build      only builds it
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=hack/lib/go.sh
. "$here/lib/go.sh"

build_into() {
  [ ! -x "$1/kstatus" ] || return 0
  find_go
  # shellcheck disable=SC2154 # set by find_go
  ( cd "$here/kstatus" && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly "$go_bin" build -trimpath -buildvcs=false -o "$1/.partial" . ) ||
    die "building kstatus failed"
  mv "$1/.partial" "$1/kstatus"
}

only_build=""
case ${1:-} in
  --build) only_build=yes ;;
  --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
  -*) die "unknown option $1; see --help" ;;
esac
bin="$cache_root/bin/kstatus-$(cat "$here"/kstatus/{go.mod,go.sum,main.go} | sha256sum | cut -c1-16)"
[ -x "$bin/kstatus" ] || build_locked "$bin" build_into
[ -n "$only_build" ] || exec "$bin/kstatus" "$@"
