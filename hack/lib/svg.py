"""Draws what hack/pictures.py shows: a page of panels in the manner of a dashboard, and a terminal. Only text and shapes; light or
dark as the reader's browser asks, but for the terminal. Knows nothing of tokens."""

import math
import textwrap
import time
from xml.sax.saxutils import escape

COLOURS = ["#2f81f7", "#3fb950", "#a371f7", "#39c5cf", "#d29922", "#db61a2", "#8b949e", "#bc4c00"]
# Grafana's names of colours, as classes of the style below.
CLASSES = {
    "green": "good",
    "blue": "calm",
    "yellow": "near",
    "orange": "warn",
    "red": "bad",
    "dark-red": "bad",
}
NAMED = {
    "green": "#3fb950",
    "blue": "#2f81f7",
    "yellow": "#e3b341",
    "orange": "#db6d28",
    "red": "#f85149",
    "text": "#8b949e",
    "purple": "#a371f7",
    "dark-purple": "#8957e5",
}
STYLE = """
  svg { font-family: system-ui, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; font-size: 12px; }
  .page { fill: #f6f8fa; } .panel { fill: #ffffff; stroke: #d0d7de; } .rule { stroke: #d8dee4; }
  text { fill: #1f2328; } .dim { fill: #59636e; } .title { font-weight: 600; font-size: 13px; } .big { font-size: 30px; font-weight: 600; }
  .good { fill: #1a7f37; } .calm { fill: #0969da; } .near { fill: #7d6500; } .warn { fill: #bc4c00; } .bad { fill: #cf222e; } .end { text-anchor: end; } .middle { text-anchor: middle; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; } .panel { fill: #161b22; stroke: #30363d; } .rule { stroke: #30363d; }
    text { fill: #e6edf3; } .dim { fill: #9198a1; } .good { fill: #3fb950; } .calm { fill: #58a6ff; } .near { fill: #e3b341; } .warn { fill: #f0883e; }
    .bad { fill: #f85149; }
  }
"""
TERMINAL_STYLE = """
  text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; fill: #e6edf3; white-space: pre; }
  .good { fill: #3fb950; } .bad { fill: #f85149; } .dim { fill: #9198a1; } .warn { fill: #d29922; } .strong { font-weight: 700; }
"""


def number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".")


def top_of(value):
    """A round number at or above the value, for the end of an axis."""
    if value <= 0:
        return 1.0
    magnitude = 10 ** math.floor(math.log10(value))
    return next(magnitude * step for step in (1, 2, 4, 5, 10) if value <= magnitude * step)


class Page:
    MARGIN = 12

    def __init__(self, width, height, title):
        self.width, self.height = width + 2 * self.MARGIN, height + 2 * self.MARGIN
        self.title = title
        self.parts = []

    def text(self):
        inner = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(self.title)}">\n'
            f'<style>{STYLE}</style>\n<rect class="page" width="{self.width}" height="{self.height}"/>\n'
            f'<g transform="translate({self.MARGIN} {self.MARGIN})">\n{inner}\n</g>\n</svg>\n'
        )

    def write(self, x, y, words, style="", extra=""):
        self.parts.append(
            f'<text x="{number(x)}" y="{number(y)}" class="{style}" {extra}>{escape(str(words))}</text>'
        )

    def rule(self, x1, y1, x2, y2):
        self.parts.append(
            f'<line class="rule" x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"/>'
        )

    def note(self, x, y, words):
        self.write(x, y, words, "dim")

    def panel(self, x, y, w, h, title):
        self.parts.append(f'<rect class="panel" x="{x}" y="{y}" width="{w}" height="{h}" rx="4"/>')
        self.write(x + 12, y + 22, title, "title")

    def stat(self, x, y, w, h, title, values, colour):
        self.panel(x, y, w, h, title)
        step = (w - 24) / len(values)
        for place, (name, value) in enumerate(values):
            self.write(x + 12 + place * step, y + 62, value, f"big {CLASSES[colour]}")
            self.write(x + 12 + place * step, y + 82, name, "dim")

    def table(self, x, y, w, h, title, heads, rows, limit):
        self.panel(x, y, w, h, title)
        columns = [x + 12 + (w - 24) * share for share in (0, 0.15, 0.34, 0.49, 0.66, 0.79)]
        for at, head in zip(columns, heads):
            self.write(at, y + 46, head, "dim")
        self.rule(x + 12, y + 54, x + w - 12, y + 54)
        for place, row in enumerate(rows[:limit]):
            line = y + 74 + place * 22
            for at, cell in zip(columns, row):
                words, colour = cell if isinstance(cell, tuple) else (cell, None)
                self.write(at, line, words, f"title {CLASSES[colour]}" if colour else "")
        if len(rows) > limit:
            self.write(x + 12, y + h - 8, f"and {len(rows) - limit} more", "dim")

    def axis(self, x, y, w, h, top):
        for part in range(5):
            line = y + h - h * part / 4
            self.rule(x, line, x + w, line)
            self.write(x - 6, line + 4, number(top * part / 4), "dim end")

    def bars(self, x, y, w, h, title, bars):
        self.panel(x, y, w, h, title)
        left, top, width, height = x + 40, y + 44, w - 56, h - 124
        highest = 4 * math.ceil(max(value for _, value in bars) / 4)
        self.axis(left, top, width, height, highest)
        step = width / len(bars)
        for place, (name, value) in enumerate(bars):
            tall, at = height * value / highest, left + place * step
            self.parts.append(
                f'<rect x="{number(at + step * 0.12)}" y="{number(top + height - tall)}" width="{number(step * 0.76)}" '
                f'height="{number(tall)}" fill="#d29922"/>'
            )
            self.write(at + step / 2, top + height - tall - 6, f"{value:g}", "middle")
            across, down = at + step / 2 + 4, top + height + 14
            self.write(
                across,
                down,
                name,
                "dim end",
                f'transform="rotate(-45 {number(across)} {number(down)})"',
            )

    def lines(self, x, y, w, h, title, series, stacked=False):
        """series: {(name, colour or None): [(time, value)]}."""
        self.panel(x, y, w, h, title)
        left, top, width, height = x + 44, y + 40, w - 60, h - 100
        times = sorted({at for points in series.values() for at, _ in points})
        begin, span = times[0], (times[-1] - times[0]) or 1
        floor = dict.fromkeys(times, 0.0)
        drawn = []
        for (name, colour), points in sorted(series.items(), key=lambda one: one[0][0]):
            known = dict(points)
            heights = [
                (at, known.get(at, 0.0) + (floor[at] if stacked else 0.0))
                for at in (times if stacked else sorted(known))
            ]
            drawn.append(
                (
                    name,
                    NAMED[colour] if colour else COLOURS[len(drawn) % len(COLOURS)],
                    heights,
                    dict(floor),
                )
            )
            floor.update(heights if stacked else {})
        highest = top_of(max(value for _, _, heights, _ in drawn for _, value in heights))
        self.axis(left, top, width, height, highest)

        def point(at, value):
            return f"{number(left + width * (at - begin) / span)},{number(top + height - height * value / highest)}"

        for _, colour, heights, below in drawn:
            upper = " ".join(point(at, value) for at, value in heights)
            if stacked:
                lower = " ".join(point(at, below[at]) for at, _ in reversed(heights))
                self.parts.append(
                    f'<polygon points="{upper} {lower}" fill="{colour}" fill-opacity="0.35"/>'
                )
            self.parts.append(
                f'<polyline points="{upper}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            )
        for share, anchor in ((0, ""), (0.5, "middle"), (1, "end")):
            self.write(
                left + width * share,
                top + height + 16,
                time.strftime("%H:%M:%S", time.gmtime(begin + span * share)),
                f"dim {anchor}",
            )
        self.legend(x + 12, y + h - 26, w - 24, [(name, colour) for name, colour, _, _ in drawn])

    def legend(self, x, y, w, names):
        across, down = x, y
        for name, colour in names:
            length = 26 + 7.2 * len(name)
            if across + length > x + w:
                across, down = x, down + 16
            self.parts.append(
                f'<rect x="{number(across)}" y="{number(down - 8)}" width="10" height="8" fill="{colour}"/>'
            )
            self.write(across + 14, down, name, "dim")
            across += length


def style_of(line):
    if line.startswith("✓"):
        return "good"
    if line.startswith("✗"):
        return "bad"
    if line.startswith("⋮"):
        return "dim"
    if line.startswith("$") or line.startswith("ApiToken "):
        return "strong"
    return ""


def wrapped(line, columns):
    indent = " " * (len(line) - len(line.lstrip(" |")) + 2)
    return (
        textwrap.wrap(
            line, columns, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False
        )
        if len(line) > columns
        else [line]
    )


def terminal(title, lines, columns):
    rows = [(style_of(line), piece) for line in lines for piece in wrapped(line, columns)]
    width, height, step = 40 + round(columns * 7.85), 66 + 18 * len(rows), 18
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">',
        f"<style>{TERMINAL_STYLE}</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
        f'<rect width="{width}" height="32" rx="8" fill="#21262d"/><rect y="24" width="{width}" height="8" fill="#21262d"/>',
    ]
    parts += [
        f'<circle cx="{20 + 20 * place}" cy="16" r="6" fill="{colour}"/>'
        for place, colour in enumerate(("#f85149", "#d29922", "#3fb950"))
    ]
    parts.append(
        f'<text x="{width // 2}" y="21" text-anchor="middle" class="dim">{escape(title)}</text>'
    )
    for place, (style, words) in enumerate(rows):
        parts.append(
            f'<text xml:space="preserve" x="20" y="{58 + step * place}" class="{style}">{escape(words)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
