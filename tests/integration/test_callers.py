"""Who may introspect, during a flood of callers who may not. Callers authenticate by service
account tokens, and bad tokens of others do not use up the API server's reviews. One operator on
the session's control plane."""

import base64
import concurrent.futures
import http.client
import itertools
import json
import secrets as random_names
import ssl
import threading
import time

import pytest

from testbed.certificates import Authority
from testbed.cluster import ROOT
from testbed.namespace import TestNamespace
from testbed.process import Operator, free_port
from testbed.waiting import SCALE, pause, wait_for

AUDIENCE = "apitoken-verify"
FLOOD_PER_SECOND = 400
FLOODERS = 8
CALLERS = 4


def part(claims):
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


class CallersTestbed:
    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.authority = Authority(directory / "pki")
        self.namespace = TestNamespace.made(cluster)
        name = self.namespace.name
        cluster.kubectl("apply", "-f", str(ROOT / "manifests/policy/roles.yaml"))
        for account in ("api", "other"):
            cluster.api.create(
                f"/api/v1/namespaces/{name}/serviceaccounts",
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}},
            )
        for role in ("introspector", "metrics-reader"):
            cluster.kubectl(
                "create",
                "clusterrolebinding",
                f"{name}-{role}",
                f"--clusterrole=apitoken-{role}",
                f"--serviceaccount={name}:api",
            )
        self.certificate, self.key = self.authority.files("operator", "server")
        self.directory = directory
        self.tls = ssl.create_default_context(cafile=str(self.authority.file))

    def operator(self, *flags):
        return Operator(
            [
                "--kubeconfig",
                str(self.cluster.kubeconfig),
                *self.namespace.flags,
                "--verify-tls-cert-file",
                self.certificate,
                "--verify-tls-key-file",
                self.key,
                *flags,
            ],
            self.directory / f"operator-{random_names.token_hex(4)}.log",
            {},
        ).wait_ready()

    def token(self, account="api", audience=AUDIENCE):
        """A new token of a service account, like in a projected volume; audience None: like in
        every pod."""
        spec = {"audiences": [audience]} if audience else {}
        return self.cluster.api.create(
            f"/api/v1/namespaces/{self.namespace.name}/serviceaccounts/{account}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec},
        )["status"]["token"]

    def connect(self, port, source="127.0.0.1"):
        return http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=10, context=self.tls, source_address=(source, 0)
        )

    def close(self):
        for role in ("introspector", "metrics-reader"):
            self.cluster.kubectl("delete", "clusterrolebinding", f"{self.namespace.name}-{role}")
        self.namespace.remove()


@pytest.fixture(scope="module")
def testbed(cluster, tmp_path_factory):
    testbed = CallersTestbed(cluster, tmp_path_factory.mktemp("callers"))
    yield testbed
    testbed.close()


@pytest.fixture
def serve(testbed):
    """serve(*flags): an operator of the testbed, which must end cleanly."""
    operators = []

    def start(*flags):
        operators.append(testbed.operator(*flags))
        return operators[-1]

    yield start
    for operator in operators:
        operator.stop()
        operator.check_log()


def introspect(connection, caller):
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        **({"Authorization": f"Bearer {caller}"} if caller else {}),
    }
    connection.request("POST", "/introspect", "token=apt_x", headers)
    answer = connection.getresponse()
    answer.read()
    return answer


def read_metrics(connection, caller):
    connection.request(
        "GET", "/metrics", headers={"Authorization": f"Bearer {caller}"} if caller else {}
    )
    answer = connection.getresponse()
    answer.read()
    return answer


def status_of(testbed, port, caller, ask=introspect):
    connection = testbed.connect(port)
    try:
        return ask(connection, caller).status
    finally:
        connection.close()


class Flood:
    """FLOOD_PER_SECOND requests a second of bad callers from one address, until it is stopped."""

    def __init__(self, testbed, port, source, bad, ask):
        self.testbed, self.port, self.source, self.bad, self.ask = testbed, port, source, bad, ask
        self.statuses, self.stopped, self.begun = [], threading.Event(), time.monotonic()
        self.numbers = itertools.count()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(FLOODERS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        connection = self.testbed.connect(self.port, self.source)
        while not self.stopped.is_set():
            number = next(self.numbers)
            ahead = self.begun + number / FLOOD_PER_SECOND - time.monotonic()
            if ahead > 0:
                self.stopped.wait(ahead)
            try:
                self.statuses.append(self.ask(connection, self.bad(number)).status)
            except (OSError, http.client.HTTPException):
                connection.close()
        connection.close()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(20)
        return len(self.statuses) / (time.monotonic() - self.begun)


def good_statuses(testbed, port, tokens, seconds, ask):
    """The statuses for callers who ask ten times a second, each with its own token and
    connection."""

    def call(token):
        statuses, connection = [], testbed.connect(port)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                statuses.append(ask(connection, token).status)
            except (OSError, http.client.HTTPException) as failure:
                statuses.append(repr(failure))
                connection.close()
            pause(0.1)
        connection.close()
        return statuses

    with concurrent.futures.ThreadPoolExecutor(len(tokens)) as pool:
        return [status for statuses in pool.map(call, tokens) for status in statuses]


HEADER = part({"alg": "RS256", "kid": "made-up"})
BAD = {
    "nothing": lambda number: None,
    "garbage": lambda number: f"garbage-{number}-{random_names.token_hex(20)}",
    "API tokens": lambda number: f"apt_{number:046}",
    "JWTs": lambda number: (
        f"{HEADER}.{part({'sub': f'system:serviceaccount:a:{number}', 'aud': AUDIENCE})}"
        f".{random_names.token_hex(86)}"
    ),
}


def reviews(operator):
    return operator.metrics().requests("POST")


# The long one outlasts a verdict.
@pytest.mark.parametrize(
    "bad, source, seconds",
    [
        ("garbage", "127.0.0.2", 5),
        ("JWTs", "127.0.0.2", 5),
        ("garbage", "127.0.0.1", 5),
        ("JWTs", "127.0.0.1", 34),
    ],
)
def test_callers_are_answered_under_a_flood_of_unauthenticated_requests(
    testbed, serve, bad, source, seconds
):
    """All callers but one start after the flood."""
    operator = serve()
    assert status_of(testbed, operator.verify_port, testbed.token()) == 200
    flood = Flood(testbed, operator.verify_port, source, BAD[bad], introspect)
    wait_for(lambda: 503 in flood.statuses, 10, "the flood never goes over its budget")
    before = reviews(operator)
    statuses = good_statuses(
        testbed,
        operator.verify_port,
        [testbed.token() for _ in range(CALLERS)],
        seconds,
        introspect,
    )
    asked = reviews(operator) - before
    rate = flood.stop()
    print(
        f"\n{bad} from {source}: {rate:.0f} bad requests a second; "
        f"{statuses.count(200)} of {len(statuses)} answered 200; {asked} reviews"
    )
    assert statuses.count(200) >= 0.99 * len(statuses), sorted(set(map(str, statuses)))
    assert rate >= 0.8 * FLOOD_PER_SECOND / SCALE and set(flood.statuses) <= {401, 503}
    assert asked < 10 + 12 * seconds, "the API server sees a trickle"


@pytest.mark.parametrize("bad", ["nothing", "API tokens"])
def test_what_cannot_be_a_credential_costs_no_review(testbed, serve, bad):
    operator = serve()
    before = reviews(operator)
    flood = Flood(testbed, operator.verify_port, "127.0.0.1", BAD[bad], introspect)
    wait_for(lambda: len(flood.statuses) >= 500, 20, "no flood")
    flood.stop()
    assert set(flood.statuses) == {401}
    assert reviews(operator) == before


def test_secure_metrics_are_read_under_a_flood_too(testbed, serve):
    port = free_port()
    operator = serve("--metrics-secure", "--metrics-bind-address", f"127.0.0.1:{port}")
    flood = Flood(testbed, port, "127.0.0.1", BAD["garbage"], read_metrics)
    wait_for(lambda: 503 in flood.statuses, 10, "the flood never goes over its budget")
    statuses = good_statuses(
        testbed, port, [testbed.token(audience=None), testbed.token()], 5, read_metrics
    )
    flood.stop()
    assert statuses.count(200) >= 0.99 * len(statuses), sorted(set(map(str, statuses)))
    assert set(flood.statuses) <= {401, 503}
    assert operator.running()


def test_a_token_for_us_and_the_token_of_each_pod_are_taken_and_no_other(testbed, serve):
    port = serve().verify_port
    assert status_of(testbed, port, testbed.token()) == 200
    assert status_of(testbed, port, testbed.token(audience=None)) == 200
    assert status_of(testbed, port, testbed.token(audience="vault")) == 401
    assert status_of(testbed, port, testbed.token("other")) == 403


def test_named_audiences_alone_are_taken(testbed, serve):
    operator = serve("--caller-audiences", f"{AUDIENCE},shop")
    port = operator.verify_port
    assert status_of(testbed, port, testbed.token()) == 200
    assert status_of(testbed, port, testbed.token(audience="shop")) == 200
    before = reviews(operator)
    connection = testbed.connect(port)
    refused = introspect(connection, testbed.token(audience=None))
    connection.close()
    assert refused.status == 401
    assert f"make one for {AUDIENCE} or shop" in refused.headers["WWW-Authenticate"]
    assert reviews(operator) == before


def test_a_remembered_answer_ends_with_the_permission(testbed, serve):
    """Renewed answers are reviewed again: nobody keeps access by calling all the time."""
    operator, binding = serve(), f"{testbed.namespace.name}-short"
    connection, token = testbed.connect(operator.verify_port), testbed.token("other")
    testbed.cluster.kubectl(
        "create",
        "clusterrolebinding",
        binding,
        "--clusterrole=apitoken-introspector",
        f"--serviceaccount={testbed.namespace.name}:other",
    )
    wait_for(lambda: introspect(connection, token).status == 200, 30, "not allowed")
    testbed.cluster.kubectl("delete", "clusterrolebinding", binding)
    wait_for(lambda: introspect(connection, token).status == 403, 30, "still allowed")
    connection.close()
