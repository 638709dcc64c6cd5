#!/usr/bin/env bash
# Fetches ruff, which formats and lints the Python of this tree by ruff.toml. Debian 12 has no
# package of it, so its wheel comes from PyPI with its sum checked (hack/ruff/requirements.txt).
# Writes only into the build cache outside the tree.
#
# Usage: hack/ruff.sh COMMAND
#
#   build     fetch ruff if it is missing (10 MB, once), then print its path
#   check     exit 1 if a file is not formatted or breaks a rule
#   fix       format all files and mend what ruff can mend
set -euo pipefail
umask 077

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/lib/go.sh
. "$root/hack/lib/go.sh"
# shellcheck source=hack/lib/wheels.sh
. "$root/hack/lib/wheels.sh"

readonly pin="$root/hack/ruff/requirements.txt"

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

fetch_into() { fetch_wheels ruff "$pin" "$1" bin/ruff; }

build() {
  local bin
  bin=$(wheels_dir "$pin")
  build_locked "$bin" fetch_into
  printf '%s\n' "$bin/ruff"
}

python_files() { git -C "$root" ls-files --deduplicate -co --exclude-standard '*.py'; }

# The files that git knows; one that was deleted is no fault.
on_files() {
  local file files=() ruff
  ruff=$(build)
  cd "$root"
  while read -r file; do [ ! -e "$file" ] || files+=("$file"); done < <(python_files)
  "$ruff" "$@" "${files[@]}"
}

case ${1:---help} in
  build) build ;;
  check) on_files format --check --quiet && on_files check --quiet ;;
  fix) on_files check --fix --exit-zero --quiet >&2 && on_files format --quiet ;;
  --help | -h | help) usage ;;
  *) die "unknown command $1; see --help" ;;
esac
