#!/usr/bin/env python3
"""Measures the portal's server without a browser: how soon a list of many ApiTokens begins and is
complete, what that costs in memory, and what open pages cost while nothing happens. It starts a
control plane of its own, fills it with ApiTokens that have a status, and prints one table: medians
of three runs. The pages' own figures (search, heap) are measured by tests/portal/test_browser_*.py.

  hack/bench.sh --portal [--count N]     10000 ApiTokens; PLUGIN_BIN spares the release build
"""

import argparse
import concurrent.futures
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/integration"), str(ROOT / "tests/portal")]

from web import Web  # noqa: E402

from testbed.cluster import Cluster  # noqa: E402
from testbed.plugin import PLUGIN  # noqa: E402

RUNS = 3
WRITERS = 8
IDLE_SECONDS = 20
STATUS = {
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


def fill(cluster, count):
    """`count` ApiTokens in ten namespaces, each with a status."""
    for number in range(10):
        cluster.api.create("/api/v1/namespaces", {"metadata": {"name": f"team-{number}"}})

    def write(numbers):
        api = cluster.api_as("apitoken-operator")
        for number in numbers:
            namespace, name = f"team-{number % 10}", f"token-{number}"
            path = f"/apis/apitoken.dev/v1alpha1/namespaces/{namespace}/apitokens"
            spec = {
                "user": f"user-{number % 200}@example.com",
                "description": "measures the portal",
            }
            body = {
                "apiVersion": "apitoken.dev/v1alpha1",
                "kind": "ApiToken",
                "metadata": {"name": name},
                "spec": spec,
            }
            api.create(path, body)
            api.patch(f"{path}/{name}/status", {"status": {**STATUS, "secretName": name}})

    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, [range(i, count, WRITERS) for i in range(WRITERS)]))


def proc(pid, field):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1])


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def one_run(kubeconfig, directory, count, number):
    web = Web(kubeconfig, directory / f"web-{number}.log")
    web.get("/api/session")
    idle = proc(web.process.pid, "VmRSS")
    begin = time.monotonic()
    live = web.stream("/api/tokens?scope=all")
    while not live.rows:
        time.sleep(0.001)
    first = time.monotonic() - begin
    live.synced(timeout=600)
    everything = time.monotonic() - begin
    assert len(live.rows) == count, f"{len(live.rows)} rows, not {count}"
    growth = proc(web.process.pid, "VmHWM") - idle
    pages = [live] + [web.stream("/api/tokens?ns=team-1").synced() for _ in range(3)]
    before = cpu_seconds(web.process.pid)
    time.sleep(IDLE_SECONDS)
    cpu = (cpu_seconds(web.process.pid) - before) / IDLE_SECONDS * 100
    resident = proc(web.process.pid, "VmRSS")
    for page in pages:
        page.close()
    web.stop()
    return first, everything, growth / 1024, cpu, resident / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10000)
    count = parser.parse_args().count
    assert PLUGIN.exists(), f"{PLUGIN} is missing; build kubectl-apitoken or set PLUGIN_BIN"
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        cluster = Cluster(directory / "cluster")
        try:
            cluster.apply_crds()
            fill(cluster, count)
            runs = [one_run(cluster.kubeconfig, directory, count, n) for n in range(RUNS)]
        finally:
            cluster.down()
    first, everything, growth, cpu, resident = (
        statistics.median(c) for c in zip(*runs, strict=True)
    )
    print(f"| portal, {count} ApiTokens | median of {RUNS} |\n| --- | --- |")
    print(f"| first rows | {first:.2f} s |")
    print(f"| all rows | {everything:.2f} s |")
    print(f"| memory above idle while it lists, at most | {growth:.1f} MiB |")
    print(f"| CPU with 4 open pages, nothing changing | {cpu:.2f} % |")
    print(f"| resident with 4 open pages | {resident:.1f} MiB |")


if __name__ == "__main__":
    main()
