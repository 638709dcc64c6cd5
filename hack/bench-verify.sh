#!/usr/bin/env bash
# Measures the verification of tokens, and prints one table. GET /auth of the operator's server,
# with 100,000 indexed tokens, is compared with nginx that always answers 204. Both run over TLS
# with the same keep-alive clients (wrk) on the same cores, in turns; the fastest of each counts.
# Then come the operator's server at half of its load, and the cost of a token in the index. Needs
# no API server. hack/bench.sh runs this script at its end.
#
# Usage: hack/bench-verify.sh [--quick] [--tokens N] [--rounds N]
#   --quick   1,000 tokens and one short round: shows that it works, measures nothing
#   --tokens  tokens in the index (100000); --rounds  runs of each kind (3)
# Environment: VERIFY_BENCH_BIN spares the release build. Other load on the machine falsifies the
# figures.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tokens=100000 rounds=3 seconds=8 clients=32 half_clients=100
while [ "$#" -gt 0 ]; do
  case $1 in
    --quick) tokens=1000 rounds=1 seconds=1; shift ;;
    --tokens) tokens=${2:?--tokens needs a number}; shift 2 ;;
    --rounds) rounds=${2:?--rounds needs a number}; shift 2 ;;
    --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) printf 'bench-verify.sh: unknown option %s; see --help\n' "$1" >&2; exit 1 ;;
  esac
done

work=$(mktemp -d)
pids=()
say() { printf '%s\n' "$*" >&2; }

clean_up() {
  [ "${#pids[@]}" -eq 0 ] || { kill "${pids[@]}" 2>/dev/null &&
    wait "${pids[@]}" 2>/dev/null; } || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# shellcheck source=hack/lib/process.sh
free_port() { ( . "$root/hack/lib/process.sh"; free_port ); }

build() {
  [ -z "${VERIFY_BENCH_BIN:-}" ] || return 0
  say "Building the verification server (release)"
  cmake -S "$root" --preset release >"$work/build.log"
  cmake --build "$root/build/release" --target verify-bench >>"$work/build.log" ||
    { tail -n 30 "$work/build.log" >&2; exit 1; }
  VERIFY_BENCH_BIN="$root/build/release/verify-bench"
}

make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj /CN=localhost \
    -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -keyout "$work/tls.key" \
      -out "$work/tls.crt" 2>"$work/openssl.log"
}

wait_for() { # URL
  local tries
  for tries in $(seq 200); do
    ! curl -fsS -o /dev/null --cacert "$work/tls.crt" "$1" 2>"$work/curl.log" || return 0
    sleep 0.1
  done
  say "$1 does not answer after $tries tries: $(cat "$work/curl.log")"
  exit 1
}

start_nginx() {
  nginx_url="https://127.0.0.1:$(free_port)/"
  {
    [ "$(id -u)" -ne 0 ] || echo "user root;"
    cat <<CONF
daemon off; worker_processes 2; pid $work/nginx.pid; error_log $work/nginx.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path $work/1; proxy_temp_path $work/2; fastcgi_temp_path $work/3;
  uwsgi_temp_path $work/4; scgi_temp_path $work/5;
  server {
    listen ${nginx_url:8:-1} ssl; ssl_certificate $work/tls.crt; ssl_certificate_key $work/tls.key;
    location / { return 204; }
  }
}
CONF
  } >"$work/nginx.conf"
  PATH="$PATH:/usr/sbin" nginx -e "$work/nginx.log" -p "$work" -c "$work/nginx.conf" &
  pids+=("$!")
  wait_for "$nginx_url"
}

start_server() {
  local port
  port=$(free_port)
  server_url="https://127.0.0.1:$port/auth"
  "$VERIFY_BENCH_BIN" "$tokens" "127.0.0.1:$port" "$work/tls.crt" "$work/tls.key" \
    >"$work/figures" 2>"$work/server.log" &
  pids+=("$!")
  wait_for "https://127.0.0.1:$port/healthz"
  read -r bytes lookup hash token <"$work/figures"
}

# load URL CLIENTS [wrk options]: "requests-a-second p50 p99", both in milliseconds.
load() {
  local url=$1 connections=$2
  shift 2
  wrk -t 2 -c "$connections" -d "${seconds}s" --latency \
    -H "Authorization: Bearer $token" "$@" "$url" >"$work/wrk.txt"
  ! grep -q "Non-2xx" "$work/wrk.txt" || { cat "$work/wrk.txt" >&2; exit 1; }
  awk '
    function ms(text) { return text ~ /us$/ ? text / 1000 : text ~ /ms$/ ? text + 0 : text * 1000 }
    $1 == "50%" { p50 = ms($2) }
    $1 == "99%" { p99 = ms($2) }
    $1 == "Requests/sec:" { rate = $2 }
    END { print rate, p50, p99 }' "$work/wrk.txt"
}

print_table() {
  printf '%s %s %s %s %s %s %s %s\n' "$tokens" "$clients" \
    "$(sort -rn "$work/nginx.txt" | head -n 1)" "$(sort -rn "$work/auth.txt" | head -n 1)" \
    "$(cat "$work/half.txt")" "$bytes" "$lookup" "$hash" |
    awk '
    function ok(good) { return good ? "ok" : "MISSED" }
    {
      printf "| %d tokens, %d clients over TLS | requests/s | to nginx | p50 ms | p99 ms |", $1, $2
      print " must reach | reached |"
      print "| --- | --- | --- | --- | --- | --- | --- |"
      printf "| nginx, static 204 | %.0f | 1.00 x | %.2f | %.2f | | |\n", $3, $4, $5
      printf "| GET /auth | %.0f | %.2f x | %.2f | %.2f | >= 1.00 x | %s |\n", \
        $6, $6 / $3, $7, $8, ok($6 / $3 >= 1)
      printf "| GET /auth at half of that | %.0f | | %.2f | %.2f | p99 < 5 ms | %s |\n", \
        $9, $10, $11, ok($11 < 5)
      print ""
      print "| a token in the index | | must reach | reached |"
      print "| --- | --- | --- | --- |"
      printf "| memory beyond the store | %d bytes | <= 64 bytes | %s |\n", $12, ok($12 <= 64)
      printf "| one look-up | %d ns | < 1000 ns | %s |\n", $13, ok($13 < 1000)
      printf "| its SHA-256, before that | %d ns | | |\n", $14
    }'
}

build
make_certificate
start_server
start_nginx
say "Verification: $rounds rounds of $seconds s"
for round in $(seq "$rounds"); do
  load "$nginx_url" "$clients" >>"$work/nginx.txt"
  load "$server_url" "$clients" >>"$work/auth.txt"
  say "  round $round: nginx $(tail -n 1 "$work/nginx.txt"), /auth $(tail -n 1 "$work/auth.txt")" \
    "(requests/s, p50 and p99 ms)"
done
# Each client pauses after each answer, so that together they ask half as often.
pause=$(sort -rn "$work/auth.txt" | head -n 1 |
  awk -v clients="$half_clients" '{ print int(clients / ($1 / 2) * 1000 + 0.5) }')
printf 'function delay() return math.random(0, %d) end\n' "$((2 * pause))" >"$work/half.lua"
load "$server_url" "$half_clients" -s "$work/half.lua" >"$work/half.txt"
print_table
