#!/usr/bin/env bash
# Rules of the front end that no browser tells: texts of others become text nodes and nothing else,
# addresses come from link(), nothing is loaded from elsewhere, every module and import is there,
# the whole stays small.
#
# Usage: hack/check-portal.sh [--types]
#
#   --types   also check the JSDoc types with a pinned TypeScript from npm; never needed to build
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly typescript=5.9.3 most_bytes=${PORTAL_MOST_BYTES:-90000}
failed=0

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

# refuse PATTERN WHY: no file of ours may have a line like this.
refuse() {
  local found
  found=$(git ls-files 'portal/*.js' 'portal/*.in' 'portal/*.css' | grep -v ^portal/vendor/ |
    xargs grep -nE -- "$1" || true)
  [ -n "$found" ] || return 0
  printf '%s\n  -> %s\n' "$found" "$2"
  failed=1
}

check_texts() {
  local html='innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML'
  html+='|createContextualFragment|DOMParser|srcdoc'
  refuse "$html" 'HTML from text: use text nodes'
  refuse '\beval\(|new Function|setTimeout\(["'"'"'`]|javascript:' 'code from text'
  # shellcheck disable=SC2016 # these are patterns
  refuse 'href=\$\{[^l}"]' 'an address that is not made by link()'
  refuse '<[a-z]+[^>]* style="|<style|<script>' \
    'inline styles and scripts: the Content-Security-Policy forbids them'
  # shellcheck disable=SC2016
  refuse ' on[a-z]+="' 'inline event handlers'
  refuse "(src|href)=\"https?:|url\(|@import|from 'https?:|import\('https?:" \
    'something from elsewhere'
}

check_modules() {
  local file target
  while read -r file; do
    while read -r target; do
      [ -f "$(dirname "$file")/$target" ] ||
        { printf '%s imports %s, which is not there\n' "$file" "$target"; failed=1; }
    done < <(grep -oE "(from|import\() ?'\.[^']+'" "$file" | sed "s/.*'\(.*\)'/\1/")
  done < <(git ls-files 'portal/*.js' | grep -v ^portal/vendor/)
}

check_size() {
  local bytes
  bytes=$(git ls-files 'portal/*.js' 'portal/*.css' 'portal/*.in' | xargs -n1 gzip -9nc | wc -c)
  printf 'portal: %d bytes, gzipped file by file (at most %d)\n' "$bytes" "$most_bytes"
  [ "$bytes" -le "$most_bytes" ] || failed=1
}

check_types() {
  local found # the libraries are not ours to type
  found=$(npx --yes --package "typescript@$typescript" tsc --project tests/portal/tsconfig.json |
    grep -v '^portal/vendor/\|^  ' || true)
  [ -z "$found" ] || { printf '%s\n' "$found"; return 1; }
}

case ${1:-} in
  '' | --types) ;;
  --help | -h) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
check_texts
check_modules
check_size
[ "${1:-}" != --types ] || check_types || failed=1
exit "$failed"
