#!/usr/bin/env python3
"""Opens the HTML of sample mails in Chromium.

It must fit a screen of 320 pixels and stay below the size at which Gmail cuts a mail.

layout_test.py MAIL_PREVIEW; exits with 77 (skipped) without Chromium.
"""

import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

GMAIL_LIMIT = 102_000
WIDTHS = (320, 600, 1280)
# The page of one mail in a frame of a given width; the frame's own page has no script.
PAGE = """<!DOCTYPE html><html><body>{frames}<pre id="result"></pre><script>
addEventListener("load", () => {{
  const widths = [...document.querySelectorAll("iframe")].map(
    (frame) => [frame.clientWidth, frame.contentDocument.documentElement.scrollWidth]);
  document.getElementById("result").textContent = JSON.stringify(widths);
}});
</script></body></html>"""


def render(preview, sample, part):
    return subprocess.run(
        [preview, sample, part], check=True, capture_output=True, text=True
    ).stdout


def measured(chromium, folder, mail):
    frames = "".join(
        f'<iframe style="border:0;width:{width}px;height:600px" '
        f'srcdoc="{html.escape(mail)}"></iframe>'
        for width in WIDTHS
    )
    page = pathlib.Path(folder) / "page.html"
    page.write_text(PAGE.format(frames=frames))
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu"]
    command += ["--virtual-time-budget=10000", f"--user-data-dir={folder}/profile"]
    command += ["--dump-dom", page.as_uri()]
    dom = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240).stdout
    return json.loads(re.search(r'<pre id="result">(.*?)</pre>', dom)[1])


def main():
    chromium = shutil.which("chromium")
    if not chromium:
        print("skipped: there is no chromium")
        return 77
    preview = sys.argv[1]
    for sample in ("list", "user", "large"):
        mail = render(preview, sample, "html")
        assert len(mail.encode()) < GMAIL_LIMIT, f"{sample}: {len(mail)} bytes, Gmail would cut it"
        for forbidden in ("<img", "<script", "url(", "@import", "http-equiv"):
            assert forbidden not in mail, f"{sample}: {forbidden} in a mail"
        with tempfile.TemporaryDirectory() as folder:
            for width, needed in measured(chromium, folder, mail):
                assert needed <= width, f"{sample}: needs {needed} of {width} pixels"
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
