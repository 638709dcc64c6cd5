#!/usr/bin/env bash
# Makes all files of a release, in dist/. It publishes nothing: .github/workflows/release.yml, or a
# person, uploads them.
#
# Usage: hack/release.sh VERSION [--arch LIST] [--sign KEY] [--out DIR] [--url URL] [--here]
#
#   VERSION      of the tree: CMakeLists.txt, Chart.yaml, manifests and CHANGELOG.md must have it
#   --arch LIST  amd64,arm64 (the default), or one of them
#   --sign KEY   sign SHA256SUMS with this Ed25519 key (PEM, `openssl genpkey -algorithm ed25519`)
#   --out DIR    default: dist, which is replaced
#   --url URL    where the plugin's archives will be, for the krew manifest; default: the download
#                page of the release on GitHub
#   --here       build on this machine's Debian instead of hack/in-debian.sh 13, one architecture,
#                also if the tree has changes: to try this script, not for a release
#
# DIR gets, for each ARCH of the list:
#   apitoken-operator-image-VERSION.tar         the image for all ARCHs, an OCI layout in one file
#   apitoken-operator-image-VERSION-ARCH.spdx.json
#   apitoken-operator-VERSION.tgz               the chart
#   apitoken-operator-chart-VERSION.tar         the chart as an OCI artifact, a layout in one file
#   apitoken-operator-chart-VERSION.spdx.json
#   install.yaml, install.spdx.json             CRDs, operator, policies as one manifest
#   kubectl-apitoken-VERSION-linux-ARCH.tar.gz, .spdx.json   the plugin with its libraries
#   apitoken.yaml                               the plugin's krew manifest
#   RELEASE-NOTES.md                            the version's section of CHANGELOG.md
#   SHA256SUMS, SHA256SUMS.sig                  sums of all the others; the signature by KEY
#
# The same commit on the same Debian packages gives the same bits: times are those of the commit, or
# SOURCE_DATE_EPOCH. A first run compiles everything, 10 minutes of 2 cores for both ARCHs;
# later ones use ccache. docs/releasing.md says how to verify and publish.
# Needs kubectl on PATH, or builds it (hack/controlplane.sh).
# Environment with --here: OPERATOR_BIN, with portal and plugin beside it, spares the release build.
set -euo pipefail
umask 022

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/lib/debian.sh
. "$root/hack/lib/debian.sh"
readonly debian=13 # the release with security support
readonly source_url=https://github.com/apitoken-dev/apitoken-operator

version="" archs=amd64,arm64 key="" out="$root/dist" url="" here=""
while [ "$#" -gt 0 ]; do
  case $1 in
    --arch) archs=${2:?--arch needs a list}; shift 2 ;;
    --sign) key=$(realpath -- "${2:?--sign needs a file}"); shift 2 ;;
    --out) out=$(realpath -m -- "${2:?--out needs a directory}"); shift 2 ;;
    --url) url=${2:?--url needs a URL}; shift 2 ;;
    --here) here=yes; shift ;;
    --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) die "unknown option $1; see --help" ;;
    *) [ -z "$version" ] || die "more than one version: $version, $1"; version=$1; shift ;;
  esac
done
[ -n "$version" ] || die "no version; see --help"
IFS=, read -r -a archs <<<"$archs"
cd "$root"
use_commit
url=${url:-$source_url/releases/download/v$version}

# --- what must be true before ---------------------------------------------------------------------

# in_file FILE PATTERN: the tree names the version in more than one place.
in_file() {
  grep -qE "$2" "$1" || die "$1 is not of version $version: expected a line that matches $2"
}

check_tree() {
  local v=${version//./\\.} arch
  [ "$(version_of_tree)" = "$version" ] ||
    die "CMakeLists.txt says version $(version_of_tree), not $version; change it there first"
  in_file charts/apitoken-operator/Chart.yaml "^version: $v$"
  in_file charts/apitoken-operator/Chart.yaml "^appVersion: $v$"
  in_file charts/apitoken-operator/Chart.yaml "apitoken-operator:$v$"
  in_file manifests/base/deployment.yaml "image: .*/apitoken-operator:$v$"
  in_file CHANGELOG.md "^## \[$v\]"
  for arch in "${archs[@]}"; do
    [[ $arch =~ ^(amd64|arm64)$ ]] || die "--arch $arch: must be amd64, arm64 or both"
    [ -z "$here" ] || [ "$arch" = "$native" ] ||
      die "--here builds for $native alone; add --arch $native"
  done
  [ -n "$here" ] || [ -z "$(git status --porcelain)" ] ||
    die "the tree has changes that are not committed; commit them, or try with --here"
}

# ECDSA and RSA-PSS signatures differ each time; those of Ed25519 do not.
check_key() {
  [ -z "$key" ] || openssl pkey -in "$key" -noout -text 2>/dev/null | grep -q '^ED25519 Private' ||
    die "--sign $key: must be an Ed25519 private key (openssl genpkey -algorithm ed25519 -out KEY)"
}

# --- the files ------------------------------------------------------------------------------------

# build ARCH COMMAND...: runs it where ARCH is built.
build() {
  local for_arch=$1 cross=()
  shift
  if [ -n "$here" ]; then "$@" >&2; return; fi
  [ "$for_arch" = "$native" ] || cross=(--cross "$for_arch")
  SOURCE_DATE_EPOCH=$epoch hack/in-debian.sh "${cross[@]}" "$debian" "$@" >&2
}

make_programs() {
  local each parts
  for each in "${archs[@]}"; do
    parts=${work#"$root/"}/$each # the tree is in another place there
    build "$each" hack/image.sh --arch "$each" --out "$parts/image"
    build "$each" hack/plugin.sh --arch "$each" --out "$parts/plugin"
    layouts+=("$parts/image/oci")
    cp "$parts/image/apitoken-operator.spdx.json" \
      "$made/apitoken-operator-image-$version-$each.spdx.json"
    cp "$parts/plugin/"* "$made/"
  done
}

make_image() {
  python3 hack/lib/oci.py index "$work/image" "$version" "${layouts[@]}"
  archive "$made/apitoken-operator-image-$version.tar" -C "$work/image" .
}

# Sums of files that contain nothing of others.
describe() {
  hack/sbom.py "$1" --file "$2" --version "$version" --revision "$revision" \
    --created "$created" >"$3"
}

# What git knows, with one mode for all: `helm package` takes what lies there, with today's time.
make_chart() {
  local chart="$made/apitoken-operator-$version.tgz"
  git ls-files -z charts/apitoken-operator |
    archive "$work/chart.tar" --null --files-from=- --transform='s|^charts/||' --mode=u=rw,go=r
  gzip -9 --no-name <"$work/chart.tar" >"$chart"
  python3 hack/lib/oci.py chart "$work/chart" "$chart" --created "$created"
  archive "$made/apitoken-operator-chart-$version.tar" -C "$work/chart" .
  describe chart "$chart" "$made/apitoken-operator-chart-$version.spdx.json"
}

make_manifest() {
  command -v kubectl >/dev/null || PATH="$PATH:$(hack/controlplane.sh build)"
  {
    printf '# The whole operator, version %s: manifests/default, rendered.\n' "$version"
    printf '#   kubectl apply --server-side -f install.yaml\n'
    kubectl kustomize manifests/default
  } >"$made/install.yaml"
  describe manifest "$made/install.yaml" "$made/install.spdx.json"
}

# https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/
make_krew_manifest() {
  local each archive sum
  cat <<YAML
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: apitoken
spec:
  version: v$version
  homepage: $source_url
  shortDescription: Make, list, renew and end API tokens
  description: |
    Works with apitoken-operator, which mints API tokens into Secrets and warns of their expiry.
    Creates, lists, shows, renews and revokes tokens, checks manifests (lint) and an installation
    (check), and shows a portal in the browser (web).
  caveats: |
    The operator must be installed in the cluster; "kubectl apitoken check" says what is missing.
    "kubectl apitoken lint" needs no cluster.
  platforms:
YAML
  for each in "${archs[@]}"; do
    archive=kubectl-apitoken-$version-linux-$each.tar.gz
    sum=$(sha256sum <"$made/$archive" | cut -d' ' -f1)
    cat <<YAML
    - selector:
        matchLabels: {os: linux, arch: $each}
      uri: $url/$archive
      sha256: $sum
      bin: kubectl-apitoken
YAML
  done
}

# The links of CHANGELOG.md lead into the tree.
make_notes() {
  local files
  files=$(cd "$made" && printf -- '- \x60%s\x60\n' *)
  printf '# apitoken-operator %s\n' "$version"
  awk -v heading="## [$version]" '
    index($0, heading) == 1 { inside = 1; next }
    /^## / { inside = 0 }
    inside' CHANGELOG.md |
    sed -E "s#\]\(([a-z][^):]*)\)#](${source_url//&/\\&}/blob/v$version/\1)#g"
  cat <<NOTES

## Files
$files
- \`SHA256SUMS\`: sums of all files${key:+; \`SHA256SUMS.sig\` is its signature}

[How to verify and install them]($source_url/blob/v$version/docs/releasing.md#verify)
NOTES
}

make_sums() {
  (cd "$made" && sha256sum -- *) >"$work/sums"
  mv "$work/sums" "$made/SHA256SUMS"
  [ -z "$key" ] || openssl pkeyutl -sign -rawin -inkey "$key" -in "$made/SHA256SUMS" \
    -out "$made/SHA256SUMS.sig"
}

check_tree
check_key
work=$(mktemp -d "$root/dist.partial.XXXXXX")
trap 'rm -rf "$work"' EXIT
made=$work/dist layouts=()
mkdir "$made"
make_programs
make_image
make_chart
make_manifest
make_krew_manifest >"$made/apitoken.yaml"
make_notes >"$work/notes"
mv "$work/notes" "$made/RELEASE-NOTES.md"
make_sums
chmod 755 "$made"
rm -rf "$out"
mkdir -p "$(dirname "$out")"
mv "$made" "$out"
printf '%s\n' "$out"
