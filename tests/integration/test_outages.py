"""The API server is away or throttles; a leader slept past its lease."""

import signal
import threading
import time

import pytest

from testbed.proxy import Proxy
from testbed.waiting import SCALE, let_pass, wait_for


@pytest.fixture
def proxied(cluster, tmp_path):
    """proxied(**options): (proxy, kubeconfig through it)"""
    proxies = []

    def start(**options):
        proxies.append(Proxy(cluster, **options))
        path = tmp_path / f"proxied-{len(proxies)}"
        return proxies[-1], cluster.changed_kubeconfig(
            path, lambda c: c["clusters"][0]["cluster"].update(server=proxies[-1].url)
        )

    yield start
    for proxy in proxies:
        proxy.stop()


def test_after_an_outage_work_goes_on_at_once(namespace, operator, cluster):
    """After half a minute a growing backoff would wait for as long again."""
    namespace.token("before")
    namespace.ready("before")
    try:
        cluster.controlplane("kill-apiserver")
        let_pass(22)
    finally:
        cluster.controlplane("start-apiserver")
    began = time.monotonic()
    namespace.token("after")
    namespace.ready("after", timeout=5)
    print(f"ready {time.monotonic() - began:.1f} s after the API server was back")


def test_a_pause_that_the_server_asks_for_holds_for_all_requests(
    namespace, start_operator, proxied
):
    """200 tokens while writes are answered 429 with Retry-After: 2, for seven seconds: each
    worker asks once in a pause."""
    busy, refused = threading.Event(), []

    def refuse(method, path):
        if not busy.is_set() or method == "GET" or "/leases" in path:
            return None
        refused.append(path)
        return 429, {"Retry-After": "2"}

    _, kubeconfig = proxied(refuse=refuse)
    start_operator(kubeconfig=kubeconfig)
    busy.set()
    for n in range(200):
        namespace.token(f"t{n}")
    let_pass(7)
    busy.clear()
    namespace.wait_all_ready(200, timeout=60)
    seconds = 7 + 200 * 0.05 * SCALE  # the creation took a while too
    print(f"{len(refused)} writes were refused")
    assert 1 <= len(refused) <= 10 * (seconds / 2 + 1), "each key asks for itself"


def test_a_leader_that_slept_past_its_lease_sends_no_write(namespace, start_operator, proxied):
    proxy, kubeconfig = proxied()
    leader = start_operator("--leader-elect", kubeconfig=kubeconfig).wait_leading()
    other = start_operator("--leader-elect")
    stop = threading.Event()

    def create():
        for n in range(400):
            if stop.is_set():
                return
            namespace.token(f"t{n}")

    maker = threading.Thread(target=create)
    maker.start()
    try:
        wait_for(lambda: len(proxy.seen) > 60, 20, "nothing is minted")
        leader.process.send_signal(signal.SIGSTOP)
        other.wait_leading(30)
        before = len(proxy.seen)
        leader.process.send_signal(signal.SIGCONT)
        assert leader.wait_exit(30) != 0
    finally:
        stop.set()
        maker.join()
    late = [
        (method, path)
        for method, path in proxy.seen[before:]
        if method != "GET" and "/leases/" not in path
    ]
    assert late == []
