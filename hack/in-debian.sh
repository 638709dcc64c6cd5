#!/usr/bin/env bash
# Runs a command in a Debian 12 or 13 of its own, with this tree at /src: to build and test for the
# other release of Debian, and to build releases that do not depend on the machine. The system is a
# directory that mmdebstrap makes once from Debian's mirror; no container engine is needed.
#
# Usage: hack/in-debian.sh [--cross ARCH] [--fresh] 12|13 COMMAND [ARGUMENT...]
#
#   --cross arm64   with the cross compiler and the libraries of arm64 instead of this machine's
#   --fresh         make the directory again, with today's packages
#
#   hack/in-debian.sh 13 hack/test.sh unit
#   hack/in-debian.sh 13 sh -c 'cmake --preset release && cmake --build build/release'
#
# The command finds what hack/install-deps.sh --release installs, and may install more. It writes
# into the tree, but build/ is a directory of its own for each Debian. Nothing else of this machine
# is visible, except its network, /dev, /proc and /sys, the caches of ccache and of Go builds, and
# the certificate authorities that it trusts, a proxy's perhaps; an image gets Debian's own.
#
# Needs root (mmdebstrap, mount, chroot) and mmdebstrap. Environment: XDG_CACHE_HOME is where the
# directories stay (~/.cache), in apitoken-operator/debian-*; DEBIAN_MIRROR is the mirror
# (http://deb.debian.org).
set -euo pipefail
umask 022

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/apitoken-operator"
readonly mirror=${DEBIAN_MIRROR:-http://deb.debian.org}
die() { printf 'in-debian.sh: %s\n' "$*" >&2; exit 1; }

cross="" fresh=""
while [ "$#" -gt 0 ]; do
  case $1 in
    --cross) cross=${2:?--cross needs an architecture}; shift 2 ;;
    --fresh) fresh=yes; shift ;;
    --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) die "unknown option $1; see --help" ;;
    *) break ;;
  esac
done
case ${1:-} in
  12) suite=bookworm ;;
  13) suite=trixie ;;
  *) die "Debian ${1:-(none)}: must be 12 or 13; see --help" ;;
esac
[[ "$cross" =~ ^(arm64)?$ ]] || die "--cross $cross: must be arm64"
readonly suite system="$cache/debian-$1${cross:+-$cross}"
shift
[ "$#" -gt 0 ] || die "no command; see --help"
[ "$(id -u)" -eq 0 ] || die "needs root for mount and chroot; run it with sudo -E"

make_system() {
  command -v mmdebstrap >/dev/null || die "needs mmdebstrap (apt-get install mmdebstrap)"
  printf 'Making %s from %s (once, about 2 minutes)\n' "$system" "$mirror" >&2
  rm -rf "$system.partial"
  mkdir -p "$cache"
  mmdebstrap --quiet --variant=minbase --include=ca-certificates "$suite" "$system.partial" \
    "deb $mirror/debian $suite main" "deb $mirror/debian $suite-updates main" \
    "deb $mirror/debian-security $suite-security main" >&2
  mkdir -p "$system.partial"/{src,ccache,root/.cache/apitoken-operator}
  mv "$system.partial" "$system"
}

# What runs in a mount namespace of its own: the mounts end with it. A work tree of git has its
# objects in another directory, which must stand at the same place.
# shellcheck disable=SC2016 # for the inner shell
readonly enter='set -e
system=$1 root=$2 cache=$3 ccache=$4 objects=$5
shift 5
mount --make-rprivate /
for name in proc sys dev; do mount --rbind "/$name" "$system/$name"; done
mount --bind "$root" "$system/src"
mount --bind "$system.build" "$system/src/build"
mount --bind "$ccache" "$system/ccache"
mount --bind "$cache" "$system/root/.cache/apitoken-operator"
case $objects in
  "" | "$root"/*) ;;
  *) mkdir -p "$system$objects"; mount --bind "$objects" "$system$objects" ;;
esac
cat /etc/resolv.conf >"$system/etc/resolv.conf"
cat /etc/ssl/certs/ca-certificates.crt >"$system/authorities.pem" 2>/dev/null || true
exec chroot "$system" sh -c "cd /src && exec \"\$@\"" sh "$@"
'

# inside COMMAND...: as little of this machine's environment as a command needs.
inside() {
  local objects names=(SOURCE_DATE_EPOCH CMAKE_BUILD_PARALLEL_LEVEL TEST_JOBS TEST_TIME_SCALE
    PYTEST_FLAGS SHARE SIZE_LIMIT http_proxy https_proxy no_proxy GOPROXY) kept=() name
  for name in "${names[@]}"; do [ -z "${!name:-}" ] || kept+=("$name=${!name}"); done
  objects=$(git -C "$root" rev-parse --path-format=absolute --git-common-dir 2>/dev/null || true)
  mkdir -p "$root/build" "$system.build" "$ccache"
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    LANG=C.UTF-8 TERM="${TERM:-dumb}" CCACHE_DIR=/ccache SSL_CERT_FILE=/authorities.pem \
    PIP_CERT=/authorities.pem "${kept[@]}" \
    unshare --mount sh -c "$enter" sh "$system" "$root" "$cache" "$ccache" "$objects" "$@"
}

readonly ccache=${CCACHE_DIR:-$HOME/.cache/ccache}
mkdir -p "$cache"
exec 8>"$system.lock"
flock 8 # two runs at a time would install at the same time
[ -z "$fresh" ] || rm -rf --one-file-system "$system"
[ -d "$system" ] || make_system
inside hack/install-deps.sh --release "${cross:-native}" >&2 </dev/null 8>&-
flock -u 8
inside "$@" 8>&-
