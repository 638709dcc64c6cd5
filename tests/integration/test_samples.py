"""The shipped samples do what their comments say, with an operator under the shipped role."""

import pytest

from testbed.cluster import ROOT
from testbed.tokens import hash_of, seconds_between, status_and_reason

SAMPLES = ROOT / "manifests" / "samples"


@pytest.fixture
def samples(cluster, namespace):
    """The samples in the test's namespace; the cluster-scoped ones are deleted after the test."""
    cluster.kubectl(
        "apply",
        "-n",
        namespace.name,
        "--dry-run=server",
        "--validate=strict",
        "-R",
        "-f",
        str(SAMPLES),
    )
    cluster.kubectl("apply", "-n", namespace.name, "--validate=strict", "-R", "-f", str(SAMPLES))
    yield namespace
    cluster.kubectl("delete", "-n", namespace.name, "--ignore-not-found", "-R", "-f", str(SAMPLES))


@pytest.fixture
def shipped_role(cluster, tmp_path):
    """A kubeconfig of the service account that manifests/rbac sets up."""
    cluster.kubectl("apply", "-f", str(ROOT / "manifests" / "rbac"))
    return cluster.service_account_kubeconfig(tmp_path / "service-account")


def test_the_samples_work_under_the_shipped_role(samples, launch, shipped_role):
    operator = launch(
        "--operator-namespace", "apitoken-system", "--leader-elect", kubeconfig=shipped_role
    )
    permanent = samples.ready("ci-deploy")
    assert samples.secrets.get("ci-deploy")["metadata"]["labels"]["team"] == "shop"
    assert permanent["status"]["ttl"] == "8760h0m0s"
    assert samples.ready("alice-session")["status"]["type"] == "Temporary"
    expiring = samples.wait_condition("legacy-export", "ExpiringSoon", "True")
    assert status_and_reason(expiring, "Ready") == ("True", "ExpiringSoon")
    assert (
        hash_of(samples.value("legacy-export-token", "api-token"))
        == expiring["status"]["tokenHash"]
    )
    samples.wait_event("legacy-export", "ExpiringSoon")
    samples.wait_config(
        "default", lambda c: status_and_reason(c, "Ready") == ("False", "SecretNotFound")
    )
    automatic = samples.ready("report-reader")["status"]
    assert (
        720 * 3600
        <= seconds_between(automatic["rotateAt"], automatic["expiresAt"])
        <= (720 + 72) * 3600
    )
    samples.tokens.patch(
        "report-reader",
        {"metadata": {"annotations": {"apitoken.dev/rotate-requested-at": "2026-01-01T00:00:00Z"}}},
    )
    samples.wait_condition("report-reader", "Ready", "True", "Rotated")
    # A Normal Event gives way for up to a minute while more than 64 keys wait, of other tests too.
    samples.wait_event("report-reader", "Rotated", timeout=70)
    samples.tokens.patch("legacy-export", {"spec": {"revoked": True}})
    samples.wait_condition("legacy-export", "Ready", "False", "Revoked")
    operator.stop()
    assert "forbidden" not in operator.log().lower()
