"""Fixtures of the integration tests. They need nothing running: each session starts a control plane
of its own on loopback (hack/controlplane.sh), each test gets a namespace of its own and starts the
operators it wants.

  OPERATOR_BIN      the operator to test; build/dev/apitoken-operator by default
  TEST_TIME_SCALE   multiplies every deadline; for sanitizer builds
  TEST_ANSWERS_LATE delays what operators hear of the API server, see testbed/late.py
"""

import itertools
import os
import subprocess

import pytest

from testbed import mail as mail_servers
from testbed.cluster import Cluster
from testbed.late import late_kubeconfig
from testbed.namespace import TestNamespace
from testbed.people import People
from testbed.plugin import Plugin, in_namespace
from testbed.policies import GuardedCluster
from testbed.process import BINARY, Operator
from testbed.waiting import check_all


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("controlplane")) as cluster:
        cluster.apply_crds()
        yield cluster


@pytest.fixture(scope="session")
def guarded_cluster(tmp_path_factory):
    """A cluster with all admission policies in force. A module about the policies overrides
    `cluster` with this one, and its operators run as the service account (operator_kubeconfig)."""
    with GuardedCluster(tmp_path_factory.mktemp("guarded")) as cluster:
        cluster.install()
        yield cluster


@pytest.fixture(scope="session")
def people(guarded_cluster):
    """A namespace with people who have all kinds of permissions."""
    people = People(guarded_cluster)
    yield people
    people.remove()


@pytest.fixture
def operator_kubeconfig(cluster):
    """The kubeconfig of operators: the administrator's, because only the tests of the policies
    restrict who writes status."""
    return cluster.kubeconfig


@pytest.fixture
def make_namespace(cluster):
    """Makes namespaces, for tests that need more than one."""
    namespaces = []

    def make(labels=None):
        namespaces.append(TestNamespace.made(cluster, labels))
        return namespaces[-1]

    yield make
    for namespace in namespaces:
        namespace.remove()


@pytest.fixture
def namespace(make_namespace):
    return make_namespace()


@pytest.fixture
def namespace_name(namespace):
    return namespace.name


@pytest.fixture
def launch(operator_kubeconfig, make_namespace, tmp_path):
    """launch(*flags, kubeconfig=, env=, wait_ready=, program=): an Operator with these flags. At
    the test's end each must stop cleanly (unless the test ended it) and its log must show no
    token and no sanitizer report."""
    operators = []
    numbers = itertools.count(1)

    def start(*flags, kubeconfig=None, env=None, wait_ready=True, program=(BINARY,)):
        number = next(numbers)
        config = late_kubeconfig(kubeconfig or operator_kubeconfig, tmp_path / f"late-{number}")
        flags = [*map(str, flags), "--kubeconfig", str(config)]
        operator = Operator(flags, tmp_path / f"operator-{number}.log", env or {}, program)
        operators.append(operator)
        return operator.wait_ready() if wait_ready else operator

    yield start
    check_all(check for operator in operators for check in (operator.stop, operator.check_log))


@pytest.fixture
def start_operator(launch, namespace):
    """Like launch, with the work and the Secrets of the operator in the test's namespace."""

    def start(*flags, **options):
        return launch(*namespace.flags, *flags, **options)

    return start


@pytest.fixture
def operator(start_operator):
    return start_operator()


@pytest.fixture
def plugin(namespace, tmp_path):
    """kubectl apitoken of the administrator, in the test's namespace."""
    path = in_namespace(namespace.cluster, tmp_path / "plugin-kubeconfig", namespace.name)
    return Plugin(namespace.cluster, path)


@pytest.fixture
def shell(namespace, tmp_path):
    """Runs a script in a directory of the test, with kubectl in the test's namespace; returns
    its output."""
    config = namespace.cluster.changed_kubeconfig(
        tmp_path / "kubeconfig",
        lambda c: c["contexts"][0]["context"].update(namespace=namespace.name),
    )
    path = (
        f"{namespace.cluster.bin_path}:{os.environ['PATH']}"
        if namespace.cluster.bin_path
        else os.environ["PATH"]
    )

    def run(script):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            text=True,
            capture_output=True,
            timeout=120,
            env={**os.environ, "PATH": path, "KUBECONFIG": str(config)},
        )
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def mailpit_session(tmp_path_factory):
    server = mail_servers.Mailpit(tmp_path_factory.mktemp("mailpit"))
    yield server
    server.purge()


@pytest.fixture
def mail(mailpit_session):
    """An empty mailpit with STARTTLS and AUTH."""
    mailpit_session.clear()
    return mailpit_session


@pytest.fixture
def scripted_mail():
    """scripted_mail(Script(...)): a server that follows the script."""
    servers = []

    def start(script, **options):
        servers.append(mail_servers.ScriptedServer(script, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
