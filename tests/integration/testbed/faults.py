"""The faults that test_fault_matrix.py puts between the operator and its servers, each with the
most writes that one life under it may cost. A fault is a generator: what comes before its yield
begins the fault, what comes after ends it."""

import collections
import itertools
import json
import os
import random
import signal
import threading
import time

from .cluster import exports_of
from .etcd import Etcd
from .proxy import CUT

Fault = collections.namedtuple("Fault", "name what writes begin crashes by_name")
FAULTS = {}
WRITES = ("POST", "PATCH", "PUT", "DELETE")
# What one life costs without a fault, and what each retry of everything adds to it.
WHOLE, RETRY = 60, 40
KILLS = int(os.environ.get("KILLS", "12"))


def fault(what, writes, crashes=False, by_name=False):
    """Enters the generator below, by its name. `crashes`: the operator dies, and may then mail
    twice. `by_name`: the operator looks up its API server in testbed.hosts."""

    def enter_it(begin):
        enter(begin.__name__.replace("_", "-"), what, writes, begin, crashes, by_name)
        return begin

    return enter_it


def enter(name, what, writes, begin, crashes=False, by_name=False):
    FAULTS[name] = Fault(name, what, writes, begin, crashes, by_name)


def is_write(method, path):
    """A write that counts: leases are renewed and Events written in any case."""
    return method in WRITES and "/leases" not in path and "/events" not in path


# --- connections ----------------------------------------------------------------------------------


@fault("no fault at all", WHOLE)
def nothing(testbed):
    yield


@fault("each connection ends before its answer", WHOLE + 5 * RETRY)
def reset(testbed):
    testbed.proxy.refuse = lambda method, path: CUT
    yield


@fault("each answer comes a second or two late", WHOLE)
def late(testbed):
    chance = random.Random(7)

    def refuse(method, path):
        time.sleep(chance.uniform(1, 2))

    testbed.proxy.refuse = refuse
    yield


@fault("no answer comes, and no connection ends", WHOLE)
def half_open(testbed):
    over = threading.Event()

    def refuse(method, path):
        over.wait(60)
        return CUT

    testbed.proxy.refuse = refuse
    yield
    over.set()


@fault("the API server's name cannot be resolved", WHOLE, by_name=True)
def no_such_host(testbed):
    known = testbed.hosts.read_text()
    testbed.hosts.write_text("")
    testbed.proxy.refuse = lambda method, path: CUT  # no connection stays that needs no name
    yield
    assert "cannot be resolved" in testbed.operator.log()
    testbed.hosts.write_text(known)


@fault("watches say nothing", WHOLE)
def silent_watch(testbed):
    over = threading.Event()

    def hold(path, line):
        over.wait(60)
        return line

    testbed.proxy.spoil_watch = hold
    yield
    over.set()


# --- answers --------------------------------------------------------------------------------------


@fault("each answer to a read ends in its middle", WHOLE)
def cut_reads(testbed):
    testbed.proxy.spoil_answer = lambda method, path, body: CUT if method == "GET" else body
    yield


@fault("each write happens, and its answer is lost", WHOLE + 5 * RETRY)
def lost_answers(testbed):
    testbed.proxy.spoil_answer = lambda method, path, body: CUT if is_write(method, path) else body
    yield


@fault("each answer is half a JSON document", WHOLE + 5 * RETRY)
def no_json(testbed):
    testbed.proxy.spoil_answer = lambda method, path, body: b'{"kind": "ApiToken", "metadata": {'
    yield


@fault("each line of a watch says 410 Gone", WHOLE)
def gone(testbed):
    status = {"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired"}
    line = json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
    testbed.proxy.spoil_watch = lambda path, _: line
    yield


def answering(status, headers, selects=is_write):
    def begin(testbed):
        testbed.proxy.refuse = lambda method, path: (
            (status, headers) if selects(method, path) else None
        )
        yield

    return begin


for code, headers in ((409, {}), (429, {"Retry-After": "1"}), (500, {}), (503, {}), (504, {})):
    what = f"each write is answered {code}"
    enter(f"status-{code}", what, WHOLE + 5 * RETRY, answering(code, headers))

enter(
    "no-secrets",
    "writes of Secrets are forbidden",
    WHOLE + 5 * RETRY,
    answering(403, {}, lambda method, path: is_write(method, path) and "/secrets" in path),
)


# --- processes ------------------------------------------------------------------------------------


@fault("the API server is killed, and comes back", WHOLE)
def api_server_killed(testbed):
    testbed.cluster.controlplane("kill-apiserver")
    back = threading.Timer(4, testbed.cluster.controlplane, ["start-apiserver"])
    back.start()
    yield
    back.join()


@fault("etcd is killed, and comes back", WHOLE)
def etcd_killed(testbed):
    testbed.cluster.controlplane("kill-etcd")
    back = threading.Timer(4, testbed.cluster.controlplane, ["start-etcd"])
    back.start()
    yield
    back.join()


@fault("etcd has no space left, and gets some", WHOLE + 2 * RETRY)
def disk_full(testbed):
    etcd = Etcd(exports_of(testbed.cluster.controlplane("env"))["ETCD_URL"])
    etcd.set_out_of_space(True)
    some = threading.Timer(4, etcd.set_out_of_space, [False])
    some.start()
    yield
    some.join()
    assert "space exceeded" in testbed.operator.log()


@fault(f"the operator is killed and started {KILLS} times", WHOLE + 2 * RETRY + KILLS, crashes=True)
def killed(testbed):
    chance = random.Random(11)

    def kill():
        for _ in range(KILLS):
            testbed.restart()
            time.sleep(chance.uniform(0.1, 0.6))

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    thread.join()


@fault("the operator sleeps (SIGSTOP)", WHOLE)
def asleep(testbed):
    testbed.operator.process.send_signal(signal.SIGSTOP)
    yield
    testbed.operator.process.send_signal(signal.SIGCONT)


# --- mail -----------------------------------------------------------------------------------------


@fault("the mail server answers 451 to each recipient", WHOLE)
def mail_later(testbed):
    testbed.script.recipient = lambda address: "451 4.3.0 try again later"
    yield


@fault("the mail server answers 451 after the content", WHOLE)
def mail_content_later(testbed):
    testbed.script.after_content = lambda attempt: "451 4.3.0 try again later"
    yield


@fault("the mail server ends each connection with 421", WHOLE)
def mail_goes_away(testbed):
    testbed.script.recipient = lambda address: "421 4.3.2 shutting down"
    yield


# --- which ----------------------------------------------------------------------------------------


def chosen(seed, count):
    """The names of `count` faults, others for each seed, so that all come in turn; all for count
    0."""
    names = sorted(FAULTS)
    turn = itertools.islice(itertools.cycle(names), seed % len(names), None)
    return list(itertools.islice(turn, count or len(names)))
