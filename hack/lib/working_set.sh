# shellcheck shell=bash
# Memory as Kubernetes counts it and `kubectl top pod` shows it: the working set of a cgroup, which
# is its memory without the pages of files that the kernel takes back first. To be sourced. Only
# root may make a cgroup.
#
#   group=$(make_group NAME) && copy_program /usr/bin/sleep DIR
#   run_in_group "$group" DIR 60 &
#   working_set "$group"

# Prints the directory of a new cgroup, of either version. Fails where none can be made.
make_group() {
  local parent
  for parent in /sys/fs/cgroup/memory /sys/fs/cgroup; do
    if mkdir "$parent/$1" 2>/dev/null; then
      [ ! -f "$parent/$1/memory.stat" ] || { printf '%s\n' "$parent/$1"; return; }
      rmdir "$parent/$1"
    fi
  done
  return 1
}

# copy_program FILE DIR: the program with its libraries. Pages of a file count for the cgroup that
# read them first, so a measured process must not share its files; in a container it does not.
copy_program() {
  mkdir -p "$2"
  cp "$1" "$2/program"
  ldd "$1" | awk '$2 == "=>" { print $3 }' | xargs cp -L -t "$2"
  sync
  local file
  for file in "$2"/*; do # out of the page cache, where the copying has put them
    dd "if=$file" iflag=nocache count=0 status=none
  done
}

# run_in_group GROUP DIR ARGUMENTS: becomes the program that copy_program has put into DIR.
run_in_group() {
  printf '%s\n' "$BASHPID" >"$1/cgroup.procs"
  LD_LIBRARY_PATH="$2" exec "$2/program" "${@:3}"
}

# working_set GROUP: in MiB.
working_set() {
  local usage=memory.current field=inactive_file # version 2
  [ -f "$1/memory.current" ] || usage=memory.usage_in_bytes field=total_inactive_file
  awk -v field="$field" '
    NR == FNR { used = $1 }
    $1 == field { used -= $2 }
    END { printf "%.1f\n", used / 1048576 }' "$1/$usage" "$1/memory.stat"
}
