#!/usr/bin/env bash
# The front end's libraries, portal/vendor: copied from npm's tarballs and never edited, but that
# the source maps stay there. portal/vendor/VERSIONS pins each package (version, licence, the
# tarball's integrity) and each file (SHA-256).
#
# Usage: hack/vendor.sh --check | --write
#
#   --check   compare the files with VERSIONS, and with npm's tarballs if npm can be reached
#   --write   fetch the pinned tarballs, verify them, copy the files and write their sums
#
# To move to another version: change its `package` line, then --write.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly vendor=portal/vendor
readonly versions=$vendor/VERSIONS

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
die() { printf 'vendor.sh: %s\n' "$*" >&2; exit 1; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# fetch NAME VERSION INTEGRITY: unpacks the tarball into $scratch/NAME. Fails where the registry
# cannot be reached.
fetch() {
  local tarball
  tarball=$(cd "$scratch" && npm pack --silent "$1@$2" 2>/dev/null) || return 1
  tarball=$scratch/${tarball##*$'\n'}
  [ "sha512-$(openssl dgst -sha512 -binary "$tarball" | base64 -w0)" = "$3" ] ||
    die "the tarball of $1 $2 is not the one that VERSIONS names; expected $3"
  mkdir -p "$scratch/$1"
  tar -xzf "$tarball" -C "$scratch/$1" --strip-components=1
}

# as_vendored SOURCE: what our tree has of it.
as_vendored() { sed '/^\/\/# sourceMappingURL=/d' "$1"; }

packages() { sed -n 's/^package //p' "$versions"; }
files() { sed -n 's/^file //p' "$versions"; }

licences() {
  local name version
  while read -r name version _; do
    printf '%s %s\n\n' "$name" "$version"
    cat "$scratch/$name"/LICENSE*
    printf '\n'
  done < <(packages)
}

fetch_all() {
  local name version licence integrity
  command -v npm >/dev/null || return 1
  while read -r name version licence integrity; do
    fetch "$name" "$version" "$integrity" || return 1
    grep -q "\"license\": *\"$licence\"" "$scratch/$name/package.json" ||
      die "$name $version is not under $licence"
  done < <(packages)
}

check_sums() {
  local sum path extra
  while read -r sum path _; do
    [ "$(sha256sum <"$vendor/$path" | cut -d' ' -f1)" = "$sum" ] ||
      die "$vendor/$path differs from VERSIONS"
  done < <(files)
  extra=$(find "$vendor" -name '*.js' -printf '%P\n' | sort | comm -23 - <(files |
    cut -d' ' -f2 | sort))
  [ -z "$extra" ] || die "not in VERSIONS: $extra"
}

check_tarballs() {
  local path source
  if ! fetch_all; then printf 'vendor.sh: npm cannot be reached; compared with VERSIONS alone\n';
    return; fi
  while read -r _ path source; do
    as_vendored "$scratch/$source" | cmp -s - "$vendor/$path" ||
      die "$vendor/$path differs from npm's $source"
  done < <(files)
  licences | cmp -s - "$vendor/LICENSES" ||
    die "$vendor/LICENSES differs from those in the tarballs"
}

write() {
  local path source rows=()
  fetch_all || die 'npm cannot be reached'
  while read -r _ path source; do
    mkdir -p "$(dirname "$vendor/$path")"
    as_vendored "$scratch/$source" >"$vendor/$path"
    rows+=("file $(sha256sum <"$vendor/$path" | cut -d' ' -f1) $path $source")
  done < <(files)
  licences >"$vendor/LICENSES"
  { grep -v '^file ' "$versions"; printf '%s\n' "${rows[@]}"; } >"$scratch/VERSIONS"
  cp "$scratch/VERSIONS" "$versions"
}

case ${1:-} in
  --check) check_sums; check_tarballs ;;
  --write) write ;;
  --help | -h) usage ;;
  *) usage >&2; exit 2 ;;
esac
