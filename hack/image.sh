#!/usr/bin/env bash
# Builds the image of the operator and the portal without a container engine and without a base
# image. Its root file system has the stripped release binaries (apitoken-operator and
# apitoken-portal), their shared libraries from the installed Debian packages, and the certificate
# authorities; no shell, no package manager. The Dockerfile takes its
# files from the same `rootfs`.
#
# Usage: hack/image.sh [rootfs] [--arch ARCH] [--out DIR]
#
#   (nothing)    make DIR/oci (an OCI layout), DIR/apitoken-operator-VERSION.tar (the same as one
#                file, for podman load or skopeo copy oci-archive:…) and
#                DIR/apitoken-operator.spdx.json (SPDX 2.3), and print the size
#   rootfs       only the files, in DIR, which must not exist yet
#   --arch ARCH  amd64 or arm64; another one than this machine's needs the system that
#                hack/in-debian.sh --cross ARCH makes
#   --out DIR    default: build/image, which is replaced
#
# The same commit on the same Debian packages gives the same digest: times are those of the commit,
# or SOURCE_DATE_EPOCH. Environment: OPERATOR_BIN, with the portal beside it, spares the release
# build; SIZE_LIMIT (40000000) is the largest size of the compressed layers in bytes.
set -euo pipefail
umask 022

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly program=usr/bin/apitoken-operator user=65532
readonly portal=usr/bin/apitoken-portal licences=usr/share/doc/apitoken-operator
# shellcheck source=hack/lib/debian.sh
. "$root/hack/lib/debian.sh"

arch=$native mode=image out="$root/build/image"
while [ "$#" -gt 0 ]; do
  case $1 in
    rootfs) mode=rootfs; shift ;;
    --arch) arch=${2:?--arch needs an architecture}; shift 2 ;;
    --out) out=$(realpath -m -- "${2:?--out needs a directory}"); shift 2 ;;
    --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) die "unknown argument $1; see --help" ;;
  esac
done

use_architecture "$arch"
use_commit
version=$(version_of_tree)

# --- the files ------------------------------------------------------------------------------------

# The bundle is made when ca-certificates is installed, so dpkg does not know it.
take_authorities() {
  install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$into/etc/ssl/certs/ca-certificates.crt"
  printf 'ca-certificates\tetc/ssl/certs/ca-certificates.crt\n' >>"$contents"
}

make_rootfs() {
  local built rootfs=$1
  into=$1 contents=$2
  built=$(build_programs apitoken-operator apitoken-portal)
  mkdir -p "$rootfs"/{etc,dev,proc,sys,tmp,usr/lib,usr/lib64,usr/bin} "$rootfs/$licences"
  chmod 1777 "$rootfs/tmp"
  ln -s usr/lib "$rootfs/lib"
  ln -s usr/lib64 "$rootfs/lib64"
  printf 'root:x:0:0:root:/:/nonexistent\napitoken:x:%s:%s:apitoken-operator:/:/nonexistent\n' \
    "$user" "$user" >"$rootfs/etc/passwd"
  printf 'root:x:0:\napitoken:x:%s:\n' "$user" >"$rootfs/etc/group"
  printf 'hosts: files dns\n' >"$rootfs/etc/nsswitch.conf"
  cp "/etc/os-release" "$rootfs/etc/os-release" # by which scanners know whose advisories count
  : >"$contents"
  take_libraries "$built/apitoken-operator"
  take_libraries "$built/apitoken-portal"
  take_authorities
  take_licences
  take_copyrights
  take_own_licences "$licences/copyright"
  "$triplet-strip" -o "$rootfs/$program" "$built/apitoken-operator"
  "$triplet-strip" -o "$rootfs/$portal" "$built/apitoken-portal"
  chmod 755 "$rootfs/$program" "$rootfs/$portal"
}

# --- the image ------------------------------------------------------------------------------------

# Libraries first: they change less often than the program, and a registry stores each layer once.
make_image() {
  local layout=$1 image="$1:$version" history=(--history.created "$created")
  umoci init --layout "$layout"
  umoci new --image "$image"
  archive "$work/debian.tar" -C "$work/rootfs" --exclude="./$program" --exclude="./$portal" .
  archive "$work/operator.tar" -C "$work/rootfs" "$program" "$portal"
  umoci raw add-layer --image "$image" "${history[@]}" \
    --history.created_by "shared libraries from Debian packages" "$work/debian.tar"
  umoci raw add-layer --image "$image" "${history[@]}" \
    --history.created_by "apitoken-operator $version" "$work/operator.tar"
  umoci config --image "$image" "${history[@]}" --created "$created" --os linux \
    --architecture "$arch" --config.env "$(environment)" \
    --config.user "$user:$user" --config.workingdir / --config.entrypoint "/$program" \
    --config.exposedports 8080/tcp --config.exposedports 8081/tcp \
    --config.exposedports 8444/tcp "${labels[@]}"
  umoci gc --layout "$layout"
}

# NAME=VALUE, the one variable that the Dockerfile sets.
environment() { sed -n 's/^ENV //p' "$root/Dockerfile"; }

label() { labels+=(--config.label "org.opencontainers.image.$1=$2"); }
labels=()
label title apitoken-operator
label description "Mints API tokens into Secrets and makes their expiry impossible to miss"
label version "$version"
label revision "$revision"
label created "$created"
label licenses Apache-2.0
label source https://github.com/apitoken-dev/apitoken-operator
label documentation https://github.com/apitoken-dev/apitoken-operator/blob/main/docs/README.md

# What a registry stores and a node pulls.
check_size() {
  local size limit=${SIZE_LIMIT:-40000000}
  size=$(du --bytes --total "$1"/blobs/sha256/* | tail -n 1 | cut -f1)
  printf 'apitoken-operator:%s, %s MB compressed, %s MB of files: %s\n' "$version" \
    "$(in_mb "$size")" \
    "$(in_mb "$(du --bytes --summarize "$work/rootfs" | cut -f1)")" "$2"
  [ "$size" -le "$limit" ] || die "the image takes $size bytes compressed; the limit is $limit"
}

in_mb() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1e6 }'; }

if [ "$mode" = rootfs ]; then
  [ ! -e "$out" ] || die "$out exists already; choose another --out"
  list=$(mktemp)
  trap 'rm -f "$list"' EXIT
  make_rootfs "$out" "$list"
  exit
fi

command -v umoci >/dev/null || die "needs umoci (Debian: umoci); hack/install-deps.sh installs it"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make_rootfs "$work/rootfs" "$work/contents"
make_image "$work/oci"
"$root/hack/sbom.py" image --contents "$work/contents" --version "$version" --revision "$revision" \
  --created "$created" --arch "$arch" >"$work/sbom.json"
rm -rf "$out"
mkdir -p "$out"
archive "$out/apitoken-operator-$version.tar" -C "$work/oci" .
mv "$work/oci" "$out/oci"
mv "$work/sbom.json" "$out/apitoken-operator.spdx.json"
check_size "$out/oci" "$out"
