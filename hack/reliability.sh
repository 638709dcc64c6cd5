#!/usr/bin/env bash
# Runs the whole fault matrix (tests/integration/test_fault_matrix.py), and writes what it saw into
# the table of docs/reliability.md; the operator is killed two hundred times. Twelve minutes.
#
# Usage: hack/reliability.sh
#
# Environment: OPERATOR_BIN spares the debug build; KILLS: how often (200). Exits with 1, and leaves
# the page as it is, if a promise does not hold.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${1:-} in
  '') ;;
  --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) printf 'reliability.sh: unknown option %s; see --help\n' "$1" >&2; exit 2 ;;
esac
cd "$root"
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
if [ -z "${OPERATOR_BIN:-}" ]; then
  cmake --preset dev >/dev/null
  cmake --build build/dev --target apitoken-operator >&2
fi
export OPERATOR_BIN=${OPERATOR_BIN:-$root/build/dev/apitoken-operator}
KILLS=${KILLS:-200} FAULTS=all FAULT_TABLE=$rows /usr/bin/python3 -m pytest -q \
  tests/integration/test_fault_matrix.py >&2
/usr/bin/python3 - "$rows" docs/reliability.md <<'PYTHON'
import datetime
import json
import os
import pathlib
import re
import sys

rows = json.loads(pathlib.Path(sys.argv[1]).read_text())
page = pathlib.Path(sys.argv[2])
made = f"Made by `hack/reliability.sh` on {datetime.date.today()}, with {os.cpu_count()} cores."
table = [
    made,
    "",
    "| fault | what happens for six seconds | revisions | writes | mails | stands again after |",
    "| --- | --- | --- | --- | --- | --- |",
    *(
        f"| {name} | {row['what']} | {row['revisions']} | {row['writes']} of {row['allowed']} "
        f"| {row['mails']} | {row['seconds']} s |"
        for name, row in sorted(rows.items())
    ),
]
marked = r"(<!-- written by hack/reliability.sh -->\n).*?(<!-- end -->)"
text = re.sub(marked, lambda found: found[1] + "\n".join(table) + "\n" + found[2],
              page.read_text(), flags=re.S)
page.write_text(text)
PYTHON
printf 'docs/reliability.md\n'
