"""What an attacker finds in the memory of operator and plugin: no core dump, no tracing
(test_image.py, as another user), and no value that passed through it."""

import base64
import os
import re
import secrets
import signal

import pytest
import requests

from testbed.plugin import Plugin, is_plugin
from testbed.process import BINARY, Operator
from testbed.rbac import grant
from testbed.waiting import wait_for

UNLIMITED = ("sh", "-c", 'ulimit -c unlimited; cd "$1"; shift; exec "$@"', "sh")


def core_limits(pid):
    return re.search(
        r"Max core file size +(\S+) +(\S+)", open(f"/proc/{pid}/limits").read()
    ).groups()


def test_an_operator_that_aborts_leaves_no_core_file(cluster, namespace, tmp_path):
    flags = [*namespace.flags, "--kubeconfig", str(cluster.kubeconfig)]
    operator = Operator(
        flags, tmp_path / "operator.log", {}, (*UNLIMITED, str(tmp_path), BINARY)
    ).wait_ready()
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
        wait_for(lambda: is_plugin(process.pid), 20, "the plugin has not begun")
        wait_for(lambda: core_limits(process.pid) == ("0", "0"), 10, "core files are allowed")
    finally:
        process.kill()
        process.wait()


# --- what is left of values -----------------------------------------------------------------------


def writable_memory(pid):
    """The pages of the process that it can write to, each mapping as bytes."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, mode, *_ = line.split(maxsplit=5)
            begin, end = (int(at, 16) for at in span.split("-"))
            if not mode.startswith("rw") or "[v" in line:
                continue
            try:
                memory.seek(begin)
                yield line.strip(), memory.read(end - begin)
            except OSError:  # unmapped in the meantime
                continue


def traces(pid, values):
    """{name: mappings} of the values in memory, in clear or as base64. A part of a value is
    enough: an allocator overwrites the beginning of freed memory."""
    needles = {
        (name, form[16:].encode())
        for name, value in values.items()
        for form in (value, base64.b64encode(value.encode()).decode())
    }
    found = {}
    for where, content in writable_memory(pid):
        for name, needle in needles:
            if needle in content:
                found.setdefault(name, []).append(where)
    return found


def caller_of(cluster, namespace):
    """A service account's token that may introspect."""
    account = f"/api/v1/namespaces/{namespace.name}/serviceaccounts"
    cluster.api.create(
        account,
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "introspector"}},
    )
    rule = {"apiGroups": ["apitoken.dev"], "resources": ["apitokens"], "verbs": ["introspect"]}
    subject = {"kind": "ServiceAccount", "name": "introspector", "namespace": namespace.name}
    grant(cluster, subject, [rule], name=f"introspect-{namespace.name}")
    return cluster.api.create(
        f"{account}/introspector/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
    )["status"]["token"]


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root reads the memory of a process that is not dumpable"
)
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_no_value_that_passed_through_the_operator_stays_in_its_memory(operator, namespace):
    """Minted values, tokens shown to each endpoint and a caller's own: after the requests none
    is in the process's memory."""
    values = {}
    for name, spec in (
        ("opaque", {}),
        ("jwt", {"format": "JWT", "type": "Temporary"}),
        ("rotated", {}),
    ):
        namespace.token(name, **spec)
    for name in ("opaque", "jwt", "rotated"):
        namespace.ready(name)
        values[name] = namespace.value(name)
    values["caller"] = caller_of(namespace.cluster, namespace)
    values["foreign"] = "foreign-" + secrets.token_hex(24)
    session = requests.Session()
    session.verify, session.trust_env = (
        False,
        False,
    )  # a certificate made for the run; no CA bundle of the environment

    def bearer(token):
        return {"Authorization": f"Bearer {token}"}

    def ask_all():
        for token in (values["opaque"], values["jwt"], values["foreign"]):
            review = {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenReview",
                "spec": {"token": token},
            }
            assert (
                session.post(
                    f"{operator.verify_url}/tokenreview", json=review, timeout=20
                ).status_code
                == 200
            )
            assert session.get(
                f"{operator.verify_url}/auth", headers=bearer(token), timeout=20
            ).status_code in (200, 401)
            if (
                session.post(
                    f"{operator.verify_url}/introspect",
                    data={"token": token},
                    headers=bearer(values["caller"]),
                    timeout=20,
                ).status_code
                != 200
            ):
                return False
        return True

    wait_for(ask_all, 30, "the service account may not introspect")
    for _ in range(5):
        assert ask_all()
    session.close()
    # A buffer may live as long as its connection or the next batch of work.
    last = {}

    def clean():
        last["found"] = traces(operator.process.pid, values)
        return not last["found"]

    wait_for(clean, 20, lambda: f"in memory: {last['found']}")
