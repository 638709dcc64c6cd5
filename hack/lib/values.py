"""Prints the README of the given chart, with the table between the two marks made from values.yaml.
Called by hack/packages.sh; writes nothing.

A value's meaning is the comment above it; a row has as many sentences of it as fit. A map without
comments in it is one row. A row without a meaning is an error."""

import json
import pathlib
import re
import sys

import yaml

WIDTH = 150
KEY = re.compile(r"( *)(\w+):")
BEGIN, END = "<!-- values: made by hack/packages.sh --write -->\n", "<!-- /values -->\n"


def meanings(text):
    """{"metrics.port": the comment above it}."""
    found, parents, comment = {}, [], []
    for line in text.splitlines():
        key = KEY.match(line)
        if line.lstrip().startswith("# "):
            comment.append(line.strip()[2:])
            continue
        if key:
            parents = [parent for parent in parents if parent[0] < len(key[1])] + [
                (len(key[1]), key[2])
            ]
            found[".".join(name for _, name in parents)] = " ".join(comment)
        comment = []
    return found


def rows(values, meant, prefix=""):
    for key, value in values.items():
        name = prefix + key
        if isinstance(value, dict) and any(
            meaning and inner.startswith(name + ".") for inner, meaning in meant.items()
        ):
            if meant[name]:
                yield name, "", meant[name]
            yield from rows(value, meant, name + ".")
        elif not meant[name]:
            sys.exit(
                f"values.py: {name} has no comment above it in values.yaml that says what it means"
            )
        else:
            yield name, shown(value), meant[name]


def shown(value):
    """The default as a cell, which must stay short."""
    text = json.dumps(value)
    return f"`{text}`" if len(text) <= 45 else "see values.yaml"


def row(name, default, meaning):
    """A row of the table, with as many sentences of the meaning as fit."""
    first, *more = re.split(r"(?<=\.) (?=[A-Z])", meaning)
    line = f"| `{name}` | {default} | {first}"
    for sentence in more:
        if len(line) + len(sentence) > WIDTH:
            break
        line += f" {sentence}"
    return f"{line} |\n"


def table(text):
    lines = [row(*found) for found in rows(yaml.safe_load(text), meanings(text))]
    return "| value | default | meaning |\n| --- | --- | --- |\n" + "".join(lines)


chart = pathlib.Path(sys.argv[1])
before, _, rest = (chart / "README.md").read_text().partition(BEGIN)
_, end, after = rest.partition(END)
if not end:
    sys.exit("values.py: README.md lacks the marks around the table")
print(before + BEGIN + table((chart / "values.yaml").read_text()) + END + after, end="")
