"""The operator as a process: started on free ports, watched through its log, metrics and probes,
always ended."""

import os
import pathlib
import re
import signal
import socket
import subprocess

import requests

from .cluster import ROOT
from .waiting import SCALE, wait_for

BINARY = os.environ.get("OPERATOR_BIN", str(ROOT / "build" / "dev" / "apitoken-operator"))
TOKEN_VALUE = re.compile(r"apt_[0-9A-Za-z]{46}|eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{86}|PRIVATE KEY")
SANITIZER = re.compile(r"(Address|Thread|Leak|UndefinedBehavior)Sanitizer|: runtime error: ")
SERIES = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$")
IMAGE_ENV = dict(re.findall(r"^ENV (\w+)=(.*)$", (ROOT / "Dockerfile").read_text(), re.M))
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Metrics:
    """One scrape: {(name, frozenset of label pairs): value}."""

    def __init__(self, text):
        self.text = text
        self.series = {}
        for line in text.splitlines():
            found = SERIES.match(line)
            if found and not line.startswith("#"):
                self.series[(found[1], frozenset(LABEL.findall(found[2] or "")))] = float(found[3])

    def matching(self, name, /, **labels):
        return {
            key: value
            for key, value in self.series.items()
            if key[0] == name and set(labels.items()) <= key[1]
        }

    def value(self, name, /, **labels):
        """The sum over the series with these labels, or None."""
        found = self.matching(name, **labels)
        return sum(found.values()) if found else None

    def requests(self, *methods):
        """The number of requests to the API server, of these methods or of all."""
        name = "rest_client_requests_total"
        return (
            sum(self.value(name, method=m) or 0 for m in methods)
            if methods
            else self.value(name) or 0
        )

    def writes(self):
        return self.requests("POST", "PUT", "PATCH", "DELETE")


class Operator:
    """`program` replaces BINARY, as a list of words. The environment is the image's, unless the
    caller's or `environment` says otherwise."""

    def __init__(self, flags, log_path, environment, program=(BINARY,)):
        self.metrics_port, self.health_port, self.verify_port = (
            free_port(),
            free_port(),
            free_port(),
        )
        self.metrics_url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        self.health_url = f"http://127.0.0.1:{self.health_port}"
        self.log_path = pathlib.Path(log_path)
        self.expected_exit = 0
        self.verify_url = f"https://127.0.0.1:{self.verify_port}"
        addresses = {
            "--metrics-bind-address": f"127.0.0.1:{self.metrics_port}",
            "--health-probe-bind-address": f"127.0.0.1:{self.health_port}",
            "--verify-bind-address": f"127.0.0.1:{self.verify_port}",
        }
        command = [*program, *flags]
        for name, value in addresses.items():
            if not any(flag.split("=")[0] == name for flag in flags):
                command += [name, value]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**IMAGE_ENV, **os.environ, **environment},
                start_new_session=True,
            )

    def log(self):
        return self.log_path.read_text(errors="replace")

    def metrics(self):
        return Metrics(requests.get(self.metrics_url, timeout=10).text)

    def probe(self, path="/readyz"):
        """The HTTP status of a probe, or None without an answer."""
        try:
            return requests.get(self.health_url + path, timeout=5).status_code
        except requests.RequestException:
            return None

    def running(self):
        return self.process.poll() is None

    def wait_ready(self, timeout=30):
        def ready():
            assert self.running(), (
                f"the operator ended with {self.process.returncode}:\n{self.log()}"
            )
            return self.probe() == 200

        wait_for(ready, timeout, lambda: f"/readyz is not 200; the log:\n{self.log()}")
        return self

    def leads(self):
        return self.running() and self.metrics().value("leader_election_master_status") == 1

    def wait_leading(self, timeout=20):
        wait_for(self.leads, timeout, lambda: f"it does not lead; the log:\n{self.log()}")
        return self

    def wait_logged(self, pattern, timeout=15):
        return wait_for(
            lambda: re.search(pattern, self.log(), re.I),
            timeout,
            lambda: f"no {pattern!r} in the log:\n{self.log()}",
        )

    def wait_exit(self, timeout=10):
        """The exit code, after the process ended; then the test has checked it."""
        self.expected_exit = self.process.wait(timeout * SCALE)
        return self.expected_exit

    def stop(self):
        """SIGTERM: exit 0 within ten seconds."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10 * SCALE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(
                    f"did not end within 10 s of SIGTERM; the log:\n{self.log()}"
                ) from None
        code = self.process.returncode
        assert code == self.expected_exit, (
            f"ended with {code}, not {self.expected_exit}; the log:\n{self.log()}"
        )

    def kill(self):
        """SIGKILL, like the kernel's out-of-memory killer."""
        self.process.kill()
        self.expected_exit = self.process.wait()

    def check_log(self):
        text = self.log()
        assert not TOKEN_VALUE.search(text), f"a token's value stands in {self.log_path}"
        assert not SANITIZER.search(text), f"a sanitizer reports:\n{text[-20000:]}"
