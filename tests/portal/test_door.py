"""Door 1: who gets in, under which names, and what every answer bears."""

import concurrent.futures
import http.client
import os
import socket
import subprocess

import pytest

from testbed.plugin import PLUGIN
from testbed.waiting import SCALE, let_pass, wait_for

PAGES = ["/", "/profile", "/tokens/team-a/ci", "/users/alice@example.com/new", "/settings/default"]
ELSEWHERE = ["/api/v1/secrets", "/apis", "/metrics", "/api/nothing", "/_/0/app.js", "/tokens/a/b/c"]


def raw(web, method, path, headers):
    """A request whose Host header and path are as given."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10 * SCALE)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


@pytest.fixture
def portal(web, operator):
    return web("viewer@example.com")


def test_pages_need_no_key_and_hold_nothing_personal(portal):
    for page in PAGES:
        answer = portal.request("GET", page, headers={})
        assert answer.status_code == 200 and "<!doctype html>" in answer.text.lower(), page
        assert "viewer@example.com" not in answer.text
    again = portal.request("GET", "/", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_assets_are_compressed_and_stay(portal):
    index = portal.request("GET", "/", headers={}).text
    script = index.split('src="')[1].split('"')[0]
    asset = portal.request("GET", script, headers={"Accept-Encoding": "gzip"})
    assert asset.headers["Content-Encoding"] == "gzip"
    assert "immutable" in asset.headers["Cache-Control"]
    assert asset.headers["Content-Type"].startswith("text/javascript")
    plain = portal.request("GET", script, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers and plain.text == asset.text


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost:1", "evil.example:{port}", ""]
)
def test_other_names_than_this_machines_are_misdirected(portal, host):
    headers = portal.headers(Host=host.format(port=portal.port))
    for path in ["/", "/api/session"]:
        answer, _ = raw(portal, "GET", path, headers)
        assert answer.status in (400, 421), path


def test_names_of_this_machine_are_served(portal):
    for name in ["127.0.0.1", "localhost", "[::1]"]:
        answer, _ = raw(portal, "GET", "/api/session", portal.headers(Host=f"{name}:{portal.port}"))
        assert answer.status == 200


def test_without_the_key_nothing_of_the_api_is_answered(portal):
    for key in [None, "Portal ", "Portal x", f"Bearer {portal.key}", f"Portal {portal.key[:-1]}"]:
        answer = portal.request("GET", "/api/session", headers=portal.headers(Authorization=key))
        assert answer.status_code == 401
        assert (
            answer.json()["mode"] == "local" and "kubectl apitoken web" in answer.json()["remedy"]
        )


def test_requests_of_other_sites_are_refused(portal):
    own = f"http://127.0.0.1:{portal.port}"
    for more in [
        {"X-Apitoken-Portal": None},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://localhost:{portal.port}"},
    ]:
        answer = portal.request("GET", "/api/session", headers=portal.headers(**more))
        assert answer.status_code == 403, more
        assert "Access-Control-Allow-Origin" not in answer.headers
    same = portal.headers(**{"Origin": own, "Sec-Fetch-Site": "same-origin"})
    assert portal.request("GET", "/api/session", headers=same).status_code == 200


def test_a_form_of_another_page_cannot_write(portal):
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]:
        headers = portal.headers(**{"Content-Type": kind})
        answer = portal.request("POST", "/api/tokens/team-a", headers=headers, data="{}")
        assert answer.status_code == 415, kind
    preflight = portal.request(
        "OPTIONS", "/api/tokens/team-a", headers={"Origin": "http://evil.example"}
    )
    assert preflight.status_code in (403, 405)
    assert "Access-Control-Allow-Origin" not in preflight.headers


def test_every_answer_bears_the_strict_headers(portal):
    answers = [portal.request("GET", path, headers={}) for path in [*PAGES, *ELSEWHERE, "/healthz"]]
    answers += [
        portal.request("GET", "/api/session"),
        portal.request("GET", "/api/session", headers={}),
        portal.request("GET", "/api/session", headers=portal.headers(Authorization=None)),
        portal.request("POST", "/tokens", headers={}),
        portal.request("PUT", "/api/session"),
        portal.request(
            "POST",
            "/api/tokens/team-a",
            headers=portal.headers(**{"Content-Type": "application/json"}),
            data="x" * (65 * 1024),
        ),
        portal.request("GET", "/" + "x" * 9000, headers={}),
        portal.request("GET", "/", headers={"X": "y" * 20000}),
    ]
    seen = set()
    for answer in answers:
        seen.add(answer.status_code)
        where = f"{answer.request.method} {answer.request.path_url[:40]}: {answer.status_code}"
        policy = answer.headers.get("Content-Security-Policy", "")
        assert "default-src 'none'" in policy and "trusted-types 'none'" in policy, where
        assert answer.headers["X-Frame-Options"] == "DENY", where
        assert answer.headers["X-Content-Type-Options"] == "nosniff", where
        assert answer.headers["Referrer-Policy"] == "no-referrer", where
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", where
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", where
        assert "clipboard-write=(self)" in answer.headers["Permissions-Policy"], where
        assert "Server" not in answer.headers and "Set-Cookie" not in answer.headers, where
        if answer.request.path_url.startswith("/api/") and answer.status_code != 413:
            assert answer.headers["Cache-Control"] == "no-store", where
    assert {200, 401, 403, 404, 405, 413, 414, 431} <= seen


def test_what_is_no_route_is_not_found(portal):
    for path in ELSEWHERE:
        assert portal.request("GET", path).status_code == 404, path


def test_it_says_how_another_machine_reaches_it(portal):
    words = f"ssh -L {portal.port}:127.0.0.1:{portal.port} HOST"
    wait_for(lambda: words in portal.log(), 10, portal.log)


def test_only_loopback_is_listened_on(portal):
    listening = subprocess.run(
        ["ss", "-Hltnp"], text=True, capture_output=True, check=True
    ).stdout.splitlines()
    own = [line.split()[3] for line in listening if f"pid={portal.process.pid}," in line]
    assert own == [f"127.0.0.1:{portal.port}"]


def test_the_key_is_in_no_argument_of_a_process(web, operator, tmp_path):
    """--open too: the browser is given a file that its owner alone may read."""
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {seen}.new; mv {seen}.new {seen}\n')
    browser.chmod(0o755)
    os.environ["BROWSER"] = str(browser)
    try:
        portal = web("viewer@example.com", "--open")
    finally:
        del os.environ["BROWSER"]
    wait_for(seen.exists, 10, "no browser was started")
    address = seen.read_text()
    assert address.startswith("file:///") and portal.key not in address
    page = address.removeprefix("file://")
    assert portal.link.strip() in open(page).read()
    assert os.stat(page).st_mode & 0o077 == 0
    portal.stop()
    assert not os.path.exists(page)


def test_it_ends_by_itself_when_nobody_uses_it(web, operator):
    portal = web("viewer@example.com", "--idle", "1s")
    assert portal.process.wait(20 * SCALE) == 0
    assert "nobody used" in portal.log()


def test_a_page_that_is_open_keeps_it_running(web, operator):
    portal = web("viewer@example.com", "--idle", "1s")
    live = portal.stream("/api/tokens?ns=team-a").synced()
    let_pass(3)
    assert portal.process.poll() is None
    live.close()


def test_too_many_requests_of_a_session_are_held_back(portal):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: portal.request("GET", "/api/nothing"), range(480)))
    assert {answer.status_code for answer in answers} == {404, 429}
    limited = next(answer for answer in answers if answer.status_code == 429)
    assert limited.headers["Retry-After"] == "1" and limited.json()["remedy"]


def test_a_port_that_is_taken_is_said_so(cluster, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [PLUGIN, "web", "--kubeconfig", cluster.kubeconfig, "--port", str(port)],
            text=True,
            capture_output=True,
            timeout=30 * SCALE,
        )
    assert done.returncode == 1 and "--port" in done.stderr and "in use" in done.stderr
