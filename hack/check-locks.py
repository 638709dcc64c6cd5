#!/usr/bin/env python3
"""Checks the lock contracts of base/mutex.hpp by clang's thread safety analysis, without generating
code: each access to a GUARDED_BY member holds its mutex, each caller of a REQUIRES function too.

Usage: hack/check-locks.py [FILE...]

Without FILEs: all sources that take a lock, and those of a class with a guarded member. First
checks that the analysis refuses an unguarded access. Needs build/dev/compile_commands.json (cmake
--preset dev). Environment: TEST_JOBS (2) compilers run at a time.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATABASE = ROOT / "build/dev/compile_commands.json"
COMPILER = "clang++-19"
CHECKS = ["-fsyntax-only", "-Wno-everything", "-Wthread-safety", "-Werror=thread-safety"]
CONTRACT = re.compile(r"\b(MutexLock|WriteLock|ReadLock|GUARDED_BY|REQUIRES)\b")
UNGUARDED = """
#include "base/mutex.hpp"
class Counter {
 public:
  int read() { return count_; }
  apitoken::Mutex mutex_;
  int count_ GUARDED_BY(mutex_) = 0;
};
int main() { return Counter().read(); }
"""


def has_contract(source):
    header = source.with_suffix(".hpp")
    texts = [source.read_text()] + ([header.read_text()] if header.exists() else [])
    return any(CONTRACT.search(text) for text in texts)


def command_of(entry):
    """The entry's include paths and definitions; gcc's warnings are no business of clang. With a
    constexpr unique_ptr, clang does not compile cpprest's headers, whose types are incomplete."""
    words = shlex.split(entry["command"])
    kept = ["-D_GLIBCXX23_CONSTEXPR="]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith(("-I", "-D", "-std=")):
            kept.append(word)
        elif word == "-isystem":
            kept += [word, following]
    return kept


def check(arguments, source):
    """The compiler's complaint; empty if the file keeps its contracts."""
    run = subprocess.run(
        [COMPILER, *arguments, *CHECKS, str(source)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if run.returncode == 0 else run.stderr or f"{COMPILER} failed on {source}"


def refuses_an_unguarded_access():
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "unguarded.cpp"
        source.write_text(UNGUARDED)
        complaint = check(["-std=c++23", f"-I{ROOT}/controller"], source)
    return "requires holding mutex 'mutex_'" in complaint


def main():
    if not refuses_an_unguarded_access():
        sys.exit(f"check-locks.py: {COMPILER} accepts an unguarded access; install {COMPILER}")
    if not DATABASE.exists():
        sys.exit(f"check-locks.py: there is no {DATABASE}; run cmake --preset dev")
    wanted = {pathlib.Path(name).resolve() for name in sys.argv[1:]}
    entries = {pathlib.Path(entry["file"]): entry for entry in json.loads(DATABASE.read_text())}
    sources = sorted(
        source
        for source in entries
        if source.is_relative_to(ROOT / "controller") and has_contract(source)
        if not wanted or source in wanted
    )
    jobs = int(os.environ.get("TEST_JOBS", "2"))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        complaints = [
            complaint
            for complaint in pool.map(lambda file: check(command_of(entries[file]), file), sources)
            if complaint
        ]
    print("\n".join(complaints), end="")
    print(f"check-locks.py: {len(sources)} files, {len(complaints)} refused")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
