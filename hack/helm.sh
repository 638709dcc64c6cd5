#!/usr/bin/env bash
# Helm 3, Helm 4 and the CRDs of the Prometheus operator, from their pinned Go modules, for the
# tests of the chart. Writes only into the build cache outside the tree. Without Go it says what to
# install.
#
# Usage: hack/helm.sh COMMAND
#
#   build     build what is missing (5 minutes on 2 cores, once), then print "3 PATH", "4 PATH" and
#             "kinds DIRECTORY"
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=hack/lib/go.sh
. "$here/lib/go.sh"

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

pin_of() { printf '%s/helm/v%s\n' "$here" "$1"; }
helm_of() { printf '%s/helm\n' "$(bin_dir_of "$(pin_of "$1")")"; }
pinned() {
  sed -n "s|^[[:space:]]*\(require \)*$2 \(v[0-9.]*\).*|\2|p" "$(pin_of "$1")/go.mod" |
    head -n 1
}

# Helm takes from the link flags which version it is and which Kubernetes `helm template` assumes:
# that of its client library.
build_into() {
  local bin=$1 major=$2 version kubernetes module="helm.sh/helm/v$2"
  [ ! -x "$bin/helm" ] || return 0
  [ -n "${go_bin:-}" ] || find_go
  version=$(pinned "$major" "$module")
  kubernetes=$(pinned "$major" k8s.io/client-go)
  kubernetes=$(cut -d. -f2 <<<"$kubernetes")
  say "Building Helm $version into $bin"
  ( cd "$(pin_of "$major")" && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly "$go_bin" build \
    -trimpath -buildvcs=false \
    -ldflags "-s -w -X $module/internal/version.version=$version \
      -X $module/pkg/chartutil.k8sVersionMajor=1 \
      -X $module/pkg/chartutil.k8sVersionMinor=$kubernetes \
      -X $module/pkg/lint/rules.k8sVersionMajor=1 \
      -X $module/pkg/lint/rules.k8sVersionMinor=$kubernetes" \
    -o "$bin/.helm.partial" "$module/cmd/helm" ) || die "building Helm $version failed"
  mv "$bin/.helm.partial" "$bin/helm"
}

# The CRDs of ServiceMonitor, PodMonitor and PrometheusRule.
fetch_kinds() {
  local to=$1 module=github.com/prometheus-operator/prometheus-operator \
    pin="$here/helm/prometheus-operator" source kind
  [ ! -e "$to/complete" ] || return 0
  [ -n "${go_bin:-}" ] || find_go
  source=$(cd "$pin" && GOWORK=off "$go_bin" mod download \
    -json "$module@$(sed -n "s|^require $module ||p" go.mod)" |
    sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
  [ -d "$source" ] || die "$module could not be downloaded"
  for kind in servicemonitors podmonitors prometheusrules; do
    install -m 644 "$source/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" \
      "$to/$kind.yaml"
  done
  : >"$to/complete"
}

build() {
  local major
  for major in 3 4; do
    # shellcheck disable=SC2317 # called by build_locked
    build_major() { build_into "$1" "$major"; }
    [ -x "$(helm_of "$major")" ] || build_locked "$(dirname "$(helm_of "$major")")" build_major
    printf '%s %s\n' "$major" "$(helm_of "$major")"
  done
  build_locked "$(bin_dir_of "$here/helm/prometheus-operator")" fetch_kinds
  printf 'kinds %s\n' "$(bin_dir_of "$here/helm/prometheus-operator")"
}

case ${1:---help} in
  build) build ;;
  --help | -h | help) usage ;;
  *) die "unknown command $1; see --help" ;;
esac
