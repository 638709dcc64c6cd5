"""Writes that succeed although their answers never arrive: no value is minted over one that was
published."""

import collections
import threading

import pytest

from testbed.history import History
from testbed.proxy import CUT, Proxy
from testbed.waiting import let_pass, pause, wait_for

WRITES = {"POST", "PATCH", "PUT", "DELETE"}


class Faults:
    """What the proxy does: holds back lines of watches while `away`, and cuts off answers that
    `loses` selects."""

    def __init__(self):
        self.away = False
        self.loses = lambda method, path: False
        self.writes = collections.Counter()
        self.lock = threading.Lock()

    def spoil_watch(self, path, line):
        while self.away:
            pause(0.02)
        return line

    def spoil_answer(self, method, path, body):
        if method not in WRITES or "/leases" in path or "/events" in path:
            return body
        with self.lock:
            self.writes[method] += 1
            return CUT if self.loses(method, path) else body


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
def operator_behind(cluster, start_operator, tmp_path, faults):
    proxy = Proxy(cluster, spoil_watch=faults.spoil_watch, spoil_answer=faults.spoil_answer)
    path = cluster.changed_kubeconfig(
        tmp_path / "proxied", lambda c: c["clusters"][0]["cluster"].update(server=proxy.url)
    )
    yield start_operator(kubeconfig=path)
    faults.away = False
    proxy.stop()


def first_time_each(matches):
    """Loses the first answer on each path that matches."""
    lost = set()

    def loses(method, path):
        if not matches(method, path) or path in lost:
            return False
        lost.add(path)
        return True

    loses.lost = lost
    return loses


@pytest.mark.parametrize("which", ["status", "secret"])
def test_an_answer_lost_while_the_watch_is_away_costs_no_published_value(
    namespace, operator_behind, faults, which
):
    def matches(method, path):
        return (
            method == "PATCH" and path.endswith("/status")
            if which == "status"
            else method == "POST" and path.endswith("/secrets")
        )

    count = 20
    faults.loses = (
        first_time_each(matches) if which == "status" else first_time_each(lambda m, p: False)
    )
    if which == "secret":  # one path for all: lose the first answers
        left = [count]

        def lose_first(method, path):
            if matches(method, path) and left[0] > 0:
                left[0] -= 1
                return True
            return False

        faults.loses = lose_first
    with History(namespace) as history:
        for n in range(count):
            namespace.token(f"t{n}")
        wait_for(lambda: faults.writes["POST"] > 0, 20, "nothing is minted")
        faults.away = True
        let_pass(6)  # several retries
        faults.away = False
        namespace.wait_all_ready(count, timeout=40)
        let_pass(1)
    assert history.check_ready_values() > count
    for n in range(count):
        namespace.check_consistent(f"t{n}")


def test_a_healed_secret_is_never_ready_with_a_value_that_does_not_verify(namespace, operator):
    with History(namespace) as history:
        for n in range(10):
            namespace.token(f"t{n}")
        namespace.wait_all_ready(10)
        for n in range(10):
            namespace.secrets.delete(f"t{n}")
        wait_for(
            lambda: all(t["status"]["revision"] == 2 for t in namespace.wait_all_ready(10)),
            20,
            "not healed",
        )
        let_pass(0.5)
    assert history.check_ready_values() > 40


def test_while_all_answers_to_writes_are_lost_each_token_is_tried_by_its_backoff(
    namespace, operator_behind, faults
):
    """60 tokens for 15 s: the first pass and passes after 0.5, 1.5, 3.5 and 7.5 s, each with one
    failing write."""
    count, seconds = 60, 15
    faults.loses = lambda method, path: True
    with History(namespace) as history:
        for n in range(count):
            namespace.token(f"t{n}")
        let_pass(seconds)
        writes = dict(faults.writes)
        faults.loses = lambda method, path: False
        namespace.wait_all_ready(count, timeout=60)
        let_pass(1)
    print(f"{count} tokens, {seconds} s: {writes}")
    assert writes.get("PATCH", 0) <= 5 * count, "an own write's echo bypasses the backoff"
    assert writes.get("POST", 0) <= 2 * count
    history.check_ready_values()
    for n in range(count):
        namespace.check_consistent(f"t{n}")
