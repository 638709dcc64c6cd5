"""The operator's ports under attack: a thousand silent and a thousand trickling connections come
from one address. Probes and good callers come from the same address; all probes are answered in
time, and good callers are hardly delayed. One operator for all tests."""

import http.client
import json
import socket
import ssl
import statistics
import threading
import time

import pytest

from testbed.attacker import Attack
from testbed.waiting import SCALE, let_pass

SECONDS = 8
PROBE_TIMEOUT = 1  # kubelet's default
SLOWER = 0.1  # seconds that a good call may take longer than without attack

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


class Calls(threading.Thread):
    """Calls `call` a few times a second and keeps the durations; None for a failed call."""

    def __init__(self, call, pause=0.05):
        super().__init__(daemon=True)
        self.call, self.pause, self.times, self.ended = call, pause, [], threading.Event()

    def run(self):
        while not self.ended.wait(self.pause):
            begun = time.monotonic()
            try:
                good = self.call()
            except (OSError, http.client.HTTPException):
                good = False
            self.times.append(time.monotonic() - begun if good else None)

    def finish(self):
        self.ended.set()
        self.join()
        return self.times


class AttackTestbed:
    def __init__(self, operator, token):
        self.operator, self.headers = operator, {"Authorization": f"Bearer {token}"}
        self.kept = None

    def probe(self, path="/healthz"):
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.operator.health_port, timeout=PROBE_TIMEOUT * SCALE
        )
        connection.request("GET", path)
        good = connection.getresponse().status == 200
        connection.close()
        return good

    def connect(self):
        return http.client.HTTPSConnection(
            "127.0.0.1", self.operator.verify_port, timeout=5, context=CONTEXT
        )

    def auth(self):
        """Like a proxy that opens a connection for each call."""
        connection = self.connect()
        connection.request("GET", "/auth", headers=self.headers)
        good = connection.getresponse().status == 200
        connection.close()
        return good

    def auth_kept(self):
        """Like a proxy that keeps its connection, and opens it again if it was closed."""
        for _ in range(2):
            self.kept = self.kept or self.connect()
            try:
                self.kept.request("GET", "/auth", headers=self.headers)
                answer = self.kept.getresponse()
                answer.read()
                return answer.status == 200
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.kept.close()
                self.kept = None
        return False

    def measure(self, seconds):
        calls = {
            "healthz": Calls(self.probe),
            "readyz": Calls(lambda: self.probe("/readyz")),
            "auth": Calls(self.auth),
            "auth_kept": Calls(self.auth_kept),
        }
        for one in calls.values():
            one.start()
        let_pass(seconds)
        return {name: one.finish() for name, one in calls.items()}


@pytest.fixture
def testbed(start_operator, namespace):
    operator = start_operator()
    namespace.token("ci")
    namespace.ready("ci")
    return AttackTestbed(operator, namespace.value("ci"))


def check_answers(quiet, attacked, did):
    """The failures, as text."""
    report = {
        name: f"{len(times)} calls, {times.count(None)} failed, "
        f"quiet median {statistics.median(quiet[name]) * 1000:.1f} ms, "
        f"attacked median {statistics.median(t or 9 for t in times) * 1000:.1f} ms, "
        f"slowest {max(t or 9 for t in times) * 1000:.0f} ms"
        for name, times in attacked.items()
    }
    text = json.dumps({**report, "attack": did}, indent=1)
    print(text)
    for name in ("healthz", "readyz"):
        assert None not in attacked[name] and None not in quiet[name], (
            f"a probe was not answered in time: {text}"
        )
    for name in ("auth", "auth_kept"):
        allowed = statistics.median(quiet[name]) + SLOWER * SCALE
        good = sum(1 for took in attacked[name] if took is not None and took <= allowed)
        assert good >= 0.99 * len(attacked[name]), (
            f"only {good} of {len(attacked[name])} good calls in time: {text}"
        )


@pytest.mark.parametrize("port", ["verify", "health", "metrics"])
def test_an_attack_from_one_address_keeps_nobody_waiting(testbed, port):
    quiet = testbed.measure(2)
    attack = Attack(getattr(testbed.operator, f"{port}_port"), tls=port == "verify")
    try:
        assert attack.process.stdout.readline() == "ready\n"
        attacked = testbed.measure(SECONDS)
    finally:
        did = attack.stop()
    assert did["opened"] >= 2000, did
    check_answers(quiet, attacked, did)
    assert testbed.operator.metrics().value("apitokens") is not None


def test_a_deadline_ends_each_step_of_a_request(testbed):
    """The deadline counts from the beginning of a step, also if bytes trickle in."""

    def closed_after(port, script, tls=False):
        begun = time.monotonic()
        raw = socket.create_connection(("127.0.0.1", port), timeout=10 * SCALE)
        sock = CONTEXT.wrap_socket(raw) if tls else raw
        with sock:
            for byte in script:
                try:
                    sock.settimeout(0.25)
                    sock.send(bytes([byte]))
                    if not sock.recv(1):
                        return time.monotonic() - begun
                except TimeoutError:
                    continue
                except OSError:
                    return time.monotonic() - begun
        raise AssertionError("never closed")

    operator = testbed.operator
    slow_head = b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"a" * 400
    slow_body = b"a" * 400
    ends = {}

    def measure(name, *arguments, **options):
        ends[name] = closed_after(*arguments, **options)

    def measure_body():
        begun = time.monotonic()
        with socket.create_connection(
            ("127.0.0.1", operator.health_port), timeout=10 * SCALE
        ) as sock:
            sock.send(b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 400\r\n\r\n")
            sock.settimeout(0.25)
            for byte in slow_body:
                try:
                    sock.send(bytes([byte]))
                    if not sock.recv(1):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
        ends["body"] = time.monotonic() - begun

    threads = [
        threading.Thread(
            target=measure,
            args=("handshake", operator.verify_port, b"\x16\x03\x01\x02\x00\x01" + b"a" * 400),
        ),
        threading.Thread(
            target=measure, args=("head", operator.verify_port, slow_head), kwargs={"tls": True}
        ),
        threading.Thread(target=measure, args=("probe", operator.health_port, slow_head)),
        threading.Thread(target=measure_body),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limits = {"handshake": 3, "head": 5, "probe": 5, "body": 5}
    for name, limit in limits.items():
        assert limit - 0.1 <= ends[name] <= limit + 1.5 * SCALE, (name, ends)
