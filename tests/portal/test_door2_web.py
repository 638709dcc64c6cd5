"""Door 2 as other sites, thieves and neighbours meet it: headers, forged requests, two people in
one process, what is written down, and the program itself."""

import http.client
import json
import random
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest
import requests
from whole import WHOLE

from portal import COOKIE, PORTAL
from testbed.waiting import SCALE, let_pass

VIEWER, USER, NOBODY = "viewer@example.com", "user@example.com", "nobody@example.com"

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; font-src 'none'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
ALWAYS = {
    "Content-Security-Policy": CSP,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}
WRITES = [
    ("POST", "/api/session"),
    ("DELETE", "/api/session"),
    ("POST", "/api/tokens/team-a"),
    ("PATCH", "/api/tokens/team-a/ci"),
    ("POST", "/api/tokens/team-a/ci/rotate"),
    ("POST", "/api/tokens/team-a/ci/revoke"),
    ("POST", "/api/tokens/team-a/ci/value"),
    ("DELETE", "/api/tokens/team-a/ci"),
    ("PUT", "/api/settings/default"),
    ("DELETE", "/api/settings/default"),
    ("POST", "/api/settings/preview"),
    ("POST", "/api/settings/default/test-mail"),
]
READS = [
    "/api/session",
    "/api/namespaces",
    "/api/rights",
    "/api/tokens?ns=team-a",
    "/api/settings",
    "/api/about",
]


def check_headers(answer, what):
    for name, value in ALWAYS.items():
        assert answer.headers.get(name) == value, f"{what}: {name}: {answer.headers.get(name)}"
    assert "clipboard-write=(self)" in answer.headers["Permissions-Policy"], what
    assert "Server" not in answer.headers and "Access-Control-Allow-Origin" not in answer.headers, (
        what
    )


def test_every_answer_bears_the_headers(oidc_portal):
    browser = oidc_portal.signed_in(VIEWER)
    index = browser.visit(oidc_portal.url + "/")
    script = re.search(r'src="(/_/[^"]+)"', index.text)[1]
    answers = {
        "page": index,
        "asset": browser.visit(oidc_portal.url + script),
        "api": browser.request("GET", "/api/session"),
        "stream": browser.request("GET", "/api/tokens?ns=team-a", stream=True),
        "404": browser.visit(oidc_portal.url + "/nothing/here"),
        "api 404": browser.request("GET", "/api/v1/secrets"),
        "405": browser.request("POST", "/api/rights", {}),
        "page 405": browser.request("POST", "/faults", {}),
        "401": oidc_portal.browser().request("GET", "/api/session"),
        "403": browser.request("GET", "/api/session", headers={"X-Apitoken-Portal": None}),
        "413": browser.request("POST", "/api/tokens/team-a", {"x": "y" * 70_000}),
        "414": browser.visit(oidc_portal.url + "/?" + "a" * 9_000),
        "415": browser.request(
            "POST", "/api/tokens/team-a", headers={"Content-Type": "text/plain"}, data="{}"
        ),
        "421": browser.request("GET", "/", headers={"Host": "evil.example"}),
        "start": browser.start(),
        "callback": browser.visit(oidc_portal.url + "/signin/callback?code=1&state=2"),
        "health": browser.visit(oidc_portal.url + "/healthz"),
    }
    wanted = {
        "404": 404,
        "api 404": 404,
        "405": 405,
        "401": 401,
        "403": 403,
        "413": 413,
        "414": 414,
        "415": 415,
        "421": 421,
    }
    for what, answer in answers.items():
        assert answer.status_code == wanted.get(what, answer.status_code), (
            f"{what}: {answer.status_code}"
        )
        check_headers(answer, what)
    for what in ("api", "stream", "401", "403", "api 404", "start", "callback"):
        assert answers[what].headers["Cache-Control"] == "no-store", what
    answers["stream"].close()


def test_a_request_that_is_no_http_bears_them_too(portal):
    context = ssl.create_default_context(cafile=str(portal.authority.file))
    head = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", portal.port), timeout=10 * SCALE) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
    ):
        tls.sendall(head)
        answer = http.client.HTTPResponse(tls)
        answer.begin()
    assert answer.status == 400
    assert answer.headers["Content-Security-Policy"] == CSP


# --- other sites --------------------------------------------------------------------------------


FOREIGN = {
    "no header of ours": {"X-Apitoken-Portal": None},
    "another value": {"X-Apitoken-Portal": "true"},
    "from another site": {"Sec-Fetch-Site": "cross-site"},
    "from a neighbour": {"Sec-Fetch-Site": "same-site"},
    "typed": {"Sec-Fetch-Site": "none"},
    "foreign origin": {"Origin": "https://evil.example"},
    "null origin": {"Origin": "null"},
    "our name over http": {"Origin": "http://127.0.0.1:{port}"},
    "our name, another port": {"Origin": "https://127.0.0.1:1"},
    "our name as a prefix": {"Origin": "https://127.0.0.1:{port}.evil.example"},
}


@pytest.mark.parametrize("how", FOREIGN)
def test_other_sites_reach_no_route(oidc_portal, how):
    browser = oidc_portal.signed_in(VIEWER)
    headers = {k: v and v.format(port=oidc_portal.port) for k, v in FOREIGN[how].items()}
    for method, path in [*WRITES, *(("GET", path) for path in READS)]:
        body = {} if method != "GET" else None
        answer = browser.request(method, path, body, headers=headers)
        assert answer.status_code == 403, f"{method} {path}: {answer.status_code}"
        assert answer.json()["reason"] == "Foreign"
    assert browser.get("/api/session")["user"] == VIEWER  # not even signed out


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", None],
)
def test_a_form_writes_nothing(portal, kind):
    browser = portal.signed_in(USER)
    for method, path in WRITES:
        answer = browser.request(method, path, headers={"Content-Type": kind}, data='{"name":"x"}')
        assert answer.status_code == 415, f"{method} {path}: {answer.status_code}"
        form = browser.request(
            method, path, headers={"Content-Type": kind, "X-Apitoken-Portal": None}, data="{}"
        )
        assert form.status_code == 403
    assert browser.get("/api/session")["user"] == USER


def test_our_own_pages_origin_is_let_through(oidc_portal, portal):
    for one in (oidc_portal, portal):
        browser = one.signed_in(VIEWER)
        assert (
            browser.request("GET", "/api/session", headers={"Origin": one.url}).status_code == 200
        )


def test_preflights_are_granted_nothing(portal):
    for path in ["/api/session", "/api/tokens/team-a", "/"]:
        answer = portal.browser().http.options(
            portal.url + path,
            headers={
                "Origin": "https://evil.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "x-apitoken-portal,content-type",
            },
            timeout=30 * SCALE,
        )
        assert answer.status_code >= 400
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_with_a_public_url_other_names_are_misdirected(oidc_portal):
    browser = oidc_portal.signed_in(VIEWER)
    for host in [
        "evil.example",
        "localhost",
        f"localhost:{oidc_portal.port}",
        "127.0.0.1",
        "127.0.0.1:1",
    ]:
        for path in ["/", "/api/session", "/signin/start"]:
            answer = browser.request("GET", path, headers={"Host": host})
            assert answer.status_code == 421, f"{host} {path}"
    assert browser.request("GET", "/healthz", headers={"Host": "10.0.0.7"}).status_code == 200


@pytest.mark.parametrize(
    "cookie", ["", "A" * 43, "a" * 10_000, "../../x", "%00", 'x"; y=z', "\x7f"]
)
def test_made_up_cookies_are_no_sessions(portal, cookie):
    answer = portal.browser().request(
        "GET", "/api/session", headers={"Cookie": f"{COOKIE}={cookie}"}
    )
    assert answer.status_code in (400, 401)


def test_impersonation_and_other_headers_of_a_browser_go_no_further(portal, cluster):
    browser = portal.signed_in(VIEWER)
    forged = {
        "Impersonate-User": "admin@example.com",
        "Impersonate-Group": "system:masters",
        "X-Remote-User": "admin@example.com",
        "Authorization": f"Bearer {cluster.tokens['admin@example.com']}",
    }
    assert browser.request("GET", "/api/session", headers=forged).json()["user"] == VIEWER
    answer = browser.request(
        "POST", "/api/tokens/team-a", {"name": "x", "user": VIEWER}, headers=forged
    )
    assert answer.status_code in (403, 422), answer.text
    for event in cluster.wait_audited("apitoken-portal", 1):
        assert "impersonatedUser" not in event


# --- neighbours ---------------------------------------------------------------------------------


PLACES = [
    "/api/session",
    "/api/namespaces?typed=team-a,team-b",
    "/api/rights?ns=team-a",
    "/api/rights?ns=team-b",
    "/api/about",
]


def test_two_people_in_one_process_never_see_each_others_data(make_portal, cluster):
    """Random requests of several people at once; each answer is the one for that person."""
    people = [VIEWER, USER, NOBODY, "admin@example.com"]
    portal = make_portal()
    browsers = {person: portal.signed_in(person) for person in people}

    def asked(person, path):
        browser = browsers[person]
        answer = requests.get(
            portal.url + path,
            headers={**browser.page, "Cookie": f"{COOKIE}={browser.cookie}"},
            verify=str(portal.authority.file),
            timeout=60 * SCALE,
        )
        if answer.status_code == 429:  # 20 a second a session
            return None
        body = answer.json()
        body.pop("serverTime", None)
        return answer.status_code, body

    alone = {(person, path): asked(person, path) for person in people for path in PLACES}
    assert len({str(alone[person, "/api/session"]) for person in people}) == len(people)
    wrong, counts = [], []

    def worker(seed):
        choice = random.Random(seed)
        good = tried = 0
        while tried < 100 or (WHOLE and good < 10_000 / 6):
            tried += 1
            person, path = choice.choice(people), choice.choice(PLACES)
            got = asked(person, path)
            if got is None and WHOLE:
                let_pass(0.1)
            good += got is not None
            if got is not None and got != alone[person, path]:
                wrong.append((person, path, got))
        counts.append(good)

    threads = [threading.Thread(target=worker, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    assert sum(counts) > (9_999 if WHOLE else 150), "nearly all were too many"


def test_one_after_the_other_on_one_connection_each_is_themselves(portal):
    first, second = portal.signed_in(VIEWER), portal.signed_in(USER)
    with requests.Session() as connection:
        connection.trust_env = False
        connection.verify = str(portal.authority.file)
        for browser, person in [(first, VIEWER), (second, USER)] * 20:
            answer = connection.get(
                portal.url + "/api/session",
                headers={**browser.page, "Cookie": f"{COOKIE}={browser.cookie}"},
                timeout=30 * SCALE,
            )
            assert answer.status_code in (200, 429)
            if answer.ok:
                assert answer.json()["user"] == person
        connection.cookies.clear()
        assert connection.get(portal.url + "/api/session", headers=first.page).status_code == 401


# --- what is written down -----------------------------------------------------------------------


def test_no_secret_is_written_down(make_portal, oidc_flags, issuer, cluster):
    portal = make_portal(*oidc_flags, "--log-level=debug", oidc=True)
    browser = portal.browser()
    callback = browser.at_issuer(browser.start("/tokens").headers["Location"], VIEWER)
    browser.visit(callback)
    browser.get("/api/session")
    browser.visit(callback)  # used already
    issuer.claims = {"nonce": "another"}
    portal.browser().oidc()
    issuer.reset()
    portal.browser().sign_in(issuer.bearer(USER, lifetime=-60))
    browser.send("DELETE", "/api/session", {})
    cluster.wait_audited("apitoken-portal", 1)
    written = portal.log() + cluster.audit_log.read_text()
    asked = dict(part.split("=", 1) for part in callback.partition("?")[2].split("&"))
    assert f"user={VIEWER}" in portal.log()
    for secret in [*issuer.issued, asked["code"], asked["state"], *portal.secrets]:
        assert secret not in written, "a bearer, code, verifier or cookie stands in a log"


def test_no_core_file_can_be_made_and_nobody_traces_it(portal):
    limits = open(f"/proc/{portal.process.pid}/limits").read()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M)


# --- the program --------------------------------------------------------------------------------


def run(*flags):
    return subprocess.run([PORTAL, *flags], text=True, capture_output=True, timeout=20 * SCALE)


def test_it_says_what_it_is():
    assert re.fullmatch(r"apitoken-portal \d+\.\d+\.\d+\n", run("--version").stdout)
    shown = run("--help").stdout
    for flag in [
        "--bind-address",
        "--oidc-issuer",
        "--sessions-max",
        "--temporary-token",
        "--metrics-bind-address",
    ]:
        assert flag in shown


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--auth=ldap"], '--auth: invalid value "ldap": allowed are oidc, token and header'),
        (["--auth="], "--auth: invalid value"),
        (["--auth=oidc"], "--auth oidc needs --oidc-issuer, --oidc-client-id and --public-url"),
        (
            ["--oidc-issuer=https://issuer.example.com"],
            "--oidc-issuer counts with --auth oidc alone",
        ),
        (["--public-url=http://tokens.example.com"], "allowed are URLs https://HOST[:PORT]"),
        (["--public-url=https://example.com/tokens"], "without a path"),
        (["--oidc-scopes=email"], "openid must be among the scopes"),
        (["--session=1s"], "allowed are durations from 1m to 168h"),
        (["--idle=forever"], "allowed are durations from 1m to 168h"),
        (["--sessions-max=0"], "allowed are whole numbers from 1 to"),
        (["--tls-cert-file=/c"], "--tls-cert-file and --tls-private-key-file go together"),
        (["--kube-apiserver=http://10.0.0.1"], "allowed are URLs https://"),
        (["--temporary-token=perhaps"], "allowed are on and off"),
        (["--bind-address=0"], "the portal needs one"),
        (["--worker=1"], "unknown flag --worker"),
    ],
)
def test_flags_that_cannot_be_used_are_refused(flags, said):
    done = run(*flags)
    assert done.returncode == 2 and said in done.stderr and not done.stdout


def test_a_file_that_is_missing_is_named_at_start(cluster, tmp_path):
    done = run(f"--kube-apiserver={cluster.url}", "--kube-ca-file=/nonexistent/ca.crt")
    assert done.returncode == 1 and "/nonexistent/ca.crt" in done.stdout + done.stderr
    done = run()
    assert done.returncode == 1 and "KUBERNETES_SERVICE_HOST" in done.stdout + done.stderr


def test_it_counts_its_work(make_portal):
    portal = make_portal()
    browser = portal.signed_in(VIEWER)
    browser.get("/api/namespaces?typed=team-a")
    browser.request("GET", "/api/session", headers={"X-Apitoken-Portal": None})
    metrics = portal.metrics()
    assert metrics.value("portal_sessions") == 1
    assert metrics.value("portal_streams") == 0
    assert metrics.value("portal_requests_total", route="/api/namespaces", code="200") == 1
    assert metrics.value("portal_requests_total", code="403") == 1
    assert metrics.value("portal_upstream_seconds_count") > 1
    assert metrics.value("rest_client_requests_total", method="POST") > 1
    assert metrics.value("process_resident_memory_bytes") > 0


def test_its_log_says_who_asked_for_which_route_and_names_no_token(make_portal):
    portal = make_portal("--log-format=json")
    browser = portal.signed_in(VIEWER)
    browser.get("/api/session")
    browser.request("GET", "/api/tokens/team-a/no-such-token")
    browser.request("GET", "/api/tokens/team-a/NoName")
    browser.request("DELETE", "/api/session/nothing")
    lines = [json.loads(line) for line in portal.log().splitlines()]
    seen = {
        (line["method"], line["route"], line["code"], line["user"])
        for line in lines
        if line["msg"] == "answered"
    }
    assert {
        ("POST", "/api/session", "200", ""),
        ("GET", "/api/session", "200", VIEWER),
        ("GET", "/api/tokens/{ns}/{name}", "404", VIEWER),
        ("GET", "", "400", VIEWER),
        ("DELETE", "", "404", VIEWER),
    } <= seen
    assert "no-such-token" not in portal.log() and "NoName" not in portal.log()


def test_it_stops_cleanly_while_people_use_it(make_portal):
    portal = make_portal()
    browser = portal.signed_in(VIEWER)
    stream = browser.request("GET", "/api/tokens?ns=team-a", stream=True)
    assert stream.status_code == 200
    portal.process.send_signal(signal.SIGTERM)
    assert portal.process.wait(10 * SCALE) == 0
    stream.close()
