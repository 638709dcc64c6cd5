#!/usr/bin/env bash
# Reads objects as JSON and prints for each one line: the status of kstatus (sigs.k8s.io/cli-utils,
# pinned in hack/kstatus), that is Current, InProgress, Failed or Terminating; the result of each
# EXPRESSION (CEL, as in healthCheckExprs of a Flux Kustomization), that is true, false or unknown;
# and kstatus' message. Builds the program on first use, into the cache.
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
  ( cd "$here/kstatus" && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly "$go_bin" build \
    -trimpath -buildvcs=false -o "$1/.partial" . ) ||
    die "building kstatus failed"
  mv "$1/.partial" "$1/kstatus"
}

only_build=""
case ${1:-} in
  --build) only_build=yes ;;
  --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
  -*) die "unknown option $1; see --help" ;;
esac
sources=$(cat "$here"/kstatus/{go.mod,go.sum,main.go} | sha256sum | cut -c1-16)
bin="$cache_root/bin/kstatus-$sources"
[ -x "$bin/kstatus" ] || build_locked "$bin" build_into
[ -n "$only_build" ] || exec "$bin/kstatus" "$@"
