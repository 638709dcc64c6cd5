"""What can be had of the memory of operator and plugin: no core dump, and (test_image.py, as another user) no tracing."""
import os
import re
import signal

from bed.plugin import PLUGIN, Plugin
from bed.process import BINARY, Operator
from bed.waiting import wait_for

UNLIMITED = ("sh", "-c", 'ulimit -c unlimited; cd "$1"; shift; exec "$@"', "sh")


def core_limits(pid):
    return re.search(r"Max core file size +(\S+) +(\S+)", open(f"/proc/{pid}/limits").read()).groups()


def test_an_operator_that_aborts_leaves_no_core_file(cluster, space, tmp_path):
    flags = ["--namespaces", space.name, "--operator-namespace", space.name, "--kubeconfig", str(cluster.kubeconfig)]
    operator = Operator(flags, tmp_path / "operator.log", {}, (*UNLIMITED, str(tmp_path), BINARY)).wait_ready()
    pid = operator.process.pid
    assert core_limits(pid) == ("0", "0")
    os.kill(pid, signal.SIGABRT)
    _, status = os.waitpid(pid, 0)
    operator.process.returncode = os.waitstatus_to_exitcode(status)
    assert operator.process.returncode == -signal.SIGABRT and not os.WCOREDUMP(status)
    assert [path.name for path in tmp_path.iterdir() if "core" in path.name] == []


def test_the_plugin_forbids_core_files_before_it_reads_anything(cluster, tmp_path):
    os.mkfifo(tmp_path / "silent.yaml")  # opening it waits for a writer
    process = Plugin(cluster, cluster.kubeconfig).start("lint", "-f", tmp_path / "silent.yaml")
    try:
        wait_for(lambda: os.path.realpath(f"/proc/{process.pid}/exe") == str(PLUGIN), 20, "the plugin has not begun")
        wait_for(lambda: core_limits(process.pid) == ("0", "0"), 10, "core files are allowed")
    finally:
        process.kill()
        process.wait()
