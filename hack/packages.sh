#!/usr/bin/env bash
# Makes the files that are copies or renderings of others:
# - charts/apitoken-operator/files: CRDs, policies, roles and alerts for the chart,
# - the table of values in the chart's README,
# - docs/reference.md: the fields of the CRDs.
# Run by hand and by hack/test.sh.
#
# Usage: hack/packages.sh [--write]
#
#   --write   make the files; without it compare them, and exit 1 if one differs
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly chart=charts/apitoken-operator
readonly files=$chart/files readme=$chart/README.md reference=docs/reference.md
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

make_all() {
  mkdir -p "$made/$files/crds" "$made/docs"
  cp crds/*.yaml "$made/$files/crds/"
  cp manifests/policy/{mint,lifetimes,status,fence,roles}.yaml manifests/prometheus/rules.yaml \
    "$made/$files/"
  /usr/bin/python3 hack/lib/values.py "$chart" >"$made/$readme"
  /usr/bin/python3 hack/reference.py >"$made/$reference"
}

case ${1:-} in
  --write)
    make_all
    rm -rf "$files"
    cp -r "$made/$files" "$files"
    cp "$made/$readme" "$readme"
    cp "$made/$reference" "$reference"
    ;;
  '')
    make_all
    differs=""
    for file in "$files" "$readme" "$reference"; do
      diff -ru "$made/$file" "$file" || differs=yes
    done
    if [ -n "$differs" ]; then
      printf 'packages.sh: made files differ; run hack/packages.sh --write\n' >&2
      exit 1
    fi
    printf 'packages: chart and reference.md agree with crds, manifests and values\n'
    ;;
  --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" ;;
  *) printf 'packages.sh: unknown option %s; see --help\n' "$1" >&2; exit 2 ;;
esac
