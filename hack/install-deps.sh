#!/usr/bin/env bash
# Installs the Debian packages that building, testing and the demo need, if any is missing. It says
# what it installs, needs root or sudo only for that, and keeps the servers among the packages
# (prometheus, alertmanager) from starting: tests and the demo start their own on free ports.
#
# Usage: hack/install-deps.sh [--check | --build | --demo | --release native | --release arm64]
#
#   --check           install nothing; list what is missing and exit 1 if anything is
#   --build           only what compiling the operator needs, as in the Dockerfile
#   --demo            that, and what hack/demo.sh starts: no browsers, no clang, no Java
#   --release native  what --build installs, and what hack/image.sh and hack/plugin.sh need
#   --release arm64   the same with a cross compiler and arm64's libraries, for a system that
#                     hack/in-debian.sh made: it adds an architecture to the system
#
# Go is installed only if there is none. Debian 12's is 1.19: enough to fetch the newer one that
# hack/controlplane.sh builds with. KUBEBUILDER_ASSETS makes no difference, because the mail server
# needs Go too.
set -euo pipefail

readonly tools=(
  g++ cmake ninja-build ccache mold pkg-config git nlohmann-json3-dev
  esbuild minify zopfli # the portal's pages
)
readonly libraries=(
  libcpprest-dev libssl-dev libyaml-cpp-dev prometheus-cpp-dev libspdlog-dev libfmt-dev
  libsimdjson-dev libcurl4-openssl-dev libmicrohttpd-dev libgnutls28-dev zlib1g-dev
)
readonly build=("${tools[@]}" "${libraries[@]}")
readonly release=(binutils ca-certificates python3 umoci)
readonly demo=(prometheus prometheus-alertmanager curl openssl ca-certificates python3)
packages=(
  "${build[@]}"
  # format, lint, fuzzing and tests
  clang-19 libclang-rt-19-dev clang-format-19 clang-tidy-19 shellcheck yamllint libgtest-dev
  libgmock-dev
  python3-pytest python3-pytest-xdist python3-yaml python3-requests python3-aiosmtpd
  python3-cryptography python3-jwt python3-jwcrypto jose python3-pip jq
  # the portal's tests: real browsers; Firefox is driven over a WebSocket
  chromium chromium-driver python3-selenium firefox-esr python3-wsproto
  # servers of the testbed, and what starts them
  prometheus prometheus-alertmanager nginx-light wrk faketime default-jdk-headless curl openssl
  ca-certificates
  # the image, a registry for it; another Debian, another architecture
  umoci docker-registry skopeo mmdebstrap qemu-user
  lua5.1 # tests of the Argo CD health check
  # the documentation as a site
  mkdocs mkdocs-material
)
readonly services=(prometheus prometheus-node-exporter prometheus-alertmanager nginx
  docker-registry)

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

has_go() {
  local go
  for go in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-*/bin/go; do [ ! \
    -x "$go" ] || return 0; done
  return 1
}

# A package of another architecture is asked for, and listed, as NAME:ARCHITECTURE.
list_missing() {
  dpkg-query -W -f '${binary:Package} ${Package} ${db:Status-Status}\n' |
    awk -v native=":$(dpkg --print-architecture)" '
      $3 != "installed" { next }
      { print $1; sub(native "$", "", $1); print $1 }
      $1 == $2 { print $2 }' |
    grep -vxF -f /dev/stdin <(printf '%s\n' "${packages[@]}") || true
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else
    printf 'install-deps.sh: needs root or sudo. As root, run:\n' >&2
    printf '  apt-get install --no-install-recommends %s\n' "${missing[*]}" >&2
    exit 1
  fi
}

# Masks, for the time of the installation, the units that the packages would enable and start.
install_quietly() {
  local masked=() unit
  if [ -d /run/systemd/system ]; then
    for unit in "${services[@]}"; do
      [ -e "/lib/systemd/system/$unit.service" ] || masked+=("$unit.service")
    done
  fi
  [ "${#masked[@]}" -eq 0 ] || as_root systemctl mask --runtime "${masked[@]}"
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
    --no-install-recommends "${missing[@]}"
  [ "${#masked[@]}" -eq 0 ] || unmask "${masked[@]}"
}

unmask() {
  local unit
  as_root systemctl unmask --runtime "$@"
  for unit in "$@"; do
    [ ! -e "/lib/systemd/system/$unit" ] || as_root systemctl disable --now "$unit"
  done
}

case "${1:-} ${2:-}" in
  ' ' | '--check ') ;;
  '--build ') packages=("${build[@]}") ;;
  '--demo ') packages=("${build[@]}" "${demo[@]}") ;;
  '--release native') packages=("${build[@]}" "${release[@]}") ;;
  '--release arm64')
    packages=("${tools[@]}" crossbuild-essential-arm64 "${libraries[@]/%/:arm64}" "${release[@]}")
    dpkg --print-foreign-architectures | grep -qx arm64 || as_root dpkg --add-architecture arm64 ;;
  --help* | -h*) usage; exit 0 ;;
  *) printf 'install-deps.sh: unknown option %s; see --help\n' "$*" >&2; exit 2 ;;
esac
command -v dpkg-query >/dev/null ||
  { printf 'install-deps.sh: this is not Debian; install the equivalents of: %s\n' \
    "${packages[*]}" >&2; exit 1; }
[[ ${1:-} =~ ^--(build|release)$ ]] || has_go || packages+=(golang-go)
mapfile -t missing < <(list_missing)
[ "${#missing[@]}" -gt 0 ] || exit 0
if [ "${1:-}" = --check ]; then printf 'missing: %s\n' "${missing[*]}"; exit 1; fi
printf 'Installing Debian packages: %s\n' "${missing[*]}"
install_quietly
