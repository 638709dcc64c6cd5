"""Code blocks of Markdown pages."""

import dataclasses
import re
import textwrap

from .cluster import ROOT

FENCE = re.compile(r"( *)```(\w*)$")


@dataclasses.dataclass
class Block:
    line: int  # of the fence
    language: str
    text: str
    mark: str  # the comment in the line above, which says how the block is run or why it is not
    heading: str  # the nearest one above


def blocks(page):
    """The fenced code blocks of a page, in order."""
    lines = (ROOT / page).read_text().splitlines()
    heading, number = "", 0
    while number < len(lines):
        fence = FENCE.match(lines[number])
        if lines[number].startswith("#"):
            heading = lines[number].lstrip("# ")
        if not fence:
            number += 1
            continue
        end = next(n for n in range(number + 1, len(lines)) if lines[n].strip() == "```")
        above = lines[number - 1].strip()
        yield Block(
            line=number + 1,
            language=fence[2],
            text=textwrap.dedent("\n".join(lines[number + 1 : end]) + "\n"),
            mark=above if above.startswith("<!--") else "",
            heading=heading,
        )
        number = end + 1


def commands(page, heading=None):
    """The shell commands of a page, or of one section of it, that are to be run."""
    return [
        block.text
        for block in blocks(page)
        if block.language == "sh"
        and "not run:" not in block.mark
        and heading in (None, block.heading)
    ]
