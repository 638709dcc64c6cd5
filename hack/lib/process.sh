# Sourced by the scripts in hack/ that run servers: starts them detached, remembers each by pid and
# start time, and stops exactly those. It never signals a process that it did not start, nor by
# name. The script that sources this sets dir, the directory of its instance.
# shellcheck shell=bash disable=SC2154

# A free TCP port on loopback, below the kernel's ephemeral range: a server that is stopped for a
# while finds its port free again, because no outgoing connection is given a number from there.
free_port() {
  local port
  while :; do
    port=$(shuf -i 20000-32000 -n 1)
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then printf '%s\n' "$port"; return; fi
  done
}

# When the process began, in clock ticks since boot; with the pid it names one process for good.
started_at() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# spawn NAME COMMAND...: starts it in its own session with its output in $dir/logs/NAME.log, and
# records it.
spawn() {
  local name=$1 pid
  shift
  mkdir -p "$dir/logs" "$dir/pids"
  setsid nohup "$@" >>"$dir/logs/$name.log" 2>&1 </dev/null 9>&- &
  pid=$!
  disown "$pid"
  printf '%s %s\n' "$pid" "$(started_at "$pid")" >"$dir/pids/$name"
}

# pid_of NAME: prints the pid where the recorded process still runs, else fails.
pid_of() {
  local pid started
  [ -r "$dir/pids/$1" ] || return 1
  read -r pid started <"$dir/pids/$1" || return 1
  [ -n "$started" ] && [ "$(started_at "$pid")" = "$started" ] || return 1
  [ "$(sed 's/^.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f1)" != Z ] || return 1
  printf '%s\n' "$pid"
}

wait_gone() {
  local name=$1 deadline=$((SECONDS + $2))
  while pid_of "$name" >/dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# stop NAME [SIGNAL]: asks it to end, and after 15 seconds makes it.
stop() {
  local name=$1 signal=${2:-TERM} pid
  if pid=$(pid_of "$name"); then
    kill -s "$signal" "$pid" 2>/dev/null || true
    wait_gone "$name" 15 || { kill -s KILL "$pid" 2>/dev/null || true; wait_gone "$name" 5; }
  fi
  rm -f "$dir/pids/$name"
}

# wait_until SECONDS NAME COMMAND...: polls until COMMAND succeeds; gives up at the deadline, or at
# once where server NAME has died, and then shows the end of its log.
wait_until() {
  local deadline=$((SECONDS + $1)) name=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ! pid_of "$name" >/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
      printf '%s: %s did not become ready. The end of %s:\n' "${0##*/}" "$name" \
        "$dir/logs/$name.log" >&2
      tail -n 15 "$dir/logs/$name.log" >&2
      return 1
    fi
    sleep 0.1
  done
}
