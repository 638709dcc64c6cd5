"""Each fault of testbed/faults.py against each promise. A namespace with tokens of all kinds lives
through the fault: tokens are made, renewed, revoked and deleted, a Secret is lost, a reminder comes
due. Watches see each revision, and all promises are checked at each. A run checks a few faults,
others for each commit; FAULTS=all checks all, FAULTS=name,name those. hack/reliability.sh writes
docs/reliability.md from a whole run."""

import functools
import json
import os
import pathlib
import subprocess
import time

import pytest
import requests

from testbed import faults
from testbed.api import ApiError
from testbed.cluster import ROOT
from testbed.history import History
from testbed.mail import Script, ScriptedServer
from testbed.process import BINARY
from testbed.proxy import Proxy
from testbed.tokens import hash_of, status_and_reason
from testbed.verifying import auth
from testbed.waiting import SCALE, eventually, let_pass, wait_for

SECONDS, SETTLE, A_RUN = 6, 45, 4
ATTEMPTS = 5  # of one key in those seconds and the first after them, by its backoff
NEW = [f"new{n}" for n in range(6)]
HOST = "kube-api.test"  # the API server's name, for faults by_name
REQUESTED = "apitoken.dev/rotate-requested-at"
MORE_MEMORY = 12 << 10  # KiB that a life may leave behind: stores, buffers of the allocator


def names():
    asked = os.environ.get("FAULTS", "")
    if asked and asked != "all":
        return asked.split(",")
    commit = subprocess.run(
        ["git", "rev-parse", "--short=8", "HEAD"], cwd=ROOT, text=True, capture_output=True
    ).stdout
    return faults.chosen(int(commit.strip() or "0", 16), 0 if asked else A_RUN)


class Testbed:
    """What a fault may touch: the proxy to the API server, the operator, the mail server."""

    def __init__(self, cluster, namespace, start_operator, tmp_path, by_name):
        self.cluster, self.namespace = cluster, namespace
        self.proxy = Proxy(cluster)
        self.script = Script()
        self.mail = ScriptedServer(self.script)
        self.hosts = tmp_path / "hosts"
        self.hosts.write_text(f"127.0.0.1 localhost {HOST}\n")
        server = {"server": self.proxy.url, "tls-server-name": "localhost"}
        program = [BINARY]
        if by_name:
            server["server"] = self.proxy.url.replace("127.0.0.1", HOST)
            # In a mount namespace of its own, in which the file is /etc/hosts.
            program = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts; exec "$@"']
            program += [self.hosts, BINARY]
        self.kubeconfig = cluster.changed_kubeconfig(
            tmp_path / "proxied", lambda c: c["clusters"][0]["cluster"].update(server)
        )
        self._start = functools.partial(start_operator, kubeconfig=self.kubeconfig, program=program)
        self.operator = self._start()

    def restart(self):
        self.operator.kill()
        self.operator = self._start(wait_ready=False)

    def heal(self):
        self.proxy.refuse = lambda method, path: None
        self.proxy.spoil_answer = lambda method, path, body: body
        self.proxy.spoil_watch = lambda path, line: line
        self.script.recipient = lambda address: None
        self.script.after_content = lambda attempt: None

    def writes(self):
        return sum(1 for method, path in self.proxy.seen if faults.is_write(method, path))

    def memory(self):
        """KiB of the operator's memory."""
        status = pathlib.Path(f"/proc/{self.operator.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line[:6] == "VmRSS:").split()[1])

    def stop(self):
        self.mail.stop()
        self.proxy.stop()


@pytest.fixture
def testbed(name, cluster, namespace, start_operator, tmp_path):
    by_name = faults.FAULTS[name].by_name
    if by_name and subprocess.run(["unshare", "--mount", "true"]).returncode != 0:
        pytest.skip("only root may make a mount namespace")
    testbed = Testbed(cluster, namespace, start_operator, tmp_path, by_name)
    yield testbed
    testbed.heal()
    testbed.stop()


def retried(action):
    """Does it, also while the API server is away."""

    def done():
        try:
            action()
            return True
        except (requests.ConnectionError, requests.Timeout):
            return False
        except ApiError as error:
            if error.code == 409 and error.reason == "AlreadyExists":
                return True
            if error.code in (409, 500, 503, 504):
                return False
            raise

    wait_for(done, 30, "the API server does not answer the test")


class Life:
    """The tokens of a namespace, from before the fault until everything stands again."""

    def __init__(self, testbed):
        self.testbed, self.namespace = testbed, testbed.namespace

    def begin(self):
        """Everything is in order, and the reminder of `soon` comes due three seconds later."""
        namespace, server = self.namespace, self.testbed.mail.server
        namespace.settled_config(
            "soon",
            reminders=["597s"],
            emails="ops@example.com",
            digest="1s",
            tokenSelector={"matchLabels": {"remind": "yes"}},
            smtp={"tls": "None", "from": "tokens@example.com", "server": server},
        )
        for name in ("kept", "lost", "renewed", "revoked", "deleted"):
            namespace.token(name, ttl="48h", type="Permanent")
        namespace.tokens.create(
            "soon", {"user": "alice@example.com", "ttl": "600s"}, labels={"remind": "yes"}
        )
        namespace.wait_all_ready(6)
        self.before = {
            token["metadata"]["name"]: namespace.value(token["metadata"]["name"])
            for token in namespace.tokens.list()
        }

    def go_on(self):
        """What people do while the fault lasts."""
        tokens, secrets = self.namespace.tokens, self.namespace.secrets
        annotated = {"metadata": {"annotations": {REQUESTED: "2026-01-01T00:00:00Z"}}}
        for name in NEW:
            retried(lambda name=name: self.namespace.token(name, ttl="48h"))
        retried(lambda: tokens.patch("renewed", annotated))
        retried(lambda: tokens.patch("revoked", {"spec": {"revoked": True}}))
        retried(lambda: tokens.delete("deleted"))
        retried(lambda: secrets.delete("lost"))

    def check_settled(self):
        namespace, operator = self.namespace, self.testbed.operator
        for name in ("kept", "lost", "renewed", "soon", *NEW):
            token, _ = namespace.check_consistent(name)
            assert status_and_reason(token, "Ready")[0] == "True", (name, token["status"])
            assert auth(operator, namespace.value(name)).status_code == 200, name
        assert namespace.value("kept") == self.before["kept"]
        assert namespace.value("lost") != self.before["lost"]
        # An attempt that published a hash, and could not write the Secret, has spent a revision.
        assert 2 <= namespace.tokens.get("renewed")["status"]["revision"] <= 2 + ATTEMPTS
        assert status_and_reason(namespace.tokens.get("revoked"), "Ready") == ("False", "Revoked")
        for name in ("revoked", "deleted", "lost"):
            assert auth(operator, self.before[name]).status_code == 401, name
        assert len(namespace.events_of("soon", "ExpiringSoon")) == 1
        assert self.testbed.script.accepted, "the mail has not arrived"

    def check_deleted(self):
        """By Kubernetes' garbage collector, which takes up to a minute for a kind new to it."""
        assert self.namespace.secrets.get("deleted") is None

    def check_history(self, history):
        """Returns the number of revisions seen."""
        history.check_revisions()
        history.check_secrets()
        published = {
            token["status"]["tokenHash"]
            for token in self.namespace.tokens.list()
            if "tokenHash" in token["status"]
        }
        assert hash_of(self.namespace.value("kept")) in published
        return history.check_ready_values()


@pytest.fixture(scope="module")
def table():
    """What was seen, a row for each fault: written to FAULT_TABLE, if that is set."""
    rows = {}
    yield rows
    if path := os.environ.get("FAULT_TABLE"):
        pathlib.Path(path).write_text(json.dumps(rows))


@pytest.mark.parametrize("name", names())
def test_each_promise_holds_at_each_instant(testbed, table, name):
    fault, life = faults.FAULTS[name], Life(testbed)
    with History(testbed.namespace) as history:
        life.begin()
        memory = testbed.memory()
        running = fault.begin(testbed)
        next(running)
        life.go_on()
        let_pass(SECONDS)
        next(running, None)
        testbed.heal()
        over = time.monotonic()
        testbed.operator.wait_ready()
        eventually(life.check_settled, SETTLE)
        settled = time.monotonic() - over
        eventually(life.check_deleted, 60)
        let_pass(1.5)  # a second mail would come now
        more = testbed.memory() - memory
    row = {
        "what": fault.what,
        "revisions": life.check_history(history),
        "writes": testbed.writes(),
        "allowed": fault.writes,
        "mails": len(testbed.script.accepted),
        "seconds": round(settled, 1),
        "memory": more,
    }
    table[name] = row
    print(row)
    assert len(testbed.script.accepted) == 1 or (
        fault.crashes and len(testbed.script.accepted) == 2
    )
    assert row["writes"] <= fault.writes * max(1, SCALE), row
    assert fault.crashes or more <= MORE_MEMORY, row
    assert testbed.namespace.tokens.get("kept")["status"]["revision"] == 1
