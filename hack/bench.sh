#!/usr/bin/env bash
# Compares the operator with the limit of the API server, and prints one table. In one run, on one
# machine:
#   limit     no operator: a load program (hack/bench) makes the creates and the two writes
#   peer      a plain Go operator on controller-runtime, with the load of the next row
#   operator  new ApiTokens, from the first create to the last one that a watch sees Ready
#   restart   the operator starts with all of them minted, until its queues are empty
#   idle      requests and memory without changes
# Then hack/bench-verify.sh prints a second table, verification against nginx, and
# tests/bench/pending_bench.cpp a third: work while 10,000 and 100,000 keys, Events or notices wait.
#
# Limit, peer and operator alternate after a warm-up, each on an empty namespace. What counts is
# the median of each, the median of the rounds' ratios, since the speed of a machine changes within
# minutes, and the largest peak RSS; of seven restarts the fastest. The control plane is private to
# the run and removed at its end.
#
# Usage: hack/bench.sh [--quick] [--count N] [--rounds N]
#        hack/bench.sh --portal [--quick]    only the portal, by hack/bench-portal.py
#        hack/bench.sh --scale [--count N]    only memory, start and metrics with very many tokens,
#                                             by hack/bench-scale.py
#   --quick   300 tokens and one round: shows that it works, measures nothing
#   --count   tokens a run (3000); --rounds  runs of each kind (5)
# Environment: OPERATOR_BIN spares the release build. Other load on the machine falsifies the
# figures.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
count=3000 rounds=5 in_flight=16 restarts=7 idle_seconds=30 verify_flags=()
settle_seconds=3 # after the last Ready: Events and the echoes of writes, which count for CPU time
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
operator_pid="" # of the operator that runs now: ours or the Go operator
server_pid=""
ticks=$(getconf CLK_TCK)
export "$(sed -n 's/^ENV //p' "$root/Dockerfile")" # the operator runs as in its image
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
  read -r server_pid _ <"$work/cluster/pids/kube-apiserver"
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
cpu_ticks() { sed 's/^.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'; }
# cpu_ms_since PID TICKS TOKENS: milliseconds of CPU time a token since cpu_ticks gave TICKS.
cpu_ms_since() {
  awk -v t="$(($(cpu_ticks "$1") - $2))" -v hz="$ticks" -v n="$3" \
    'BEGIN { print t / hz * 1000 / n }'
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

# The Go operator: it counts as started once its caches are filled.
start_peer() {
  : >"$work/peer.log"
  "$work/bench" peer >"$work/peer.log" 2>&1 &
  operator_pid=$!
  until grep -q '"Starting workers"' "$work/peer.log"; do
    kill -0 "$operator_pid" 2>/dev/null || { tail -n 20 "$work/peer.log" >&2; exit 1; }
    sleep 0.1
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

# limit.txt: seconds server-cpu-ms-a-token
run_limit() {
  local seconds server_cpu
  server_cpu=$(cpu_ticks "$server_pid")
  read -r seconds _ < <(load -count "$1" -in-flight "$in_flight" limit)
  sleep "$settle_seconds"
  printf '%s %s\n' "$seconds" "$(cpu_ms_since "$server_pid" "$server_cpu" "$1")" >>"$work/$2"
  load cleanup
  say "  limit: $seconds s"
}

# create_load TOKENS: creates them for the operator that runs, and prints "seconds
# server-cpu-ms-a-token cpu-ms-a-token peak-rss".
create_load() {
  local seconds server_cpu own_cpu
  server_cpu=$(cpu_ticks "$server_pid") own_cpu=$(cpu_ticks "$operator_pid")
  read -r seconds _ < <(load -count "$1" -in-flight "$in_flight" create)
  sleep "$settle_seconds"
  printf '%s %s %s %s\n' "$seconds" "$(cpu_ms_since "$server_pid" "$server_cpu" "$1")" \
    "$(cpu_ms_since "$operator_pid" "$own_cpu" "$1")" "$(memory VmHWM)"
}

# peer.txt: what create_load prints
run_peer() {
  start_peer
  sleep 3
  create_load "$1" >>"$work/$2"
  stop_operator
  load cleanup
  say "  Go operator: $(tail -n 1 "$work/$2" | cut -d ' ' -f 1) s"
}

# operator.txt: what create_load prints, idle-rss post patch put delete get
run_operator() {
  local before after idle line
  start_operator
  sleep 3
  idle=$(memory VmRSS) before=$(requests)
  create_load "$1" >"$work/load.txt"
  line=$(cat "$work/load.txt")
  after=$(requests)
  {
    printf '%s %s ' "$line" "$idle"
    printf '%s %s %s\n' "$before" "$after" "$(event_count)" | awk -v n="$1" '{
      print ($6 - $1 - $11) / n, ($7 - $2) / n, ($8 - $3) / n, ($9 - $4) / n, ($10 - $5) / n }'
  } >>"$work/$2"
  say "  operator: ${line%% *} s"
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
    "$(cpu_ms_since "$operator_pid" 0 "$count")" \
      "$(memory VmHWM)" \
    "$(requests | awk -v n="$count" '{ print $1 / n, $2 / n, $3 / n, $4 / n, $5 / n }')" \
      >>"$work/restart.txt"
}

# idle.txt: cpu-ms writes gets
run_idle() {
  local before start_cpu
  sleep 3
  before=$(requests) start_cpu=$(cpu_ticks "$operator_pid")
  sleep "$idle_seconds"
  printf '%s %s %s\n' "$(cpu_ms_since "$operator_pid" "$start_cpu" 1)" "$before" "$(requests)" |
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

fastest() { sort -n "$work/$1" | head -n 1; }
median() {
  sort -n | awk '{ of[NR] = $1 } END { print (of[int((NR + 1) / 2)] + of[int(NR / 2) + 1]) / 2 }'
}
# medians FILE: a line with the median of each column.
medians() {
  local column
  for column in $(seq "$(head -n 1 "$work/$1" | wc -w)"); do
    cut -d ' ' -f "$column" "$work/$1" | median
  done | paste -s -d ' '
}
# ratio FILE FILE: the median of how many times as long the first took as the second, by rounds.
ratio() {
  paste -d ' ' <(cut -d ' ' -f 1 "$work/$1") <(cut -d ' ' -f 1 "$work/$2") |
    awk '{ print $1 / $2 }' | median
}
largest_peak() { awk '$4 > max { max = $4 } END { print max }' "$work/$1"; }

print_table() {
  awk -v n="$count" -v idle_seconds="$idle_seconds" -v limit_line="$(medians limit.txt)" \
    -v in_flight="$in_flight" \
    -v peer_line="$(medians peer.txt)" -v peer_peak="$(largest_peak peer.txt)" \
    -v operator_line="$(medians operator.txt)" -v peak="$(largest_peak operator.txt)" \
    -v peer_to_limit="$(ratio peer.txt limit.txt)" \
    -v to_limit="$(ratio operator.txt limit.txt)" -v to_peer="$(ratio operator.txt peer.txt)" \
    -v restart_line="$(fastest restart.txt)" -v idle_line="$(cat "$work/idle.txt")" \
    -v working_set="$(cat "$work/working-set.txt")" '
    function ok(good) { return good ? "ok" : "MISSED" }
    function timing(name, seconds, to_limit) {
      printf "| %s | %.2f | %.0f | %.2f x |", name, seconds, n / seconds, to_limit
    }
    BEGIN {
      split(limit_line, limit)
      split(peer_line, peer)
      split(operator_line, operator)
      split(restart_line, restart)
      split(idle_line, idle)
      printf "| %d tokens | seconds | tokens/s | time to the limit | CPU ms a token |", n
      print " API server CPU ms a token | peak RSS MiB | POST | PATCH | PUT | DELETE | GET |" \
        " must reach | reached |"
      print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"

      timing("limit: raw client-go, " in_flight " in flight", limit[1], 1)
      printf " | %.2f | | 2.00* | 1.00 | 0 | 0 | 0 | | |\n", limit[2]

      timing("a Go operator on controller-runtime, one condition", peer[1], peer_to_limit)
      printf " %.2f | %.2f | %.1f | | | | | | | |\n", peer[3], peer[2], peer_peak

      timing("operator: first create to last Ready", operator[1], to_limit)
      printf " %.2f | %.2f | %.1f |", operator[3], operator[2], peak
      printf " %.2f | %.2f | %.2f | %.2f | %.2f |", \
        operator[6], operator[7], operator[8], operator[9], operator[10]
      writes = operator[6] + operator[7] + operator[8] + operator[9]
      print " <= 1.05 x; <= 1.00 x of the Go operator; <= 0.50 ms; <= 30 MiB; 2 writes |" \
        sprintf(" %s; %.2f x %s; %s; %s; %s |", ok(to_limit <= 1.05), \
          to_peer, ok(to_peer <= 1), ok(operator[3] <= 0.5), \
          ok(peak <= 30), ok(writes > 1.99 && writes < 2.01))

      printf "| restart with all minted | %.2f | %.0f | | %.2f | | %.1f |", \
        restart[1], n / restart[1], restart[2], restart[3]
      printf " %.2f | %.2f | %.2f | %.2f | %.3f | 0 writes | %s |\n", restart[4], restart[5], \
        restart[6], restart[7], restart[8], \
        ok(restart[4] + restart[5] + restart[6] + restart[7] == 0)

      printf "| idle for %d s | | | | %.0f ms in all | |", idle_seconds, idle[1]
      printf " %s working set, %.1f resident, before any token |", working_set, operator[5]
      printf " %d writes in all | | | | %d in all | <= 18 MiB; watches only | %s; %s |\n", \
        idle[2], idle[3], working_set == "none" ? "not measured" : ok(working_set <= 18), \
        ok(idle[2] == 0 && idle[3] <= 5)
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
run_peer 300 warm-up-peer.txt
run_operator 300 warm-up-operator.txt
load cleanup
for round in $(seq "$rounds"); do
  say "Round $round of $rounds, $count tokens"
  run_limit "$count" limit.txt
  run_peer "$count" peer.txt
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
