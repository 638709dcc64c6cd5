#!/usr/bin/env bash
# Runs all tests of the operator, one step after the other, also after a step failed. The last line
# counts test cases that passed and failed; a step without cases counts as one. Exits with 0 only
# if nothing failed.
#
# Usage: hack/test.sh [--quick | --full] [STEP...]
#
#   format            clang-format over C++, ruff over Python, yamllint over YAML
#   shell             shellcheck over the scripts
#   layers            hack/check-layers.py: includes, and names shared by code, CRDs, RBAC and docs;
#                     hack/check-words.py: plain words, widths;
#                     hack/check-log-lines.py: the table of lines to act on
#   rules             hack/verify-rules.sh: promtool over the alerts and their tests
#   chart             hack/packages.sh; the Helm chart under Helm 3 and 4: lint, each value, schema,
#                     same objects as the manifests
#   unit              unit tests, plan cases and properties (debug build)
#   lint              hack/check-locks.py: lock contracts; clang-tidy over the layers that decide:
#                     base, api, core
#   portal            hack/vendor.sh, hack/check-portal.sh; the portal's routes and pages with an
#                     operator, kube-apiserver and a browser
#   integration       operator, plugin and image against real servers: kube-apiserver, mailpit,
#                     Prometheus, Alertmanager
#   asan              unit tests, cases and properties under AddressSanitizer with UBSan
#   tsan              under ThreadSanitizer: unit tests of the layers with threads, and the fault
#                     tests; with --full all
#   asan-integration, tsan-integration
#                     integration tests with an instrumented operator: minting, healing, notices,
#                     faults
#   fuzz              hack/fuzz.sh: libFuzzer over the parsers of foreign input, FUZZ_MINUTES (0.25)
#                     for each
#
#   Without STEPs: format, shell, layers, rules, chart, portal, integration, and a share of the rest
#   by the commit's hash: unit and lint; or the asan steps, which run the unit tests too; or unit
#   and the tsan steps. SHARE=plain, asan or tsan chooses one. The unit tests replay the fuzzers'
#   corpora, each input with a thousand variations.
#   --quick           without the sanitizers and fuzz
#   --full            all of them, and all tests in each
#
# With STEPs: only those. The script installs missing Debian packages and says so.
# Logs: build/test-logs/STEP.log.
# Environment: PYTEST_FLAGS go to pytest; TEST_JOBS (2) compilers or tests run at a time.
# shellcheck disable=SC2317 # steps are called by name
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
readonly logs=build/test-logs jobs=${TEST_JOBS:-2}
readonly every=(
  format shell layers rules chart unit lint portal integration
  asan asan-integration tsan tsan-integration fuzz
)
readonly threaded=(
  unit_base unit_kube unit_notify unit_reconcile unit_serve unit_verify unit_portal fault
)
full=""
readonly quick=(format shell layers rules chart unit lint portal integration)
readonly no_tests=5  # pytest's exit code, if PYTEST_FLAGS select none
readonly instrumented=(tests/integration/test_{mint,heal,notices,bad_answers}.py)
passed=0 failed=0 skipped=0 broken=()

# Everything at once takes too long on a machine without caches.
share_of_commit() {
  case $(git rev-parse HEAD 2>/dev/null) in
    [0-4]*) echo asan ;;
    [5-9]*) echo tsan ;;
    *) echo plain ;;
  esac
}

case ${1:-} in
  --help | -h)
    sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  --quick) steps=("${quick[@]}") ;;
  --full) full=1 steps=("${every[@]}") ;;
  '') steps=(format shell layers rules chart portal integration)
    case ${SHARE:-$(share_of_commit)} in
      asan) steps+=(asan asan-integration) ;;
      tsan) steps+=(unit tsan tsan-integration) ;;
      *) steps+=(unit lint) ;;
    esac ;;
  *) steps=("$@") ;;
esac
for step in "${steps[@]}"; do
  [[ " ${every[*]} " == *" $step "* ]] ||
    { printf 'test.sh: no step %s; see --help\n' "$step" >&2; exit 2; }
done

# --- steps: each prints what it does, leaves $logs/STEP*.xml where it has cases, and fails if anyth

sources() {
  git ls-files "$@" | while read -r file; do
    [ ! -e "$file" ] || printf '%s\n' "$file"
  done
}

# Left out: templates of the chart, which are YAML after Helm, and the hostile files of the corpus.
run_format() {
  sources 'controller/*.[ch]pp' 'tests/*.[ch]pp' | xargs clang-format-19 --dry-run -Werror &&
    hack/ruff.sh check &&
    sources '*.yaml' '*.yml' ':!charts/*/templates/*' ':!tests/fuzz/corpus/*' | xargs yamllint -s
}
run_shell() {
  {
    sources 'hack/*.sh'
    printf '%s\n' .ci/run controller/cli/kubectl_complete-apitoken
  } | xargs shellcheck -x
}
run_layers() { hack/check-layers.py && hack/check-words.py && hack/check-log-lines.py; }
run_rules() { hack/verify-rules.sh; }

# ThreadSanitizer of gcc 12 cannot start where the kernel spreads addresses wider than it knows.
fixed_addresses=()
if setarch -R true 2>/dev/null; then fixed_addresses=(setarch -R); fi
readonly fixed_addresses

build_preset() {
  # PRESET [TARGET...]
    cmake --preset "$1" && "${fixed_addresses[@]}" cmake --build "build/$1" \
      -j "$jobs" ${2:+--target "${@:2}"}
  }
  
  ctest_preset() { ctest --preset "$1" -j "$jobs" --timeout 300 \
    --output-junit "$root/$logs/$1.ctest.xml"
}

run_unit() { build_preset dev && ctest_preset dev; }

run_lint() {
  cmake --preset dev && hack/check-locks.py &&
    sources 'controller/base/*.cpp' 'controller/api/*.cpp' 'controller/core/*.cpp' |
    xargs -P "$jobs" -n 2 clang-tidy-19 --quiet -p build/dev
}

# integration PRESET WORKERS TESTS...: Debian's Python, which has the Debian packages of
# hack/install-deps.sh.
integration() {
  local preset=$1 workers=$2
  shift 2
  # shellcheck disable=SC2086 # PYTEST_FLAGS are words
  OPERATOR_BIN="$root/build/$preset/apitoken-operator" "${fixed_addresses[@]}" /usr/bin/python3 \
    -m pytest "$@" -q -n "$workers" \
    --durations=15 --junitxml="$logs/$preset-$workers.pytest.xml" ${PYTEST_FLAGS:-}
}

run_chart() {
  hack/controlplane.sh build && hack/helm.sh build && hack/packages.sh &&
    /usr/bin/python3 -m pytest tests/chart -q -n "$jobs" --junitxml="$logs/chart.pytest.xml"
}

run_integration() {
  [ -z "$full" ] || export RELEASE_ARM64=1
  hack/helm.sh build && hack/controlplane.sh build && hack/controlplane.sh build-backup &&
    hack/mailserver.sh build && hack/kstatus.sh --build && hack/proxies.sh build &&
    build_preset dev apitoken-operator kubectl-apitoken &&
    TEST_TIME_SCALE=${TEST_TIME_SCALE:-2} all_integration
}
# The attack is measured in milliseconds: no other test runs beside it.
all_integration() {
  local attack=tests/integration/test_attack.py code=0
  integration dev 0 "$attack" || [ $? -eq "$no_tests" ] || code=1
  integration dev "$jobs" tests/integration --ignore="$attack" || code=1
  return "$code"
}

# One browser and one control plane: not shared out to workers.
run_portal() {
  hack/vendor.sh --check && hack/check-portal.sh && hack/controlplane.sh build &&
    hack/mailserver.sh build &&
    build_preset dev apitoken-operator apitoken-portal kubectl-apitoken &&
    OPERATOR_BIN="$root/build/dev/apitoken-operator" TEST_TIME_SCALE=${TEST_TIME_SCALE:-2} \
      /usr/bin/python3 -m pytest tests/portal -q --durations=15 \
      --junitxml="$logs/portal.pytest.xml"
}

with_asan() {
  ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
    TEST_TIME_SCALE=3 "$@"
}

with_tsan() {
  TSAN_OPTIONS=second_deadlock_stack=1 TEST_TIME_SCALE=4 "$@"
}

run_asan() {
  build_preset asan &&
    with_asan ctest --preset asan -j "$jobs" --timeout 600 \
      --output-junit "$root/$logs/asan.ctest.xml"
}
run_tsan() {
  local only=() targets=()
  if [ -z "$full" ]; then
    targets=("${threaded[@]/%/_tests}")
    only=(-L "^($(IFS='|'; printf '%s' "${threaded[*]}"))\$")
  fi
  build_preset tsan "${targets[@]}" &&
    with_tsan "${fixed_addresses[@]}" ctest --preset tsan "${only[@]}" -j "$jobs" --timeout 600 \
      --output-junit "$root/$logs/tsan.ctest.xml"
}
run_fuzz() { FUZZ_JOBS=$jobs hack/fuzz.sh "${FUZZ_MINUTES:-0.25}"; }
run_asan-integration() {
  build_preset asan apitoken-operator &&
    with_asan integration asan "$jobs" "${instrumented[@]}"
}
run_tsan-integration() {
  build_preset tsan apitoken-operator &&
    with_tsan integration tsan "$jobs" "${instrumented[@]}"
}

# --- running and counting -------------------------------------------------------------------------

# "passed failed skipped" over JUnit files.
cases_of() {
  python3 - "$@" <<'PYTHON'
import sys
import xml.etree.ElementTree as xml

failed = skipped = cases = 0
for path in sys.argv[1:]:
    for case in xml.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        cases += 1
        failed += bool(kinds & {"failure", "error"})
        skipped += "skipped" in kinds
print(cases - failed - skipped, failed, skipped)
PYTHON
}

run_step() {
  local step=$1 begin=$SECONDS code=0 good=1 bad=0 left=0 reports=()
  printf '· %s\n' "$step"
  rm -f "$logs"/*.xml
  "run_$step" >"$logs/$step.log" 2>&1 </dev/null || code=$?
  mapfile -t reports < <(compgen -G "$logs/*.xml")
  if [ "${#reports[@]}" -gt 0 ]; then
    read -r good bad left < <(cases_of "${reports[@]}")
  elif [ "$code" -ne 0 ]; then
    good=0
  fi
  [ "$code" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
  if [ "$bad" -eq 0 ]; then
    printf '✓ %s: %d passed%s (%d s)\n' "$step" "$good" \
      "$([ "$left" -eq 0 ] || printf ', %d skipped' "$left")" "$((SECONDS - begin))"
  else
    broken+=("$step")
    printf '✗ %s: %d passed, %d failed (%d s); %s ends:\n' "$step" "$good" "$bad" \
      "$((SECONDS - begin))" "$logs/$step.log"
    tail -n 60 "$logs/$step.log"
  fi
}

hack/install-deps.sh || exit 1
mkdir -p "$logs"
for step in "${steps[@]}"; do run_step "$step"; done
[ "$skipped" -eq 0 ] || printf '%d skipped\n' "$skipped"
[ "${#broken[@]}" -eq 0 ] || printf 'Failed: %s\n' "${broken[*]}"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
