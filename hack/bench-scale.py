#!/usr/bin/env python3
"""Measures the operator with very many tokens: memory, start, relist, /metrics, reminders. It
starts a control plane of its own, puts copies of a minted token and its Secret into etcd, and
prints one table. Other load on the machine falsifies the seconds, hardly the memory.

  hack/bench.sh --scale [--count N]     20000 tokens; OPERATOR_BIN spares the release build
"""

import argparse
import pathlib
import signal
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))

from testbed import scale  # noqa: E402
from testbed.cluster import Cluster  # noqa: E402
from testbed.process import BINARY  # noqa: E402


def rows(of):
    reminders, reminder_seconds, reminder_cpu = of.reminders
    size, cpu, _ = of.page
    fleet_size, fleet_cpu, _ = of.fleet_page
    readers, other = of.slow_readers
    return [
        ("memory after one token was minted and deleted", f"{of.empty:.1f} MiB", ""),
        (f"memory with {of.count} tokens and their Secrets", f"{of.steady:.1f} MiB", ""),
        ("of that, a token", f"{of.bytes_a_token:.0f} bytes", "1024 bytes"),
        ("peak at the start, to steady", f"{of.start_peak / of.steady:.2f} x", ""),
        ("peak of a relist, to steady", f"{of.relist_peak:.2f} x", "1.15 x"),
        ("a minute after deletion of all, to empty", f"{of.deleted / of.empty:.2f} x", "1.30 x"),
        ("a client without a store lists both", f"{of.list_seconds:.2f} s", ""),
        ("start to ready, to that", f"{of.ready_seconds / of.list_seconds:.2f} x", "1.20 x"),
        ("/metrics, a series for each token", f"{size:.1f} MiB, {cpu} ms CPU", "100 ms at 100000"),
        (
            "/metrics, the fleet alone",
            f"{fleet_size * 1024:.0f} KiB, {fleet_cpu:.0f} ms CPU",
            "2 ms",
        ),
        (f"{scale.READERS} readers that do not read", f"{readers:.1f} MiB", ""),
        ("one more scrape meanwhile", f"{other:.2f} s", ""),
        (f"{reminders} reminders at once", f"{reminder_seconds:.1f} s", "60 s for 10000"),
        ("CPU of a reminder", f"{reminder_cpu:.2f} ms", "1 ms"),
    ]


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20000)
    count = parser.parse_args().count // len(scale.NAMESPACES) * len(scale.NAMESPACES)
    assert pathlib.Path(BINARY).exists(), f"{BINARY} is missing; set OPERATOR_BIN"
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        cluster = Cluster(directory / "cluster")
        try:
            cluster.apply_crds()
            figures = scale.measure(cluster, directory, count)
        finally:
            cluster.down()
    print(f"| {count} tokens | measured | must reach |\n| --- | --- | --- |")
    for row in rows(figures):
        print(f"| {' | '.join(row)} |")
    took = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in figures.seconds.items())
    print(f"\nThe run took: {took}.", file=sys.stderr)


if __name__ == "__main__":
    main()
