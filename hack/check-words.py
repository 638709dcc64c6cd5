#!/usr/bin/env python3
"""Checks the words and the width of code, scripts and docs.

- A word of BANNED stands in no name, comment, message or page: it has a plainer word.
- Code, scripts and YAML comments are at most 100 columns wide, rows of Markdown tables 160.
- Markdown has one sentence a line.

Run by hand and by hack/test.sh. Reads the tree and changes nothing; exits 1 and names each fault
with its file and line.
"""

import fnmatch
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
CODE_WIDTH, ROW_WIDTH = 100, 160

# Pattern -> what to say instead. A name in snake_case or PascalCase is split into its words first.
BANNED = {
    r"former(ly)?": "previous",
    r"stand[- ]?by": "follower: a replica that does not lead",
    r"(un)?told": "notified, submitted, delivered or reported",
    r"who(so)?ever": "the noun: the caller, the user, the process",
    r"what(so)?ever|whichever": "the noun, with `any` or `each`",
    r"kick(s|ed|ing)?": "retry now",
    r"draw(s|n|ing)?|drew": "mint, issue, rotate or generate",
    r"anew": "again",
    r"(is|are|was|be|becomes?|stays?|made) void|void at once|to void|voids|voided": "invalid",
    r"judge[sd]?|judging": "classify, check or decide",
    r"news": "notices",
    r"(?<!/api/)rights": "permissions",
    r"forget(s|ting)?|forgot(ten)?": "remove",
    r"hence|lest|upon|thereof|whence": "so, or because",
    r"shall": "must",
    r"might(y|ier|iest)": "privileged",
    r"patience|mercy|signs? of life": "the deadline, the last renewal",
    r"k (Most|Longest|Highest|Largest)": "kMax",
    r"Mail Desk": "SmtpSettingsReader",
    r"Secret Trust": "OwnWrites",
    r"is over": "is_expired, ttl_after_expired_passed; or: has ended",
    r"make space|(?<!/)bed": "TestNamespace, testbed",
}
WORDS = re.compile("|".join(rf"\b(?:{pattern})\b" for pattern in BANNED), re.IGNORECASE)
CASED = re.compile(r"k (Most|Longest|Highest|Largest)")  # kMost, but not "k most"

# What a file may say all the same: (file, pattern of the line, reason).
EXCEPTIONS = [
    ("hack/check-words.py", ".", "the list itself"),
    ("docs/glossary.md", r"^\| ", "the table names the words that we do not use"),
    ("crds/tokenexpiryconfigs.yaml", "expiry itself is always told", "message of a CEL rule"),
    ("docs/reference.md", "expiry itself is always told", "message of a CEL rule"),
    ("tests/portal/double.py", r"rights", "a field of the portal's answers"),
    ("tests/portal/test_settings_routes.py", r"rights", "a field of the portal's answers"),
    ("controller/portal/settings_routes.cpp", r"rights", "a field of the portal's answers"),
]

SKIPPED = [
    "LICENSE",
    "*/go.sum",
    "charts/*/files/*",  # made from crds/ and manifests/
    "charts/*/dashboards/*",
    "tests/fuzz/corpus/*",
    "tests/recorded/*",
    "portal/vendor/*",
]
CODE = (".cpp", ".hpp", ".sh", ".py", ".go", "CMakeLists.txt", ".cmake")
SUFFIXES = ".cpp .hpp .sh .py .go .txt .cmake .md .yaml .yml .tpl .toml .ini .lua"
SENTENCE_END = re.compile(r"(?<![A-Z])(?<!e\.g)(?<!i\.e)(?<!vs)[.!?]\s+(?=[A-Z`*\[])")


def tracked():
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, text=True, capture_output=True, check=True
    ).stdout.splitlines()
    for name in listing:
        path = ROOT / name
        if path.suffix not in ("", *SUFFIXES.split()) or not path.is_file() or path.is_symlink():
            continue
        if not any(fnmatch.fnmatch(name, pattern) for pattern in SKIPPED):
            yield name, path.read_text(encoding="utf-8").splitlines()


def words_of(line):
    """The line with names split: retry_now, RetryNow and kMaxSize become words."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", line)
    return re.sub(r"(?<=\w)_(?=\w)", " ", split)


def say_instead(word):
    return next(say for pattern, say in BANNED.items() if re.fullmatch(pattern, word, re.I))


def word_faults(name, lines):
    for number, line in enumerate(lines, 1):
        for found in WORDS.finditer(words_of(line)):
            word = found[0]
            if re.fullmatch(CASED.pattern, word, re.I) and not CASED.fullmatch(word):
                continue
            if not any(name == file and re.search(p, line) for file, p, _ in EXCEPTIONS):
                yield number, f'"{word}": say {say_instead(word)}'


def width_faults(name, lines):
    comments_only = name.endswith((".yaml", ".yml"))
    if not name.endswith((*CODE, ".yaml", ".yml")) and name not in (".ci/run", "Dockerfile"):
        return
    for number, line in enumerate(lines, 1):
        if "https://" in line:
            continue  # an address cannot be broken
        if len(line) > CODE_WIDTH and (not comments_only or line.lstrip().startswith("#")):
            yield number, f"{len(line)} columns; {CODE_WIDTH} are allowed"


def prose(lines):
    """The numbered lines of Markdown that are neither code, comment nor heading."""
    fence = comment = False
    for number, line in enumerate(lines, 1):
        if re.match(r"\s*(```|~~~)", line):
            fence = not fence
        elif line.startswith("<!--") or comment:
            comment = "-->" not in line
        elif not fence and not line.startswith("#"):
            yield number, line


def markdown_faults(name, lines):
    if not name.endswith(".md"):
        return
    for number, line in prose(lines):
        if line.lstrip().startswith("|"):
            if len(line) > ROW_WIDTH:
                yield number, f"a table row of {len(line)} columns; {ROW_WIDTH} are allowed"
        elif SENTENCE_END.search(re.sub(r"`[^`]*`|^\s*(\d+\.|[-*])\s|\*\*", "x", line)):
            yield number, "two sentences on one line"


def main():
    faults = [
        f"{name}:{number}: {fault}"
        for name, lines in tracked()
        for check in (word_faults, width_faults, markdown_faults)
        for number, fault in check(name, lines)
    ]
    print(*faults, sep="\n", end="\n" if faults else "")
    print(
        f"check-words: {len(faults)} faults"
        if faults
        else "check-words: words and widths are right"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
