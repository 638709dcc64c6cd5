#!/usr/bin/env bash
# Rules of the front end that no browser tells: texts of others become text nodes and nothing else,
# addresses come from link(), nothing is loaded from elsewhere, every module and import is there,
# the whole, as the program has it, stays small.
#
# Usage: hack/check-portal.sh [--types]
#
#   --types   also check the JSDoc types with a pinned TypeScript from npm; never needed to build
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly typescript=5.9.3 most_bytes=${PORTAL_MOST_BYTES:-45000}
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
  refuse "\bhref: ([^l']|'[^/#])|[{,] *href *[,}]" 'an address that is not made by link()'
  refuse "\bstyle: ['\"\`]|h\('(style|script)\b|<style|<script>" \
    'inline styles and scripts: the Content-Security-Policy forbids them'
  refuse "\bon[A-Z][a-zA-Z]*: ['\"\`]" 'inline event handlers'
  refuse "(src|href)[:=] ?['\"\`]https?:|url\(|@import|from 'https?:|\bimport\(" \
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

# The build renames the properties that embed.cmake lists: none may be reached by its name as text,
# or be a member of what the server sends.
check_renamed() {
  local names found
  names=$(sed -n '/^set(ours/,/)$/p' portal/embed.cmake | tr -d ')' | tr -s ' \n' '|' |
    sed 's/^set(ours|__\.?|//; s/|$//')
  found=$(git ls-files 'portal/*.js' 'controller/portal/*.cpp' | grep -v ^portal/vendor/ |
    xargs grep -nE -- "'($names)'[]:]|[{,\[(]\"($names)\"" || true)
  [ -n "$found" ] || return 0
  printf '%s\n  -> portal/embed.cmake renames this property: take it off its list\n' "$found"
  failed=1
}

check_size() {
  local out bytes
  out=$(mktemp -d)
  cmake -DSOURCE=portal -DOUT="$out" -P portal/embed.cmake
  bytes=$(cat "$out"/{index.html,app.js,app.css}.gz | wc -c)
  rm -r "$out"
  printf 'portal: HTML, JavaScript and CSS have %d bytes, gzipped (at most %d)\n' "$bytes" \
    "$most_bytes"
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
check_renamed
check_size
[ "${1:-}" != --types ] || check_types || failed=1
exit "$failed"
