#!/usr/bin/env bash
# Builds the archive of the kubectl plugin. It runs on any Linux of its architecture: the archive
# has the plugin, its shared libraries from the installed Debian packages, the C library among
# them, and their licences.
#
# Usage: hack/plugin.sh [--arch ARCH] [--out DIR]
#
#   --arch ARCH  amd64 or arm64; another one than this machine's needs the system that
#                hack/in-debian.sh --cross ARCH makes
#   --out DIR    default: build/plugin, which is replaced
#
# DIR gets kubectl-apitoken-VERSION-linux-ARCH.tar.gz, and the same name with .spdx.json (SPDX 2.3).
# The same commit on the same Debian packages gives the same bits. Environment: OPERATOR_BIN, with
# the plugin beside it, spares the release build; SOURCE_DATE_EPOCH.
set -euo pipefail
umask 022

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly program=usr/bin/kubectl-apitoken
# shellcheck source=hack/lib/debian.sh
. "$root/hack/lib/debian.sh"

arch=$native out="$root/build/plugin"
while [ "$#" -gt 0 ]; do
  case $1 in
    --arch) arch=${2:?--arch needs an architecture}; shift 2 ;;
    --out) out=$(realpath -m -- "${2:?--out needs a directory}"); shift 2 ;;
    --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) die "unknown argument $1; see --help" ;;
  esac
done
use_architecture "$arch"
use_commit
version=$(version_of_tree)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly files="$work/files" archive_name="kubectl-apitoken-$version-linux-$arch"
into=$files/kubectl-apitoken.d contents=$work/contents

# print_launcher LOADER: the loader and the libraries of the archive, not those of the machine. The
# authorities are the machine's; Debian's OpenSSL looks for them where Debian has them.
print_launcher() {
  cat <<LAUNCHER
#!/bin/sh
# kubectl-apitoken $version with the libraries beside it. https://github.com/apitoken-dev/apitoken-operator
set -e
files=\$(dirname "\$(readlink -f "\$0")")/kubectl-apitoken.d
if [ -z "\$SSL_CERT_FILE\$SSL_CERT_DIR" ] && [ ! -e /usr/lib/ssl/certs ]; then
  for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \\
    /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    if [ -r "\$bundle" ]; then export SSL_CERT_FILE="\$bundle"; break; fi
  done
fi
exec "\$files/$1" --library-path "\$files/usr/lib/$triplet" --argv0 "\$0" "\$files/$program" "\$@"
LAUNCHER
}

make_files() {
  local built loader
  built=$(build_programs kubectl-apitoken)
  mkdir -p "$into/usr/bin"
  : >"$contents"
  take_libraries "$built/kubectl-apitoken"
  take_licences
  take_copyrights
  take_own_licences usr/share/doc/apitoken-operator/copyright
  "$triplet-strip" -o "$into/$program" "$built/kubectl-apitoken"
  loader=$(loader_of "$built/kubectl-apitoken")
  print_launcher "usr/${loader#/}" >"$files/kubectl-apitoken"
  install -m 755 "$root/controller/cli/kubectl_complete-apitoken" "$files/"
  install -m 644 "$root/LICENSE" "$files/"
  chmod 755 "$into/$program" "$files/kubectl-apitoken"
}

make_files
rm -rf "$out"
mkdir -p "$out"
archive "$work/archive.tar" -C "$files" kubectl-apitoken kubectl_complete-apitoken \
  kubectl-apitoken.d LICENSE
gzip -9 --no-name <"$work/archive.tar" >"$out/$archive_name.tar.gz"
"$root/hack/sbom.py" plugin --contents "$contents" --arch "$arch" --version "$version" \
  --revision "$revision" --created "$created" >"$out/$archive_name.spdx.json"
printf '%s\n' "$out/$archive_name.tar.gz"
