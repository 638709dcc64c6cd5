"""Fixtures of the portal's tests: one control plane with all policies, an operator on it, people
with permissions of their own, and the portal as each of them starts it. They need nothing running.

  OPERATOR_BIN, PLUGIN_BIN   what to test; build/dev/apitoken-operator by default, and the plugin
                             beside it
  TEST_TIME_SCALE            multiplies every deadline
"""

import secrets as random_names

import pytest
from testbed.api import apitokens, configs, secrets
from testbed.process import Operator
from people import PortalCluster
from web import Web

pytest_plugins = ["browser_fixtures"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    cluster = PortalCluster(tmp_path_factory.mktemp("portal"))
    try:
        cluster.install()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def operator(cluster, tmp_path_factory):
    """One for all tests, with the permissions of its service account."""
    directory = tmp_path_factory.mktemp("operator")
    config = cluster.service_account_kubeconfig(directory / "kubeconfig")
    flags = ["--kubeconfig", str(config), "--operator-namespace", "apitoken-system"]
    operator = Operator(flags, directory / "operator.log", {}).wait_ready()
    yield operator
    operator.stop()
    operator.check_log()


@pytest.fixture
def web(cluster, tmp_path):
    """web("viewer@example.com", *flags): the portal as that person starts it."""
    started = []

    def start(person="admin@example.com", *flags, namespace="team-a"):
        config = cluster.kubeconfig_of(person, tmp_path, namespace)
        started.append(Web(config, tmp_path / f"web-{len(started)}.log", *flags))
        return started[-1]

    yield start
    failures = []
    for one in started:
        try:
            one.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture
def unique():
    """unique("ci"): a name that no other test uses."""
    return lambda stem="t": f"{stem}-{random_names.token_hex(3)}"


@pytest.fixture
def tokens(cluster):
    """The ApiTokens of team-a, as the administrator."""
    return apitokens(cluster.api, "team-a")


@pytest.fixture
def secret_objects(cluster):
    return secrets(cluster.api, "team-a")


@pytest.fixture
def settings(cluster):
    """The TokenExpiryConfigs; those made in a test go at its end."""
    collection = configs(cluster.api)
    before = {item["metadata"]["name"] for item in collection.list()}
    yield collection
    for item in collection.list():
        if item["metadata"]["name"] not in before:
            collection.delete(item["metadata"]["name"])
