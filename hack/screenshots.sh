#!/usr/bin/env bash
# Takes the portal's pictures, light and dark, in a real browser: `kubectl apitoken web` on a
# control plane and an operator of their own, with tokens in every state.
#
# Usage: hack/screenshots.sh [DIRECTORY]
#
# DIRECTORY defaults to docs/images. Needs what hack/install-deps.sh installs, and a build:
# OPERATOR_BIN (build/dev/apitoken-operator), PLUGIN_BIN (kubectl-apitoken beside it).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

case ${1:-} in
  --help | -h) usage; exit 0 ;;
  -*) usage >&2; exit 2 ;;
esac
out=${1:-$root/docs/images}
mkdir -p "$out"
"$root/hack/controlplane.sh" build
/usr/bin/python3 "$root/tests/portal/pictures.py" "$out"
