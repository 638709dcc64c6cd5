"""`apitoken-portal` as a process, and people's browsers in front of it."""

import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.parse

import requests
from json_routes import JsonRoutes

from testbed.process import BINARY, SANITIZER, Metrics, free_port
from testbed.waiting import SCALE, wait_for

PORTAL = os.environ.get("PORTAL_BIN", str(pathlib.Path(BINARY).parent / "apitoken-portal"))
COOKIE = "__Host-apitoken"
SIGN_IN_COOKIE = "__Host-apitoken-signin"


class Portal:
    """Served over TLS at `url`. `cluster` is whose API server people sign in to."""

    def __init__(self, cluster, authority, log_path, *flags, port=None, env=None, before=()):
        self.cluster, self.authority, self.log_path = cluster, authority, log_path
        # A free port may be taken before the program listens there.
        for _ in range(3):
            self._start(authority, flags, port, env, before)
            wait_for(self._is_decided, 20, lambda: f"does not answer; the log:\n{self.log()}")
            if self.process.poll() is None or "Address already in use" not in self.log():
                break
        wait_for(self._answers, 20, lambda: f"does not answer; the log:\n{self.log()}")

    def _start(self, authority, flags, port, env, before):
        cluster = self.cluster
        self.port, self.metrics_port, self.health_port = (
            port or free_port(),
            free_port(),
            free_port(),
        )
        self.url = f"https://127.0.0.1:{self.port}"
        self.secrets = []  # what must not stand in the log
        certificate, key = authority.files("portal", "server")
        made = {
            "--bind-address": f"127.0.0.1:{self.port}",
            "--metrics-bind-address": f"127.0.0.1:{self.metrics_port}",
            "--health-probe-bind-address": f"127.0.0.1:{self.health_port}",
            "--tls-cert-file": certificate,
            "--tls-private-key-file": key,
            "--kube-apiserver": cluster.url,
            "--kube-ca-file": str(cluster.dir / "ca.crt"),
        }
        if "--plain-http" in flags:
            del made["--tls-cert-file"], made["--tls-private-key-file"]
            self.url = f"http://127.0.0.1:{self.port}"
        command = [*before, PORTAL, *flags]
        for name, value in made.items():
            if not any(str(flag).split("=")[0] == name for flag in flags):
                command.append(f"{name}={value}")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}
            )

    def _is_decided(self):
        """It answers, or has ended."""
        return self.process.poll() is not None or self._answers()

    def _answers(self):
        assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log()}"
        try:
            return requests.get(f"http://127.0.0.1:{self.health_port}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def log(self):
        return self.log_path.read_text(errors="replace")

    def metrics(self):
        return Metrics(
            requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10).text
        )

    def browser(self):
        return Browser(self)

    def signed_in(self, person):
        """A browser of that person, by token."""
        browser = self.browser()
        answer = browser.sign_in(self.cluster.tokens[person])
        assert answer.status_code == 200, answer.text
        return browser

    def stop(self):
        """SIGTERM: exit 0 within ten seconds, and no secret in the log."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10 * SCALE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"did not end within 10 s:\n{self.log()}") from None
        assert self.process.returncode in (0, -signal.SIGKILL), self.log()
        log = self.log()
        for secret in [*self.secrets, *self.cluster.tokens.values()]:
            assert secret not in log, f"a secret stands in {self.log_path}"
        assert not SANITIZER.search(log), log[-20000:]

    def kill(self):
        self.process.kill()
        self.process.wait()


class Browser(JsonRoutes):
    """One person's cookies; it follows redirects step by step and keeps what it saw on the way."""

    def __init__(self, portal):
        self.portal = portal
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = str(portal.authority.file)
        self.page = {"X-Apitoken-Portal": "1", "Sec-Fetch-Site": "same-origin"}

    @property
    def cookie(self):
        return self.http.cookies.get(COOKIE)

    def request(self, method, path, body=None, headers=None, **options):
        """As a page of the portal sends it; headers of None are left out."""
        made = dict(self.page)
        if body is not None:
            options["data"] = json.dumps(body)
            made["Content-Type"] = "application/json"
        made = {k: v for k, v in (made | (headers or {})).items() if v is not None}
        answer = self.http.request(
            method,
            self.portal.url + path,
            headers=made,
            timeout=30 * SCALE,
            allow_redirects=False,
            **options,
        )
        if self.cookie:
            self.portal.secrets.append(self.cookie)
        return answer

    def sign_in(self, token):
        return self.request("POST", "/api/session", {"token": token})

    def visit(self, url):
        """A navigation: no page's headers."""
        return self.http.get(url, timeout=30 * SCALE, allow_redirects=False)

    def start(self, to="/"):
        """The answer of /signin/start."""
        return self.visit(f"{self.portal.url}/signin/start?to={urllib.parse.quote(to, safe='')}")

    def at_issuer(self, location, person=None):
        """What the issuer sends back: the address of the callback."""
        if person:
            location += f"&as={urllib.parse.quote(person)}"
        return self.visit(location).headers["Location"]

    def oidc(self, person=None, to="/"):
        """All of a sign-in at the issuer; the answer of the callback."""
        return self.visit(self.at_issuer(self.start(to).headers["Location"], person))


def step_of(answer):
    """The failed step that /signin/failed is asked to name; the log has more under its id."""
    assert answer.status_code == 303, f"{answer.status_code} {answer.headers}"
    found = re.fullmatch(
        r"/signin/failed\?step=([a-z]+)&id=([0-9a-f]{12})", answer.headers["Location"]
    )
    assert found, answer.headers["Location"]
    return found[1], found[2]
