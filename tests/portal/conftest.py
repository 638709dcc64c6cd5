"""Fixtures of the portal's tests: one control plane with all policies, an operator on it, people
with permissions of their own, and the portal as each of them starts it. They need nothing running.

  OPERATOR_BIN, PLUGIN_BIN   what to test; build/dev/apitoken-operator by default, and the plugin
                             beside it
  TEST_TIME_SCALE            multiplies every deadline
"""

import secrets as random_names

import pytest
from issuer import Issuer
from people import PortalCluster
from web import Web

from portal import Portal
from testbed.api import apitokens, configs, secrets
from testbed.certificates import Authority
from testbed.process import Operator, free_port
from testbed.waiting import check_all

pytest_plugins = ["browser_fixtures"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A private CA, of the issuer's and the portal's certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def issuer_session(authority):
    issuer = Issuer(authority)
    yield issuer
    issuer.stop()


@pytest.fixture
def issuer(issuer_session):
    """The OpenID provider that the API server trusts; honest at the start of each test."""
    issuer_session.reset()
    return issuer_session


@pytest.fixture(scope="session")
def cluster(tmp_path_factory, issuer_session):
    with PortalCluster(tmp_path_factory.mktemp("portal"), issuer_session) as cluster:
        cluster.install()
        yield cluster


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
    check_all(one.stop for one in started)


@pytest.fixture
def make_portal(cluster, authority, issuer_session, tmp_path):
    """make_portal(*flags, oidc=False, port=): apitoken-portal with these flags; each must stop
    cleanly."""
    started = []

    def start(*flags, oidc=False, **options):
        port = options.pop("port", None) or free_port()
        if oidc:
            flags = [*flags, f"--public-url=https://127.0.0.1:{port}"]
        log = tmp_path / f"portal-{len(started)}.log"
        started.append(Portal(cluster, authority, log, *flags, port=port, **options))
        return started[-1]

    yield start
    for one in started:
        one.secrets += issuer_session.issued
    check_all(one.stop for one in started)


@pytest.fixture
def portal(make_portal):
    """By token."""
    return make_portal()


@pytest.fixture
def oidc_flags(issuer):
    return [
        "--auth=oidc,token",
        f"--oidc-issuer={issuer.url}",
        "--oidc-client-id=apitoken-portal",
        f"--oidc-ca-file={issuer.ca_file}",
    ]


@pytest.fixture
def oidc_portal(make_portal, oidc_flags):
    return make_portal(*oidc_flags, oidc=True)


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
