"""Many ApiTokens with a status, as an operator leaves them, and many changes a second: for tests
and for hack/bench.sh --portal. No operator may run on the cluster."""

import contextlib
import copy
import http.client
import itertools
import json
import random
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from testbed.api import ApiError
from testbed.waiting import wait_for

NAMESPACES = [f"load-{i}" for i in range(10)]
PATH = "/apis/apitoken.dev/v1alpha1"
WRITERS = 8
STATUS = {
    "observedGeneration": 1,
    "type": "Permanent",
    "ttl": "8760h0m0s",
    "tokenID": "7Gk2mQ4z",
    "tokenHash": "sha256:" + "0" * 64,
    "hint": "…x9Qe",
    "issuedAt": "2026-11-01T00:00:00Z",
    "expiresAt": "2027-11-01T00:00:00Z",
    "warnAt": "2027-10-02T00:00:00Z",
    "revision": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Issued",
            "message": "the token is valid until 2027-11-01T00:00:00Z",
            "lastTransitionTime": "2026-11-01T00:00:00Z",
        }
    ],
}


class Writer:
    """One connection with the administrator's certificate; costs a quarter of requests' CPU."""

    def __init__(self, cluster):
        context = ssl.create_default_context(cafile=str(cluster.dir / "ca.crt"))
        pki = cluster.dir / "pki"
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        host = cluster.url.removeprefix("https://")
        self.connection = http.client.HTTPSConnection(host, context=context, timeout=60)

    def send(self, method, path, body=None):
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Content-Type": kind}
        text = None if body is None else json.dumps(body)
        while True:
            self.connection.request(method, path, text, headers)
            answer = self.connection.getresponse()
            content = answer.read()
            if answer.status != 429:
                break
            time.sleep(1)  # the server asks for it
        assert answer.status < 300, f"{method} {path}: {answer.status} {content[:500]}"
        return content

    def create(self, number):
        """The ApiToken of that number; while the CRD has no rules, with a status."""
        namespace, name = NAMESPACES[number % len(NAMESPACES)], f"token-{number:06}"
        path = f"{PATH}/namespaces/{namespace}/apitokens"
        spec = {"user": f"user-{number % 200}@example.com", "description": f"load {number % 7}"}
        self.send(
            "POST",
            path,
            {
                "apiVersion": "apitoken.dev/v1alpha1",
                "kind": "ApiToken",
                "metadata": {"name": name},
                "spec": spec,
                "status": {**STATUS, "secretName": name},
            },
        )


@contextlib.contextmanager
def without_rules(cluster):
    """Status comes with the object, and nothing is validated: a quarter of the server's work."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/apitokens.apitoken.dev"
    probe = {
        "apiVersion": "apitoken.dev/v1alpha1",
        "kind": "ApiToken",
        "metadata": {"name": "probe"},
        "spec": {"user": "alice@example.com"},
        "status": {"hint": "kept"},
    }

    def keeps_status(wanted):
        try:
            made = cluster.api.create(f"{PATH}/namespaces/default/apitokens", probe, dryRun="All")
        except ApiError as error:
            if error.code != 503:  # while the server changes the kind
                raise
            return False
        return ("status" in made) == wanted

    strict = cluster.api.get(path)["spec"]["versions"]
    loose = copy.deepcopy(strict)
    loose[0]["schema"] = {
        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    }
    del loose[0]["selectableFields"], loose[0]["subresources"]
    cluster.api.patch(path, {"spec": {"versions": loose}})
    try:
        wait_for(lambda: keeps_status(True), 30, "the CRD still has rules")
        yield
    finally:
        cluster.api.patch(path, {"spec": {"versions": strict}})
        wait_for(lambda: keeps_status(False), 30, "the CRD has no rules again")


def fill(cluster, count):
    """The first `count` ApiTokens; the policies must not be in force yet."""
    cluster.apply_crds()
    for name in NAMESPACES:
        cluster.api.create("/api/v1/namespaces", {"metadata": {"name": name}})

    def write(first):
        writer = Writer(cluster)
        for number in range(first, count, WRITERS):
            writer.create(number)

    with without_rules(cluster), ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))


class Changes:
    """`rate` changes a second for `seconds`: descriptions, and one in ten times a token goes or
    comes (without a status). `made` is their number when join() returns; a slow server gets fewer,
    so that it takes no longer than twice that time."""

    def __init__(self, cluster, rate, seconds):
        self.cluster, self.rate, self.seconds = cluster, rate, seconds
        self.names = sorted(present(cluster))
        self.fresh = 1 + max(int(name.removeprefix("token-")) for _, name in self.names)
        self.made, self.failures = 0, []
        self.lock, self.turns = threading.Lock(), itertools.count()
        self.threads = [
            threading.Thread(target=self._write, args=(i,), daemon=True) for i in range(WRITERS)
        ]
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()

    def _write(self, mine):
        """Each writer has tokens of its own, so that no two write one."""
        writer, dice = Writer(self.cluster), random.Random(mine)
        own, fresh = self.names[mine::WRITERS], self.fresh + mine
        try:
            while True:
                turn = next(self.turns)
                late = time.monotonic() > self.began + 2 * self.seconds
                if late or turn >= self.rate * self.seconds:
                    return
                pause = self.began + turn / self.rate - time.monotonic()
                if pause > 0:
                    time.sleep(pause)
                self._change(writer, dice, turn, own, fresh)
                fresh += WRITERS if turn % 20 == 10 else 0
                with self.lock:
                    self.made += 1
        except (AssertionError, OSError) as failure:
            self.failures.append(str(failure))

    def _change(self, writer, dice, turn, own, fresh):
        if turn % 20 == 10:
            writer.create(fresh)
            return
        at = dice.randrange(len(own))
        namespace, name = own[at]
        path = f"{PATH}/namespaces/{namespace}/apitokens/{name}"
        if turn % 20 == 0:
            own.pop(at)
            writer.send("DELETE", path)
        else:
            writer.send("PATCH", path, {"spec": {"description": f"change {turn}"}})

    def join(self):
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures[0]
        self.took = time.monotonic() - self.began
        return self


def present(cluster):
    """{(namespace, name): description}: what kubectl shows."""
    found, query = {}, "limit=5000"
    writer = Writer(cluster)
    while query:
        page = json.loads(writer.send("GET", f"{PATH}/apitokens?{query}"))
        for item in page["items"]:
            meta = item["metadata"]
            found[meta["namespace"], meta["name"]] = item["spec"].get("description", "")
        more = page["metadata"].get("continue")
        query = f"limit=5000&continue={more}" if more else ""
    return found
