#!/usr/bin/env bash
# Builds the documentation as a site of plain files, which needs no server: open index.html. Loads
# nothing from other hosts, neither now nor when it is read.
#
# Usage: hack/site.sh [DIR]
#
#   DIR   build/site by default; what is there is replaced
#
# A warning, such as a link that leads nowhere, fails the build.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

case ${1:-} in
  --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
  -*) printf 'site.sh: unknown option %s; see --help\n' "$1" >&2; exit 2 ;;
esac
out=$(realpath -m "${1:-$root/build/site}")
cd "$root/hack/site"
PYTHONPATH=$PWD PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m mkdocs --quiet build --strict \
  --config-file mkdocs.yml --site-dir "$out"
printf '%s\n' "$out/index.html"
