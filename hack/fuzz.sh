#!/usr/bin/env bash
# Fuzzes the parsers of foreign input (tests/fuzz) with libFuzzer, AddressSanitizer and UBSan.
# Builds the preset `fuzz` with clang. Exits with 0 only if no target found a fault.
#
# Usage: hack/fuzz.sh [MINUTES] [TARGET...]
#
#   MINUTES   for each target; 1 by default, may be a fraction
#   TARGET    the name of a file in tests/fuzz: lint, mail, ...; all by default
#
# Inputs that reach new code stay in build/fuzz/corpus/TARGET, for the next run. Findings go to
# build/fuzz/findings/TARGET-*: fix the fault, and keep the input in tests/fuzz/corpus/TARGET,
# which ctest replays. Environment: FUZZ_JOBS (2) targets run at a time.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
readonly build=build/fuzz jobs=${FUZZ_JOBS:-2}

case ${1:-} in
  --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
esac
minutes=1
if [[ ${1:-} =~ ^[0-9]*\.?[0-9]+$ ]]; then
  minutes=$1
  shift
fi
mapfile -t every < <(basename -s .cpp -a tests/fuzz/*.cpp | grep -v '_main$')
targets=("${@:-${every[@]}}")
for target in "${targets[@]}"; do
  [ -e "tests/fuzz/$target.cpp" ] ||
    { printf 'fuzz.sh: no target %s; there is: %s\n' "$target" "${every[*]}" >&2; exit 2; }
done
seconds=$(awk -v minutes="$minutes" 'BEGIN { print int(minutes * 60 + 0.5) }')
readonly seconds

cmake --preset fuzz >/dev/null
cmake --build "$build" -j "$jobs" --target "${targets[@]/#/fuzz_}" >&2
mkdir -p "$build/findings"

# fuzz_one TARGET: prints one line, and all that libFuzzer said if it found something.
fuzz_one() {
  local target=$1 log="$build/$1.log" runs
  mkdir -p "$build/corpus/$target"
  if "$build/fuzz_$target" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 \
    -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$build/findings/$target-" "$build/corpus/$target" \
      "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    printf '✓ %s: %s runs, no finding\n' "$target" "$runs"
  else
    printf '✗ %s: %s ends:\n' "$target" "$log"
    tail -n 60 "$log"
    return 1
  fi
}
export -f fuzz_one
export build seconds
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c 'fuzz_one {}' ||
  { printf 'fuzz.sh: findings in %s/findings\n' "$build" >&2; exit 1; }
