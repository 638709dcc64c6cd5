"""The shipped manifests: samples pass the server's strict validation, and the operator's role
allows what it needs and no more.

Runs against a real kube-apiserver through kubectl, without an operator."""

import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPERATOR = "system:serviceaccount:apitoken-system:apitoken-operator"


@pytest.fixture(scope="module")
def installed(cluster):
    cluster.kubectl("apply", "-f", str(ROOT / "crds"), "-f", str(ROOT / "manifests/rbac"))
    cluster.await_crds(
        *[f"{plural}.apitoken.dev" for plural in ("apitokens", "tokenexpiryconfigs")]
    )
    return cluster


def test_samples_for_trying_are_apart_and_say_how_to_remove_them():
    """`kubectl apply -f manifests/samples` makes nothing that is only for trying."""
    here = ROOT / "manifests/samples"
    remove = "kubectl delete -f manifests/samples/trying"
    trying, others = sorted(here.glob("trying/*.yaml")), sorted(here.glob("*.yaml"))
    assert len(trying) >= 2 and len(others) >= 5
    assert [path for path in trying if not {"FOR TRYING", remove} <= words(path)] == []
    assert [path for path in others if {"FOR TRYING", remove} & words(path)] == []
    assert remove in (ROOT / "docs/production.md").read_text()


def words(path):
    """Which of the two lines a sample has."""
    text = path.read_text()
    lines = ("FOR TRYING", "kubectl delete -f manifests/samples/trying")
    return {line for line in lines if line in text}


@pytest.mark.parametrize(
    "sample", sorted((ROOT / "manifests/samples").rglob("*.yaml")), ids=lambda path: path.stem
)
def test_a_sample_is_accepted(installed, sample):
    installed.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(sample))


@pytest.mark.parametrize(
    "verbs, resource, namespace",
    [
        ("list watch delete", "apitokens.apitoken.dev", "team-a"),
        ("patch", "apitokens.apitoken.dev/status", "team-a"),
        ("list watch", "tokenexpiryconfigs.apitoken.dev", None),
        ("patch", "tokenexpiryconfigs.apitoken.dev/status", None),
        ("get list watch create patch delete", "secrets", "team-a"),
        ("list watch", "namespaces", None),
        ("create patch", "events.events.k8s.io", "team-a"),
        ("get create update", "leases.coordination.k8s.io", "apitoken-system"),
        ("create", "tokenreviews.authentication.k8s.io", None),
        ("create", "subjectaccessreviews.authorization.k8s.io", None),
    ],
)
def test_the_operator_may(installed, verbs, resource, namespace):
    assert [
        verb for verb in verbs.split() if not allowed(installed, verb, resource, namespace)
    ] == []


@pytest.mark.parametrize(
    "verbs, resource, namespace",
    [
        ("get create update patch deletecollection", "apitokens.apitoken.dev", "team-a"),
        ("get create update patch delete", "tokenexpiryconfigs.apitoken.dev", None),
        ("update deletecollection", "secrets", "team-a"),
        ("get create update patch delete", "namespaces", None),
        ("get create update delete", "leases.coordination.k8s.io", "team-a"),
        ("get list create", "pods", "apitoken-system"),
        ("impersonate", "users", None),
        ("introspect", "apitokens.apitoken.dev", None),
    ],
)
def test_the_operator_may_not(installed, verbs, resource, namespace):
    assert [verb for verb in verbs.split() if allowed(installed, verb, resource, namespace)] == []


def allowed(cluster, verb, resource, namespace):
    resource, _, subresource = resource.partition("/")
    args = ["auth", "can-i", verb, resource, f"--as={OPERATOR}"]
    args += [f"--subresource={subresource}"] if subresource else []
    args += ["-n", namespace] if namespace else []
    return cluster.kubectl(*args, check=False).stdout.strip() == "yes"
