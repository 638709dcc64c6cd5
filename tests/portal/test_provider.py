"""Signing in with an OpenID provider of another house (hack/identity.sh), and through oauth2-proxy
as docs/portal.md sets it up. The API server trusts the provider by the configuration there."""

import json
import re
import secrets
import shlex
import subprocess
import time

import pytest
import requests
from people import PortalCluster

from portal import Browser, Portal
from testbed.built import built
from testbed.cluster import ROOT
from testbed.process import free_port
from testbed.waiting import SCALE, let_pass, wait_for

VIEWER, USER = "viewer@example.com", "user@example.com"
PASSWORD = "l0gin-s3cret"
PROXY = "apitoken-proxy"


class Process:
    """A server on loopback that answers at `probe`, and its log."""

    def __init__(self, command, log_path, probe, authority):
        self.log_path = log_path
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdout=log, stderr=subprocess.STDOUT
            )

        def answers():
            assert self.process.poll() is None, log_path.read_text()
            try:
                return requests.get(probe, verify=str(authority.file), timeout=5).ok
            except requests.RequestException:
                return False

        wait_for(answers, 20, lambda: f"{probe} does not answer:\n{log_path.read_text()}")

    def stop(self):
        self.process.terminate()
        self.process.wait(10 * SCALE)


class Provider:
    """`lifetime`: of id_tokens, in seconds. Its people are those of the cluster."""

    def __init__(self, program, authority, directory, ports, lifetime):
        self.ca_file = authority.file
        self.url = f"https://127.0.0.1:{free_port()}"
        people = {
            name: {
                "ID": name,
                "Username": name,
                "Password": PASSWORD,
                "Email": name,
                "EmailVerified": True,
            }
            for name in (VIEWER, USER)
        }
        users = directory / "users.json"
        users.write_text(json.dumps(people))
        certificate, key = authority.files("provider", "server")
        command = [program, "-issuer", self.url, "-address", self.url.removeprefix("https://")]
        command += ["-cert", certificate, "-key", key, "-users", users]
        command += ["-public-redirect", f"https://127.0.0.1:{ports['portal']}/signin/callback"]
        command += ["-secret-redirect", f"http://127.0.0.1:{ports['proxy']}/oauth2/callback"]
        command += ["-lifetime", f"{lifetime}s"]
        probe = f"{self.url}/.well-known/openid-configuration"
        self.process = Process(command, directory / "provider.log", probe, authority)

    def login(self, http, location, person):
        """From the redirect to the provider through its login page: where it leads back to."""
        page = http.get(location, timeout=30)
        ident = re.search(r'name="id" value="([^"]+)"', page.text)[1]
        answer = http.post(
            page.url.partition("?")[0],
            {"id": ident, "username": person, "password": PASSWORD},
            timeout=30,
            allow_redirects=False,
        )
        assert answer.status_code == 302, answer.text
        back = http.get(
            requests.compat.urljoin(page.url, answer.headers["Location"]),
            timeout=30,
            allow_redirects=False,
        )
        assert back.status_code == 302, back.text
        return back.headers["Location"]


@pytest.fixture(scope="module")
def programs():
    return built("identity")


@pytest.fixture(scope="module")
def ports():
    return {"portal": free_port(), "proxy": free_port()}


@pytest.fixture(scope="module")
def provider(programs, authority, tmp_path_factory, ports):
    found = Provider(programs["provider"], authority, tmp_path_factory.mktemp("provider"), ports, 6)
    yield found
    found.process.stop()


class TrustingCluster(PortalCluster):
    """With the proxy's client among the audiences."""

    def trusting(self, issuer):
        configuration = super().trusting(issuer)
        configuration["jwt"][0]["issuer"]["audiences"].append(PROXY)
        return configuration


@pytest.fixture(scope="module")
def trusting(tmp_path_factory, provider):
    cluster = TrustingCluster(tmp_path_factory.mktemp("trusting"), provider)
    try:
        cluster.install()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture
def start(trusting, authority, tmp_path):
    started = []

    def started_with(*flags, **options):
        started.append(Portal(trusting, authority, tmp_path / "portal.log", *flags, **options))
        return started[-1]

    yield started_with
    for one in started:
        one.stop()


def test_people_sign_in_with_another_houses_provider(start, provider, ports):
    portal = start(
        "--auth=oidc",
        f"--public-url=https://127.0.0.1:{ports['portal']}",
        f"--oidc-issuer={provider.url}",
        "--oidc-client-id=apitoken-portal",
        f"--oidc-ca-file={provider.ca_file}",
        port=ports["portal"],
    )
    browser = portal.browser()
    location = browser.start("/faults").headers["Location"]
    assert location.startswith(f"{provider.url}/auth?") and "code_challenge_method=S256" in location
    done = browser.visit(provider.login(browser.http, location, VIEWER))
    assert done.status_code == 303 and done.headers["Location"] == "/faults", portal.log()
    began = time.monotonic()
    session = browser.get("/api/session")
    assert session["user"] == VIEWER
    assert browser.get("/api/namespaces?typed=team-a,team-b")["names"] == ["team-a"]
    # The id_token lives for 6 s: the refresh token must have served twice.
    while time.monotonic() - began < 13:
        assert browser.get("/api/session")["user"] == VIEWER
        let_pass(0.5)
    left = browser.send("DELETE", "/api/session", {"temporary": []})["next"]
    assert left.startswith(f"{provider.url}/end_session"), left
    browser.get("/api/session", 401)


def documented_proxy():
    """The command of docs/portal.md, as words."""
    page = (ROOT / "docs/portal.md").read_text()
    block = re.search(r"^```sh\n(oauth2-proxy .*?)^```$", page, re.M | re.S)[1]
    return shlex.split(block)


def test_oauth2_proxy_signs_people_in_as_documented(
    start, provider, programs, ports, authority, tmp_path
):
    portal = start("--auth=header", "--plain-http")
    for name, text in (("client-secret", "proxy-s3cret"), ("cookie-secret", secrets.token_hex(16))):
        (tmp_path / name).write_text(text)
    base = f"http://127.0.0.1:{ports['proxy']}"
    words = [
        word.replace("https://login.example.com/realms/main", provider.url)
        .replace("/etc/oauth2-proxy/", f"{tmp_path}/")
        .replace("https://tokens.example.com", base)
        .replace("http://127.0.0.1:8444", portal.url)
        .replace(":4180", f"127.0.0.1:{ports['proxy']}")
        for word in documented_proxy()
    ]
    command = [programs["oauth2-proxy"], *words[1:], "--cookie-secure=false"]
    command += [f"--provider-ca-file={provider.ca_file}"]
    proxy = Process(command, tmp_path / "proxy.log", f"{base}/ping", authority)
    try:
        http = requests.Session()
        http.trust_env, http.verify = False, str(authority.file)
        first = http.get(base, timeout=30, allow_redirects=False)
        assert first.headers["Location"].startswith(f"{provider.url}/auth?"), first.text
        back = provider.login(http, first.headers["Location"], USER)
        home = http.get(back, timeout=30)
        assert home.ok and "<title>" in home.text, (tmp_path / "proxy.log").read_text()
        page = {"X-Apitoken-Portal": "1", "Sec-Fetch-Site": "same-origin"}
        session = http.get(f"{base}/api/session", headers=page, timeout=30)
        assert session.status_code == 200 and session.json()["user"] == USER, session.text
        made = http.post(
            f"{base}/api/tokens/team-a?dry=1",
            json={"name": "by-proxy", "user": USER, "type": "Temporary", "ttl": "1h"},
            headers={**page, "Origin": base},
            timeout=30,
        )
        assert made.status_code == 200, made.text
        stranger = requests.get(f"{base}/api/session", headers=page, timeout=30)
        assert stranger.status_code == 401 and USER not in stranger.text
    finally:
        proxy.stop()
    assert Browser(portal).get("/api/session", 401)["signIn"] == ["header"]
