#!/usr/bin/env bash
# A capturing SMTP server on loopback (mailpit): it accepts mail like a real one, with TLS and
# passwords, delivers nothing, and shows what arrived on a web page and through a REST API. For
# tests and the demo, without root.
#
# Usage: hack/mailserver.sh COMMAND [--dir DIR] [options]
#
#   build    build the pinned mailpit (about a minute, once); with its web page where npm exists
#   start    start it on free ports, wait until it answers, print the exports
#   stop     stop this directory's server; --purge also deletes the mail it keeps
#   env      print the exports again, for eval
#
# Options of start:
#   --tls starttls|implicit|none  default starttls, which is then required of the client
#   --auth USER:PASSWORD          require this login; without it any client may send
#   --chaos                       let tests order refusals through PUT /api/v1/chaos
#   -- FLAGS...                   more flags for mailpit
#
# --dir DIR defaults to ${TMPDIR:-/tmp}/apitoken-mailserver-<user>; each DIR is an instance of its
# own and keeps its ports and its certificate authority (DIR/ca.crt) when started again. Exports:
# SMTP_HOST, SMTP_PORT, SMTP_CA, MAILPIT_URL.
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=hack/lib/go.sh
. "$here/lib/go.sh"
# shellcheck source=hack/lib/process.sh
. "$here/lib/process.sh"
# shellcheck source=hack/lib/pki.sh
. "$here/lib/pki.sh"

readonly pin="$here/mailpit"

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

# The web page is embedded at build time but is not part of the module, so it is made in a copy of
# the source. Without it the SMTP server and the REST API are the same.
build_page() {
  if ! command -v npm >/dev/null; then say \
    "npm is not installed: building mailpit without its web page"; return; fi
  say "Building mailpit's web page"
  ( cd "$1" && npm ci --no-audit --no-fund && npm run package ) >"$1/page.log" 2>&1 ||
    say "the web page could not be built (see $1/page.log); building mailpit without it"
}

build_into() {
  local bin=$1 source="$1/source" module
  [ ! -x "$bin/mailpit" ] || return 0
  find_go
  module=$(cd "$pin" && GOWORK=off "$go_bin" mod download -json github.com/axllent/mailpit |
    sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
  [ -d "$module" ] || die "the mailpit module could not be downloaded"
  rm -rf "$source"
  cp -r "$module" "$source"
  chmod -R u+w "$source"
  build_page "$source"
  say "Building mailpit into $bin"
  ( cd "$source" && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly "$go_bin" build -trimpath \
    -buildvcs=false \
    -ldflags "-s -w" -o "$bin/.mailpit.partial" . ) || die "building mailpit failed"
  mv "$bin/.mailpit.partial" "$bin/mailpit"
  rm -rf "$source/node_modules"
}

build() {
  [ -x "$binary" ] || build_locked "$(dirname "$binary")" build_into
}

tls_flags() {
  case $tls in
    none) return ;;
    starttls) printf '%s\n' --smtp-require-starttls ;;
    implicit) printf '%s\n' --smtp-require-tls ;;
    *) die "--tls takes starttls, implicit or none" ;;
  esac
  printf '%s\n' --smtp-tls-cert "$dir/server.crt" --smtp-tls-key "$dir/server.key"
}

auth_flags() {
  if [ -n "$auth" ]; then
    printf '%s\n' "$auth" >"$dir/logins"
    printf '%s\n' --smtp-auth-file "$dir/logins"
    [ "$tls" != none ] || printf '%s\n' --smtp-auth-allow-insecure
  fi
}

make_certificates() {
  [ ! -e "$dir/server.crt" ] || return 0
  make_ca "$dir/ca"
  sign "$dir/ca" "$dir/server" "/CN=mailserver" serverAuth "-1 hour" "+10 years" \
    "IP:127.0.0.1,DNS:localhost"
}

choose_ports() {
  [ ! -r "$dir/env" ] || return 0
  {
    printf 'export SMTP_HOST=127.0.0.1\nexport SMTP_PORT=%s\n' "$(free_port)"
    printf 'export MAILPIT_URL=http://127.0.0.1:%s\n' "$(free_port)"
    printf 'export SMTP_CA=%q\n' "$dir/ca.crt"
  } >"$dir/env"
}

answers() { curl -fsS -m 2 "$MAILPIT_URL/readyz"; }

start() {
  local flags=()
  mkdir -p "$dir"
  [ -O "$dir" ] || die "$dir belongs to another user"
  build
  exec 9>"$dir/.lock"
  flock 9
  choose_ports
  make_certificates
  # shellcheck source=/dev/null
  . "$dir/env"
  mapfile -t flags < <(tls_flags; auth_flags)
  [ -z "$chaos" ] || flags+=(--enable-chaos)
  pid_of mailpit >/dev/null || spawn mailpit "$binary" --smtp "127.0.0.1:$SMTP_PORT" \
    --listen "${MAILPIT_URL#http://}" \
    --database "$dir/mail.db" --disable-version-check --max 0 "${flags[@]}" "$@"
  wait_until 30 mailpit answers
  cat "$dir/env"
}

stop_server() {
  [ -d "$dir" ] || return 0
  [ -O "$dir" ] || die "$dir belongs to another user"
  stop mailpit
  [ -z "$purge" ] || purge_state
}

purge_state() {
  rm -rf "$dir"/{logs,pids}
  rm -f "$dir"/{env,ca.crt,ca.key,server.crt,server.key,logins,.lock} "$dir"/mail.db*
  rmdir --ignore-fail-on-non-empty "$dir"
}

dir="${TMPDIR:-/tmp}/apitoken-mailserver-$(id -un)"
purge="" tls=starttls auth="" chaos=""
binary="$(bin_dir_of "$pin")/mailpit"
command=${1:---help}
[ "$#" -eq 0 ] || shift
while [ "$#" -gt 0 ]; do
  case $1 in
    --dir) dir=${2:?--dir needs a directory}; shift 2 ;;
    --tls) tls=${2:?--tls needs a mode}; shift 2 ;;
    --auth) auth=${2:?--auth needs USER:PASSWORD}; shift 2 ;;
    --chaos) chaos=yes; shift ;;
    --purge) purge=yes; shift ;;
    --help | -h) usage; exit 0 ;;
    --) shift; break ;;
    *) die "unknown option $1; see --help" ;;
  esac
done
dir=$(realpath -m -- "$dir")

case $command in
  build) build; printf '%s\n' "$binary" ;;
  start) start "$@" ;;
  stop) stop_server ;;
  env) [ -r "$dir/env" ] || die "nothing was started in $dir"; cat "$dir/env" ;;
  --help | -h | help) usage ;;
  *) die "unknown command $command; see --help" ;;
esac
