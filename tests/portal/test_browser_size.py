"""How much a browser loads from `kubectl apitoken web`: little at first, next to nothing later."""

import pathlib
import re
import urllib.parse

CHECK = pathlib.Path(__file__).resolve().parents[2] / "hack/check-portal.sh"
MOST_BYTES = int(re.search(r"PORTAL_MOST_BYTES:-(\d+)", CHECK.read_text())[1])
MOST_REQUESTS = 30
CAME = """return [...performance.getEntriesByType('navigation'),
  ...performance.getEntriesByType('resource')].map((e) => [e.name, e.transferSize])"""


def path_of(url):
    return urllib.parse.urlsplit(url).path


def compressed(web, path):
    """How many bytes of a file go over the wire, and its type."""
    answer = web.request("GET", path, headers={"Accept-Encoding": "gzip"}, stream=True)
    assert answer.headers["Content-Encoding"] == "gzip", path
    return len(answer.raw.read()), answer.headers["Content-Type"].partition(";")[0]


def test_the_first_page_is_small_and_a_second_visit_loads_answers_alone(door):
    browser = door(path="/tokens")
    browser.wait_no_text("Loading")
    browser.settle()
    sent = [url for _, url, _ in browser.sent() if url.startswith(browser.web.url)]
    assert 4 <= len(sent) < MOST_REQUESTS, sent
    files = {path_of(url) for url in sent if not path_of(url).startswith("/api/")}
    sizes = {path: compressed(browser.web, path) for path in files}
    print(sizes)
    assert {kind for _, kind in sizes.values()} >= {"text/html", "text/javascript", "text/css"}
    assert sum(size for size, kind in sizes.values() if kind != "image/svg+xml") <= MOST_BYTES

    browser.driver.get(f"{browser.web.url}/about")
    browser.wait_text("What may I do")
    browser.settle()
    came = {path_of(url): size for url, size in browser.js(CAME)}
    assert files & set(came) - {"/tokens"}, "the second visit uses none of the files"
    loaded = {path for path, size in came.items() if size and not path.startswith("/api/")}
    assert loaded == {"/about"}, came


def test_every_page_is_in_the_first_module(door):
    browser = door(path="/tokens")
    browser.wait_text("Tokens", "h1")
    browser.sent()
    for words in ("Profile", "Users", "Faults…", "Settings", "Tokens"):
        browser.click(words)
        browser.wait_text(words.rstrip("…"), "h1")
    later = [path_of(url) for _, url, _ in browser.sent()]
    assert later and not [path for path in later if not path.startswith("/api/")], later
