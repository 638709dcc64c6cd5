#!/usr/bin/env python3
"""Compares the log lines of level warn and error in the code with the table of docs/operations.md.

Each message in the code has a row, and each row has a message. A message is the text in the call of
log::warn or log::error, or the first text of a FailureLog; where a part varies, the row has `…`. A
long message may end in the row with `…` too.
Run by hand and by hack/test.sh. Reads the tree and changes nothing; exits 1 and names each
difference. `--list` prints what the code logs.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "operations.md"
HEADING = "### Lines to act on"
CALL = re.compile(r"\blog::(warn|error)\(|\bFailureLog \w+\{")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
VARIES = "…"


def first_argument(text):
    """The text up to the comma or bracket that ends it."""
    depth, quoted, index = 0, False, 0
    while index < len(text):
        letter = text[index]
        if quoted:
            index += letter == "\\"
            quoted = letter != '"'
        elif letter == '"':
            quoted = True
        elif letter in "({[":
            depth += 1
        elif letter in ")}]" and depth == 0:
            break
        elif letter in ")}]":
            depth -= 1
        elif letter == "," and depth == 0:
            break
        index += 1
    return text[:index]


def message_of(argument):
    """The message, with … for what varies; adjacent literals are one text."""
    formatted = re.match(r"fmt::format\(", argument)
    if formatted:
        argument = first_argument(argument[formatted.end() :])
    text, end = "", 0
    for literal in LITERAL.finditer(argument):
        if argument[end : literal.start()].strip():
            text += VARIES
        text += re.sub(r"\{[^}]*\}", VARIES, literal[1])
        end = literal.end()
    if argument[end:].strip():
        text += VARIES
    return re.sub(f"{VARIES}+", VARIES, text.replace('\\"', '"'))


def logged():
    """Message -> places."""
    found = {}
    for path in sorted((ROOT / "controller").rglob("*.[ch]pp")):
        text = re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M)
        for call in CALL.finditer(text):
            message = message_of(first_argument(text[call.end() :]))
            place = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, call.start()) + 1}"
            if path.name not in ("log.hpp", "failure_log.hpp"):
                found.setdefault(message, []).append(place)
    return found


def documented():
    section = PAGE.read_text().partition(HEADING)[2].partition("\n## ")[0]
    return re.findall(r"^\| `(.+?)` \|", section, re.M)


def covers(row, message):
    begins = row.removesuffix(VARIES)
    return row == message or (begins != row and len(begins) >= 20 and message.startswith(begins))


def main():
    found = logged()
    if "--list" in sys.argv[1:]:
        for message, places in found.items():
            print(f"{message}\t{', '.join(places)}")
        return 0
    rows = documented()
    faults = []
    for message, places in found.items():
        matching = [row for row in rows if covers(row, message)]
        if len(matching) != 1:
            faults.append(f"{places[0]}: {len(matching)} rows in {PAGE.name} for: {message}")
    for row in rows:
        if not any(covers(row, message) for message in found):
            faults.append(f"{PAGE.name}: no code logs this: {row}")
    print("\n".join(faults) or f"{len(found)} log lines, each with a row in docs/operations.md")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
