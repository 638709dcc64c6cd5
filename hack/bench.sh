#!/usr/bin/env bash
# Compares the operator with the limit of the API server, and prints one table. In one run, on one
# machine:
#   limit     no operator: a load program (hack/bench) makes the creates and the two writes
#   operator  new ApiTokens, from the first create to the last one that a watch sees Ready
#   restart   the operator starts with all of them minted, until its queues are empty
#   idle      requests and memory without changes
# Then hack/bench-verify.sh prints a second table, verification against nginx, and
# tests/bench/pending_bench.cpp a third: work while 10,000 and 100,000 keys, Events or notices wait.
#
# Limit and operator runs alternate after a warm-up, each on an empty namespace; the restart is made
# seven times. The fastest of each counts, with its own CPU time and requests, and the largest peak
# RSS of all. The control plane is private to the run and removed at its end.
#
# Usage: hack/bench.sh [--quick] [--count N] [--rounds N]
#        hack/bench.sh --portal [--quick]    only the portal, by hack/bench-portal.py
#        hack/bench.sh --scale [--count N]    only memory, start and metrics with very many tokens,
#                                             by hack/bench-scale.py
#   --quick   300 tokens and one round: shows that it works, measures nothing
#   --count   tokens a run (3000); --rounds  runs of each kind (3)
# Environment: OPERATOR_BIN spares the release build. Other load on the machine falsifies the
# figures.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
count=3000 rounds=3 restarts=7 idle_seconds=30 verify_flags=()
if [ "${1:-}" = --portal ]; then
  shift
  if [ -z "${OPERATOR_BIN:-}" ]; then
    cmake -S "$root" --preset release >/dev/null
    cmake --build "$root/build/release" \
      --target apitoken-operator apitoken-portal kubectl-apitoken >&2
    export OPERATOR_BIN="$root/build/release/apitoken-operator"
  fi
  exec /usr/bin/python3 "$root/hack/bench-portal.py" "$@"
fi
if [ "${1:-}" = --scale ]; then
  shift
  if [ -z "${OPERATOR_BIN:-}" ]; then
    cmake -S "$root" --preset release >/dev/null
    cmake --build "$root/build/release" --target apitoken-operator >&2
    export OPERATOR_BIN="$root/build/release/apitoken-operator"
  fi
  exec /usr/bin/python3 "$root/hack/bench-scale.py" "$@"
fi
while [ "$#" -gt 0 ]; do
  case $1 in
    --quick) count=300 rounds=1 restarts=1 idle_seconds=8 verify_flags=(--quick); shift ;;
    --count) count=${2:?--count needs a number}; shift 2 ;;
    --rounds) rounds=${2:?--rounds needs a number}; shift 2 ;;
    --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) printf 'bench.sh: unknown option %s; see --help\n' "$1" >&2; exit 1 ;;
  esac
done

work=$(mktemp -d)
operator_pid=""
ticks=$(getconf CLK_TCK)
say() { printf '%s\n' "$*" >&2; }

clean_up() {
  [ -z "$operator_pid" ] || { kill "$operator_pid" 2>/dev/null && wait "$operator_pid"; } || true
  "$root/hack/controlplane.sh" down --dir "$work/cluster" --purge || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

build() {
  if [ -z "${OPERATOR_BIN:-}" ]; then
    say "Building the operator (release)"
    cmake -S "$root" --preset release >"$work/build.log"
    cmake --build "$root/build/release" --target apitoken-operator >>"$work/build.log" ||
      { tail -n 30 "$work/build.log" >&2; exit 1; }
    OPERATOR_BIN="$root/build/release/apitoken-operator"
  fi
  (
    # shellcheck source=hack/lib/go.sh
    . "$root/hack/lib/go.sh"
    find_go
    cd "$root/hack/bench"
    # shellcheck disable=SC2154 # set by find_go
    GOWORK=off "$go_bin" build -o "$work/bench" .
  )
}

start_cluster() {
  local exports
  say "Starting a control plane"
  exports=$("$root/hack/controlplane.sh" up --dir "$work/cluster")
  eval "$exports"
  kubectl apply -f "$root/crds" >"$work/crds.log"
  until kubectl get apitokens -A >/dev/null 2>&1; do sleep 0.2; done
}

load() { "$work/bench" -namespace bench "$@"; }

# --- the operator's process -----------------------------------------------------------------------

# shellcheck source=hack/lib/working_set.sh
. "$root/hack/lib/working_set.sh"
# shellcheck source=hack/lib/process.sh
free_port() { ( . "$root/hack/lib/process.sh"; free_port ); }
now() { printf '%s\n' "$EPOCHREALTIME"; }
cpu_ticks() { sed 's/^.*) //' "/proc/$operator_pid/stat" | awk '{print $12 + $13}'; }
# cpu_ms_since TICKS TOKENS: milliseconds of CPU time a token since cpu_ticks gave TICKS.
cpu_ms_since() {
  awk -v t="$(($(cpu_ticks) - $1))" -v hz="$ticks" -v n="$2" 'BEGIN { print t / hz * 1000 / n }'
}
memory() {
  awk -v field="$1:" '$1 == field {printf "%.1f\n", $2 / 1024}' \
    "/proc/$operator_pid/status"
}
metrics() { curl -fsS "http://127.0.0.1:$metrics_port/metrics"; }
ready() { curl -fsS -o /dev/null "http://127.0.0.1:$health_port/readyz" 2>/dev/null; }

# start_operator [COMMAND...]: COMMAND, in place of the operator itself, gets its arguments.
start_operator() {
  [ $# -gt 0 ] || set -- "$OPERATOR_BIN"
  metrics_port=$(free_port) health_port=$(free_port)
  "$@" --kubeconfig "$KUBECONFIG" --operator-namespace default --verify-bind-address 0 \
    --metrics-bind-address "127.0.0.1:$metrics_port" \
    --health-probe-bind-address "127.0.0.1:$health_port" >"$work/operator.log" 2>&1 &
  operator_pid=$!
  until ready; do
    kill -0 "$operator_pid" 2>/dev/null || { tail -n 20 "$work/operator.log" >&2; exit 1; }
    sleep 0.01
  done
}

stop_operator() {
  kill "$operator_pid"
  wait "$operator_pid" || say "the operator ended with $?"
  operator_pid=""
}

# "POST PATCH PUT DELETE GET" so far.
requests() {
  metrics | awk '
    /^rest_client_requests_total\{/ {
      match($0, /method="[A-Z]+"/)
      n[substr($0, RSTART + 8, RLENGTH - 9)] += $NF
    }
    END { print n["POST"] + 0, n["PATCH"] + 0, n["PUT"] + 0, n["DELETE"] + 0, n["GET"] + 0 }'
}

event_count() {
  kubectl get --raw "/apis/events.k8s.io/v1/namespaces/bench/events" |
    grep -o '"reportingController"' | wc -l
}
reconciled() {
  metrics | awk '
    /^controller_runtime_reconcile_total\{/ { n += $NF }
    /^workqueue_depth/ { d += $NF }
    END { print n + 0, d + 0 }'
}

# --- runs: each appends a line to its file --------------------------------------------------------

# limit.txt: seconds in-flight
run_limit() {
  local in_flight seconds
  for in_flight in 8 16 32; do
    read -r seconds _ < <(load -count "$1" -in-flight "$in_flight" limit)
    load cleanup
    say "  limit, $in_flight in flight: $seconds s"
    printf '%s %s\n' "$seconds" "$in_flight" >>"$work/$2"
  done
}

# operator.txt: seconds cpu-ms-a-token peak-rss idle-rss post patch put delete get
run_operator() {
  local seconds before after idle start_cpu
  start_operator
  sleep 3
  idle=$(memory VmRSS) before=$(requests) start_cpu=$(cpu_ticks)
  read -r seconds _ < <(load -count "$1" -in-flight 16 create)
  sleep 3 # what it still does after the last Ready counts too: Events and the echoes of its writes
  after=$(requests)
  {
    printf '%s %s %s %s ' "$seconds" \
      "$(cpu_ms_since "$start_cpu" "$1")" \
      "$(memory VmHWM)" "$idle"
    printf '%s %s %s\n' "$before" "$after" "$(event_count)" | awk -v n="$1" '{
      print ($6 - $1 - $11) / n, ($7 - $2) / n, ($8 - $3) / n, ($9 - $4) / n, ($10 - $5) / n }'
  } >>"$work/$2"
  say "  operator: $seconds s"
  stop_operator
}

# restart.txt: seconds cpu-ms-a-token peak-rss post patch put delete get, a line a restart; leaves
# the operator running
run_restart() {
  local begin seen=0 depth=1
  begin=$(now)
  start_operator
  until [ "$seen" -ge "$count" ] && [ "$depth" -eq 0 ]; do
    sleep 0.02
    read -r seen depth < <(reconciled)
  done
  printf '%s %s %s %s\n' "$(awk -v a="$begin" -v b="$(now)" 'BEGIN { print b - a }')" \
    "$(cpu_ms_since 0 "$count")" \
      "$(memory VmHWM)" \
    "$(requests | awk -v n="$count" '{ print $1 / n, $2 / n, $3 / n, $4 / n, $5 / n }')" \
      >>"$work/restart.txt"
}

# idle.txt: cpu-ms writes gets
run_idle() {
  local before start_cpu
  sleep 3
  before=$(requests) start_cpu=$(cpu_ticks)
  sleep "$idle_seconds"
  printf '%s %s %s\n' "$(cpu_ms_since "$start_cpu" 1)" "$before" "$(requests)" |
    awk '{ print $1, $7 + $8 + $9 + $10 - $2 - $3 - $4 - $5, $11 - $6 }' >"$work/idle.txt"
}

# working-set.txt: MiB before any token; "none" where no cgroup can be made
run_working_set() {
  local group
  echo none >"$work/working-set.txt"
  group=$(make_group "apitoken-bench.$$") || return 0
  copy_program "$OPERATOR_BIN" "$work/program"
  start_operator run_in_group "$group" "$work/program"
  sleep 10
  working_set "$group" >"$work/working-set.txt"
  stop_operator
  rmdir "$group"
}

print_table() {
  local limit operator peak
  limit=$(sort -n "$work/limit.txt" | head -n 1)
  operator=$(sort -n "$work/operator.txt" | head -n 1)
  peak=$(awk '$3 > max { max = $3 } END { print max }' "$work/operator.txt")
  printf '%s %s %s %s %s %s %s %s\n' "$count" "$idle_seconds" "$limit" "$operator" "$peak" \
    "$(sort -n "$work/restart.txt" | head -n 1)" "$(cat "$work/idle.txt")" \
    "$(cat "$work/working-set.txt")" |
    awk '
    function ok(good) { return good ? "ok" : "MISSED" }
    {
      n = $1; ratio = $5 / $3; writes = $9 + $10 + $11 + $12; again = ($18 + $19 + $20 + $21) * n
      printf "| %d tokens | seconds | tokens/s | time to the limit | CPU ms a token |", n
      print " peak RSS MiB | POST | PATCH | PUT | DELETE | GET | must reach | reached |"
      print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
      printf "| limit: raw client-go, %d in flight | %.2f | %.0f | 1.00 x |", $4, $3, n / $3
      print " | | 2.00* | 1.00 | 0 | 0 | 0 | | |"
      printf "| operator: first create to last Ready | %.2f | %.0f | %.2f x | %.2f | %.1f |", \
        $5, n / $5, ratio, $6, $14
      printf " %.2f | %.2f | %.2f | %.2f | %.2f |", $9, $10, $11, $12, $13
      printf " <= 1.10 x; <= 0.80 ms; <= 30 MiB; 2 writes | %s; %s; %s; %s |\n", \
        ok(ratio <= 1.1), ok($6 <= 0.8), ok($14 <= 30), ok(writes > 1.99 && writes < 2.01)
      printf "| restart with all minted | %.2f | %.0f | | %.2f | %.1f |", $15, n / $15, $16, $17
      printf " %.2f | %.2f | %.2f | %.2f | %.3f | 0 writes | %s |\n", \
        $18, $19, $20, $21, $22, ok(again == 0)
      printf "| idle for %d s | | | | %.0f ms in all |", $2, $23
      printf " %s working set, %.1f resident, before any token |", $26, $8
      printf " %d writes in all | | | | %d in all | <= 18 MiB; watches only | %s; %s |\n", \
        $24, $25, $26 == "none" ? "not measured" : ok($26 <= 18), ok($24 == 0 && $25 <= 5)
      print ""
      print "Requests are per token, without Events."
      print "*The ApiToken and its Secret; the other rows do not create the ApiToken."
    }'
}

run_pending() {
  cmake -S "$root" --preset release >"$work/build.log"
  cmake --build "$root/build/release" --target pending-bench >>"$work/build.log" ||
    { tail -n 30 "$work/build.log" >&2; exit 1; }
  "$root/build/release/pending-bench"
}

build
start_cluster
say "Warming up"
run_limit 300 warm-up-limit.txt
run_operator 300 warm-up-operator.txt
load cleanup
for round in $(seq "$rounds"); do
  say "Round $round of $rounds, $count tokens"
  run_limit "$count" limit.txt
  run_operator "$count" operator.txt
  [ "$round" -eq "$rounds" ] || load cleanup
done
say "Restart and idle"
for restart in $(seq "$restarts"); do # half a second each: one alone would tell the noise
  run_restart
  [ "$restart" -eq "$restarts" ] || stop_operator
done
run_idle
stop_operator
run_working_set
print_table
echo
"$root/hack/bench-verify.sh" "${verify_flags[@]}"
echo
run_pending
