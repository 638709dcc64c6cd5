#!/usr/bin/env bash
# What is made of other files, so that nobody copies by hand: the chart's copies of kinds, policy, roles and alerts
# (charts/apitoken-operator/files), the table of values in the chart's README, and manifests/install.yaml, which is manifests/default
# rendered. Run by hand and by hack/test.sh; needs kubectl on PATH or from hack/controlplane.sh build.
#
# Usage: hack/packages.sh [--write]
#
#   --write   make them anew; without it compare, and exit 1 where one differs
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly chart=charts/apitoken-operator install=manifests/install.yaml
readonly files=$chart/files readme=$chart/README.md
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

kubectl_here() {
  command -v kubectl >/dev/null || PATH="$PATH:$(hack/controlplane.sh build)"
  kubectl "$@"
}

make_all() {
  mkdir -p "$made/$files/crds" "$made/manifests"
  cp crds/*.yaml "$made/$files/crds/"
  cp manifests/policy/{mint,lifetimes,status,fence,roles}.yaml manifests/prometheus/rules.yaml "$made/$files/"
  /usr/bin/python3 hack/lib/values.py "$chart" >"$made/$readme"
  {
    printf '# The operator and all it needs, from manifests/default. Made by hack/packages.sh --write.\n'
    printf '#   kubectl apply --server-side -f manifests/install.yaml\n'
    kubectl_here kustomize manifests/default
  } >"$made/$install"
}

case ${1:-} in
  --write)
    make_all
    rm -rf "$files"
    cp -r "$made/$files" "$files"
    cp "$made/$readme" "$readme"
    cp "$made/$install" "$install"
    ;;
  '')
    make_all
    if ! { diff -ru "$made/$files" "$files" && diff -u "$made/$readme" "$readme" && diff -u "$made/$install" "$install"; }; then
      printf 'packages.sh: made files differ; run hack/packages.sh --write\n' >&2
      exit 1
    fi
    printf 'packages: the chart and install.yaml are made of what stands in crds, manifests and values.yaml\n'
    ;;
  --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" ;;
  *) printf 'packages.sh: unknown option %s; see --help\n' "$1" >&2; exit 2 ;;
esac
