#!/usr/bin/env python3
"""Measures the portal in Chromium, through both doors, on control planes of its own, and prints one
table: the median of three runs of each figure, and what it must reach. Other load on the machine
falsifies the figures.

  hack/bench.sh --portal [--quick]
    --quick   fewer tokens and pages, one run: shows that it works, measures nothing
  OPERATOR_BIN, with apitoken-portal and kubectl-apitoken beside it, spares the release build.
"""

import argparse
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/integration"), str(ROOT / "tests/portal")]

os.environ.setdefault("TEST_TIME_SCALE", "3")  # of deadlines; no figure depends on it

import measure  # noqa: E402
from browser import Browser  # noqa: E402
from issuer import Issuer  # noqa: E402
from load import fill, present  # noqa: E402
from people import PortalCluster  # noqa: E402
from web import Web  # noqa: E402

from portal import Portal  # noqa: E402
from testbed.certificates import Authority  # noqa: E402
from testbed.process import Operator, free_port  # noqa: E402

ADMIN = "admin@example.com"
WHOLE = {"tokens": 10_000, "crowd": 100_000, "pages": 200, "seconds": 60, "idle": 20, "runs": 3}
QUICK = {"tokens": 1_000, "crowd": 2_000, "pages": 40, "seconds": 5, "idle": 5, "runs": 1}


class Bench:
    def __init__(self, directory, plan):
        self.directory, self.plan = directory, plan
        self.rows, self.logs = [], 0
        self.authority = Authority(directory)
        self.issuer = Issuer(self.authority)
        self.browser = Browser(directory)

    def log(self):
        self.logs += 1
        return self.directory / f"{self.logs}.log"

    def row(self, what, values, form, most):
        value = measure.median(values)
        reached = "ok" if value <= most else "MISSED"
        self.rows.append(f"| {what} | {form.format(value)} | {form.format(most)} | {reached} |")
        print(self.rows[-1], file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def cluster(self, count):
        """With that many tokens."""
        directory = self.directory / f"cluster-{count}"
        directory.mkdir()
        cluster = PortalCluster(directory, self.issuer)
        try:
            if count:
                fill(cluster, count)
            cluster.install()
            yield cluster
        finally:
            cluster.down()

    @contextlib.contextmanager
    def web(self, cluster):
        """Door 1, before its first list; `idle` is its memory."""
        served = Web(cluster.kubeconfig_of(ADMIN, self.directory), self.log())
        try:
            served.get("/api/session")
            served.idle = measure.memory(served.process.pid)
            yield served
        finally:
            self.browser.blank()
            served.stop()

    def repeat(self, once):
        """Tuples of one run each, as lists of one figure each."""
        return zip(*[once() for _ in range(self.plan["runs"])])

    # --- figures ------------------------------------------------------------------------------

    def size(self):
        check = subprocess.run([ROOT / "hack/check-portal.sh"], text=True, capture_output=True)
        total = int(re.search(r"have (\d+) bytes", check.stdout)[1])
        self.row("all HTML, CSS and JavaScript, gzipped", [total / 1000], "{:.1f} kB", 45)

    def create(self, cluster):
        config = cluster.service_account_kubeconfig(self.directory / "operator.kubeconfig")
        flags = ["--kubeconfig", str(config), "--operator-namespace", "apitoken-system"]
        operator = Operator(flags, self.log(), {}).wait_ready()
        try:
            with self.web(cluster) as web:
                self.browser.driver.get(f"{web.url}/tokens/new#key={web.key}")
                took = []
                for number in range(self.plan["runs"]):
                    took.append(measure.create_to_value(self.browser, f"bench-{number}"))
                    self.browser.click("Create a new token")
        finally:
            operator.stop()
        self.row("create to shown value", took, "{:.2f} s", 1)

    def listed(self, cluster, count):
        with self.web(cluster) as web:
            took = measure.open_list(self.browser, web, count, timeout=300)
            growth = measure.memory(web.process.pid, "VmHWM") - web.idle
            _, p95 = measure.search_times(self.browser)
            used = measure.heap(self.browser)
        return took["shell"], took["first"], took["all"], p95, used, growth

    def many(self, cluster):
        count = self.plan["tokens"]
        shell, first, everything, search, used, growth = self.repeat(
            lambda: self.listed(cluster, count)
        )
        what = f"{count:,} tokens: "
        self.row(what + "shell", shell, "{:.2f} s", 0.5)
        self.row(what + "first rows", first, "{:.2f} s", 1.5)
        self.row(what + "all rows", everything, "{:.2f} s", 4)
        self.row(what + "key in the search to next frame, p95", search, "{:.0f} ms", 60)
        self.row(what + "browser heap", used, "{:.0f} MB", 30)
        self.row(what + "portal's memory above idle", growth, "{:.1f} MiB", 20)

    def pages(self, cluster):
        port = free_port()
        flags = [
            "--auth=oidc",
            f"--oidc-issuer={self.issuer.url}",
            "--oidc-client-id=apitoken-portal",
            f"--oidc-ca-file={self.issuer.ca_file}",
            f"--public-url=https://127.0.0.1:{port}",
        ]
        pages, count = self.plan["pages"], len(present(cluster))

        def once():
            portal = Portal(cluster, self.authority, self.log(), *flags, port=port)
            try:
                found = measure.open_pages(portal, pages, count, self.plan["idle"])
            finally:
                portal.stop()
            return found["resident"], found["cpu"]

        resident, cpu = self.repeat(once)
        self.row(f"{pages} open pages: portal's memory", resident, "{:.1f} MiB", 64)
        self.row(f"{pages} open pages: CPU while nothing changes", cpu, "{:.2f} %", 1)

    def changes(self, cluster):
        def once():
            count = len(present(cluster))
            with self.web(cluster) as web:
                measure.open_list(self.browser, web, count)
                found = measure.under_changes(self.browser, cluster, 200, self.plan["seconds"])
            return found["longest"], found["rate"]

        longest, rates = self.repeat(once)
        what = f"{measure.median(rates):.0f} changes a second for {self.plan['seconds']} s, "
        what += "none lost: longest task"
        self.row(what, longest, "{:.0f} ms", 200)

    def crowd(self, cluster):
        count = self.plan["crowd"]
        _, first, everything, search, used, growth = self.repeat(
            lambda: self.listed(cluster, count)
        )
        what = f"{count:,} tokens: "
        self.row(what + "first rows", first, "{:.2f} s", 10)
        self.row(what + "all rows", everything, "{:.2f} s", 30)
        self.row(what + "key in the search to next frame, p95", search, "{:.0f} ms", 250)
        self.row(what + "browser heap", used, "{:.0f} MB", 200)
        self.row(what + "portal's memory above idle", growth, "{:.1f} MiB", 20)

    def run(self):
        self.size()
        with self.cluster(0) as cluster:
            self.create(cluster)
        with self.cluster(self.plan["tokens"]) as cluster:
            self.many(cluster)
            self.pages(cluster)
            self.changes(cluster)
        with self.cluster(self.plan["crowd"]) as cluster:
            self.crowd(cluster)

    def end(self):
        self.browser.quit()
        self.issuer.stop()


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    plan = QUICK if parser.parse_args().quick else WHOLE
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(pathlib.Path(name), plan)
        try:
            bench.run()
        finally:
            bench.end()
    head = f"| portal | median of {plan['runs']} | must reach | reached |"
    print("\n".join([head, "| --- | --- | --- | --- |", *bench.rows]))


if __name__ == "__main__":
    main()
