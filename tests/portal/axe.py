"""axe-core, which finds what keeps people with disabilities out: npm's tarball, pinned by its
integrity, kept in the cache of the other test servers."""

import base64
import hashlib
import io
import os
import pathlib
import tarfile

import requests

VERSION = "4.14.1"
INTEGRITY = (
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ"
    "=="
)
TARBALL = f"https://registry.npmjs.org/axe-core/-/axe-core-{VERSION}.tgz"
CACHE = (
    pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "apitoken-operator"
)


def source():
    """The text of axe.min.js; fetched once."""
    kept = CACHE / f"axe-core-{VERSION}" / "axe.min.js"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        answer = requests.get(TARBALL, timeout=60)
        answer.raise_for_status()
        found = base64.b64encode(hashlib.sha512(answer.content).digest()).decode()
        assert f"sha512-{found}" == INTEGRITY, f"{TARBALL} is not the pinned one"
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
            text = archive.extractfile("package/axe.min.js").read()
        partial = kept.with_suffix(".partial")
        partial.write_bytes(text)
        partial.rename(kept)
    return kept.read_text()


def violations(browser):
    """What axe finds on the page as it is now: [(rule, help, the first elements)]."""
    if not browser.js("return !!window.axe"):
        browser.js(source())
    found = browser.js_async(
        "const r = await axe.run(document, {resultTypes: ['violations']});"
        "return r.violations.map((v) => [v.id, v.help, v.nodes.slice(0, 3).map((n) => "
        "n.html.slice(0, 200)"
        " + ' · ' + n.failureSummary.slice(0, 300))])"
    )
    return [tuple(v) for v in found]
