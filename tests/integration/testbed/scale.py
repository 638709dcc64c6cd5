"""What an operator costs with very many tokens. The tokens are copies of one that was minted, put
into etcd: name, uid, value and hash differ. hack/bench-scale.py prints the figures."""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import pathlib
import re
import socket
import time

import requests

from .cluster import exports_of
from .etcd import Etcd
from .process import Metrics, Operator
from .waiting import let_pass, pause, wait_for

NAMESPACES = [f"scale-{number}" for number in range(10)]
NAME = "token-{:07}"
TOKENS = "/registry/apitoken.dev/apitokens"
SECRETS = "/registry/secrets"
TTL_HOURS = 2160
MAX_REMINDERS = 10_000
PAGE = 500
READERS = 32
STARTS = 4
SERVED = {  # the path of each list, and how the operator asks for it
    "/apis/apitoken.dev/v1alpha1/apitokens": "application/json",
    "/api/v1/secrets": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
}


LISTED = re.compile(r" listed resource=(?:apitokens[.]apitoken[.]dev|secrets) namespace=all")


# --- tokens ---------------------------------------------------------------------------------------


@dataclasses.dataclass
class Pattern:
    """A minted token and its Secret as etcd has them, and what of them is its own. A Secret is
    stored as protobuf, which counts bytes, so each replacement has the same length."""

    token: bytes
    secret: bytes
    uid: str
    secret_uid: str
    token_id: str
    hash: str
    value: bytes

    def copy(self, number):
        namespace, name = NAMESPACES[number % len(NAMESPACES)], NAME.format(number)
        value = b"apt_" + b"%0*d" % (len(self.value) - 4, number)
        own = {
            NAMESPACES[0].encode(): namespace.encode(),
            NAME.format(0).encode(): name.encode(),
            self.uid.encode(): f"00000000-0000-4000-8000-{number:012}".encode(),
            self.secret_uid.encode(): f"00000000-0000-4000-9000-{number:012}".encode(),
            self.token_id.encode(): b"%0*d" % (len(self.token_id), number),
            self.hash.encode(): hashlib.sha256(value).hexdigest().encode(),
            self.value: value,
        }
        token, secret = self.token, self.secret
        for before, after in own.items():
            token, secret = token.replace(before, after), secret.replace(before, after)
        yield f"{TOKENS}/{namespace}/{name}", token
        yield f"{SECRETS}/{namespace}/{name}", secret


def minted_pattern(cluster, etcd, operator_flags, log):
    """Has an operator mint one token. Also returns its memory after the token was deleted again: it
    has no token then, but its code was in use."""
    for namespace in NAMESPACES:
        cluster.api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    namespace, name = NAMESPACES[0], NAME.format(0)
    collection = f"/apis/apitoken.dev/v1alpha1/namespaces/{namespace}/apitokens"
    with running(cluster, log, *operator_flags) as operator:
        spec = {
            "user": "payments-ci@example.com",
            "description": "deploys payments from CI",
            "ttl": f"{TTL_HOURS}h",
        }
        body = {
            "apiVersion": "apitoken.dev/v1alpha1",
            "kind": "ApiToken",
            "metadata": {"name": name},
            "spec": spec,
        }
        cluster.api.create(collection, body)

        def is_ready():
            status = cluster.api.get(f"{collection}/{name}").get("status") or {}
            return any(
                c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", [])
            )

        wait_for(is_ready, 60, "the pattern is not minted")
        wait_for(lambda: has_worked_off(operator, 1), 60, "the queue is not empty")
        made = cluster.api.get(f"{collection}/{name}")
        secret = cluster.api.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        token_bytes, secret_bytes = (
            etcd.get(f"{kind}/{namespace}/{name}") for kind in (TOKENS, SECRETS)
        )
        cluster.api.delete(f"{collection}/{name}")
        cluster.api.delete(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        empty = settle(operator)
    value = re.search(rb"apt_[0-9A-Za-z]{46}", secret_bytes)[0]
    return Pattern(
        token_bytes,
        secret_bytes,
        made["metadata"]["uid"],
        secret["metadata"]["uid"],
        made["status"]["tokenID"],
        made["status"]["tokenHash"].partition(":")[2],
        value,
    ), empty


# --- the operator's process -----------------------------------------------------------------------


@contextlib.contextmanager
def running(cluster, log, *flags):
    flags = ["--kubeconfig", str(cluster.kubeconfig), "--operator-namespace", "default", *flags]
    operator = Operator(flags, log, {})
    try:
        operator.wait_ready(600)
        yield operator
    finally:
        operator.kill()


def memory(operator, field):
    """MiB."""
    status = pathlib.Path(f"/proc/{operator.process.pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+)", status, re.M)[1]) / 1024


def reset_peak(operator):
    pathlib.Path(f"/proc/{operator.process.pid}/clear_refs").write_text("5")


def cpu_ms(operator):
    fields = pathlib.Path(f"/proc/{operator.process.pid}/stat").read_text().rpartition(")")[2]
    return sum(map(int, fields.split()[11:13])) * 10


def fleet(operator):
    """The metrics without those of single tokens, which take long to read."""
    kept = []
    with requests.get(operator.metrics_url, stream=True, timeout=120) as answer:
        for line in answer.iter_lines(chunk_size=65536):
            if not line.startswith(b"apitoken_") or b"{namespace=" not in line:
                kept.append(line)
    return Metrics(b"\n".join(kept).decode())


def has_worked_off(operator, count):
    metrics = fleet(operator)
    reconciled = metrics.value("controller_runtime_reconcile_total", controller="apitoken") or 0
    return reconciled >= count and not metrics.value("workqueue_depth")


def settle(operator):
    """Waits until the resident memory has not moved for longer than the operator waits between two
    looks at its heap."""
    last, since = memory(operator, "VmRSS"), time.monotonic()

    def is_still():
        nonlocal last, since
        now = memory(operator, "VmRSS")
        if abs(now - last) > 0.25:
            last, since = now, time.monotonic()
        return time.monotonic() - since > 6

    wait_for(is_still, 120, "the memory does not settle")
    return memory(operator, "VmRSS")


# --- measurements ---------------------------------------------------------------------------------


def list_all(cluster, count):
    """Seconds that a client without a store takes for both lists at once, page after page. Each
    list has `count` objects or some more."""
    pki = cluster.dir / "pki"

    def read(path, accept):
        objects, query = 0, {"limit": PAGE}
        with requests.Session() as session:
            session.trust_env, session.verify = False, str(cluster.dir / "ca.crt")
            session.cert = (str(pki / "admin.crt"), str(pki / "admin.key"))
            session.headers.update({"Accept": accept, "Accept-Encoding": "identity"})
            while True:
                page = session.get(cluster.url + path, params=query, timeout=600)
                if page.status_code == 504:  # its cache is behind etcd, after so many writes
                    continue
                if page.status_code == 410:  # etcd was compacted since the first page: begin again
                    objects, query = 0, {"limit": PAGE}
                    continue
                assert page.status_code == 200, f"{path}: {page.status_code}"
                objects += page.content.count(b'"creationTimestamp":"')
                # The list's metadata is before the items of some kinds, and after those of others.
                ends = page.content[:1000] + page.content[-1000:]
                more = re.search(rb'"continue":"([^"]+)"', ends)
                if not more:
                    return objects
                query["continue"] = more[1].decode()

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(SERVED)) as readers:
        read_of = dict(zip(SERVED, readers.map(read, *zip(*SERVED.items())), strict=True))
    took = time.monotonic() - began
    assert all(count <= objects <= count + PAGE for objects in read_of.values()), read_of
    return took


def start(cluster, log, *flags):
    """(operator, seconds until it is ready)"""
    began = time.monotonic()
    flags = ["--kubeconfig", str(cluster.kubeconfig), "--operator-namespace", "default", *flags]
    operator = Operator(flags, log, {})

    def is_ready():
        assert operator.running(), operator.log()[-5000:]
        return operator.probe() == 200

    # A probe takes some milliseconds of the cores that are measured.
    wait_for(is_ready, 900, "not ready", every=0.05)
    return operator, time.monotonic() - began


def scrape(operator):
    """(MiB of the page, CPU ms of the operator, seconds)"""
    before, began, size = cpu_ms(operator), time.monotonic(), 0
    with requests.get(operator.metrics_url, stream=True, timeout=120) as answer:
        for piece in answer.iter_content(chunk_size=1 << 20):
            size += len(piece)
    return size / 2**20, cpu_ms(operator) - before, time.monotonic() - began


@contextlib.contextmanager
def readers_that_do_not_read(operator):
    sockets = []
    try:
        for _ in range(READERS):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(("127.0.0.1", operator.metrics_port))
            one.sendall(b"GET /metrics HTTP/1.1\r\nHost: operator\r\n\r\n")
            sockets.append(one)
        yield sockets
    finally:
        for one in sockets:
            one.close()


def slow_readers(operator):
    """(MiB that 32 readers cost at most, seconds of one more scrape meanwhile)"""
    before = settle(operator)
    reset_peak(operator)
    with readers_that_do_not_read(operator):
        let_pass(2)
        try:
            seconds = scrape(operator)[2]
        except requests.RequestException:
            seconds = float("inf")
        return memory(operator, "VmHWM") - before, seconds


def relist(cluster, etcd, operator):
    """Peak to steady memory of a relist after the versions of the watches were removed. The
    operator logs at level debug."""
    steady = settle(operator)
    reset_peak(operator)
    lists = len(LISTED.findall(operator.log()))
    cluster.controlplane("kill-apiserver")
    key = f"{TOKENS}/{NAMESPACES[0]}/{NAME.format(0)}"
    for _ in range(3):
        etcd.put_all([(key, etcd.get(key))])
    etcd.compact()
    cluster.controlplane("start-apiserver")

    def has_relisted():
        return len(LISTED.findall(operator.log())) >= lists + len(SERVED)

    wait_for(has_relisted, 300, lambda: f"no relist:\n{operator.log()[-3000:]}")
    settle(operator)
    return memory(operator, "VmHWM") / steady


def remind(cluster, operator, count):
    """(reminders, seconds, CPU ms a reminder) of a new config to whose namespaces' tokens a
    reminder is due."""
    each = count // len(NAMESPACES)
    chosen = NAMESPACES[: max(1, min(5, MAX_REMINDERS // each))]
    for namespace in chosen:
        labels = {"metadata": {"labels": {"scale": "remind"}}}
        cluster.api.patch(f"/api/v1/namespaces/{namespace}", labels)
    pause(3)  # until the watches have brought the labels, which no state shows
    wait_for(lambda: has_worked_off(operator, 0), 120, "the queue is not empty")

    def sent():
        return fleet(operator).value("apitoken_notices_total", channel="event", result="sent") or 0

    already, cpu, began = sent(), cpu_ms(operator), time.monotonic()
    body = {
        "apiVersion": "apitoken.dev/v1alpha1",
        "kind": "TokenExpiryConfig",
        "metadata": {"name": "scale"},
        "spec": {
            "reminders": [f"{TTL_HOURS - 1}h59m59s"],
            "namespaceSelector": {"matchLabels": {"scale": "remind"}},
        },
    }
    cluster.api.create("/apis/apitoken.dev/v1alpha1/tokenexpiryconfigs", body)
    number = each * len(chosen)
    wait_for(  # reading the metrics costs the operator something too
        lambda: sent() - already >= number and has_worked_off(operator, 0),
        900,
        lambda: f"{sent() - already} of {number} reminders",
        every=1,
    )
    return number, time.monotonic() - began, (cpu_ms(operator) - cpu) / number


def delete_all(etcd, operator):
    """MiB that stay a minute after everything was deleted: then the connections for so many events
    are closed, too."""
    for namespace in NAMESPACES:
        etcd.delete_below(f"{TOKENS}/{namespace}/")
        etcd.delete_below(f"{SECRETS}/{namespace}/")
    wait_for(lambda: not fleet(operator).value("apitokens"), 300, "there still are tokens")
    wait_for(lambda: has_worked_off(operator, 0), 300, "the queue is not empty")
    pause(60)  # cpprestsdk closes what was idle for 30 s, and looks every 30 s
    return settle(operator)


def remove(cluster):
    cluster.api.delete("/apis/apitoken.dev/v1alpha1/tokenexpiryconfigs/scale")
    for namespace in NAMESPACES:
        cluster.api.delete(f"/api/v1/namespaces/{namespace}")


@dataclasses.dataclass
class Figures:
    count: int = 0
    empty: float = 0.0  # all memory in MiB
    list_seconds: float = 0.0
    ready_seconds: float = 0.0
    start_peak: float = 0.0
    steady: float = 0.0
    relist_peak: float = 0.0  # to steady
    page: tuple = ()
    fleet_page: tuple = ()
    slow_readers: tuple = ()
    reminders: tuple = ()
    deleted: float = 0.0
    seconds: dict = dataclasses.field(default_factory=dict)  # of each part of the run

    @property
    def bytes_a_token(self):
        return (self.steady - self.empty) * 2**20 / self.count


def measure(cluster, directory, count):
    etcd = Etcd(exports_of(cluster.controlplane("env"))["ETCD_URL"])
    figures = Figures(count)
    began = time.monotonic()

    def note(part):
        nonlocal began
        figures.seconds[part], began = time.monotonic() - began, time.monotonic()

    pattern, figures.empty = minted_pattern(cluster, etcd, [], directory / "pattern.log")
    note("pattern")
    etcd.put_all(pair for number in range(count) for pair in pattern.copy(number))
    note("put")
    flags = ["--per-token-metrics=false"]
    # In turns, and the fastest of each counts: after so many writes the API server is busy first.
    lists, starts = [], []
    for turn in range(STARTS):
        lists.append(list_all(cluster, count))
        operator, seconds = start(
            cluster, directory / f"fleet{turn}.log", *flags, "--log-level=debug"
        )
        starts.append(seconds)
        if turn + 1 < STARTS:
            operator.kill()
    figures.list_seconds, figures.ready_seconds = min(lists), min(starts)
    try:
        wait_for(lambda: has_worked_off(operator, count), 900, "the tokens are not worked off")
        figures.start_peak = memory(operator, "VmHWM")
        figures.steady = settle(operator)
        note("start")
        scrapes = [scrape(operator) for _ in range(10)]
        figures.fleet_page = tuple(sum(one) / 10 for one in zip(*scrapes, strict=True))
        figures.relist_peak = relist(cluster, etcd, operator)
        note("relist")
    finally:
        operator.kill()
    operator, _ = start(cluster, directory / "reminders.log", *flags)
    try:
        wait_for(lambda: has_worked_off(operator, count), 900, "the tokens are not worked off")
        figures.reminders = remind(cluster, operator, count)
        note("reminders")
    finally:
        operator.kill()
    operator, _ = start(cluster, directory / "per-token.log")
    try:
        wait_for(lambda: has_worked_off(operator, count), 900, "the tokens are not worked off")
        scrape(operator)
        figures.page = scrape(operator)
        figures.slow_readers = slow_readers(operator)
        note("scrapes")
        figures.deleted = delete_all(etcd, operator)
        note("deletion")
    finally:
        operator.kill()
    return figures
