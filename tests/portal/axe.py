"""axe-core, which finds what keeps people with disabilities out: npm's tarball, pinned by its
integrity, kept in the cache of the other test servers."""

import base64
import hashlib
import os
import pathlib
import subprocess
import tarfile
import tempfile

VERSION = "4.14.1"
INTEGRITY = (
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ"
    "=="
)
CACHE = (
    pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "apitoken-operator"
)


def source():
    """The text of axe.min.js; fetched once."""
    kept = CACHE / f"axe-core-{VERSION}" / "axe.min.js"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as directory:
            package = f"axe-core@{VERSION}"
            subprocess.run(
                ["npm", "pack", "--silent", package], cwd=directory, check=True, capture_output=True
            )
            tarball = pathlib.Path(directory) / f"axe-core-{VERSION}.tgz"
            found = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
            assert f"sha512-{found}" == INTEGRITY, f"{tarball.name} is not the pinned one"
            with tarfile.open(tarball) as archive:
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
