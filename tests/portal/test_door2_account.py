"""The portal's own service account may do nothing, or list namespaces if it is to look for them."""

import os

import pytest
import yaml

from testbed.cluster import ROOT
from testbed.waiting import wait_for

ACCOUNT = "system:serviceaccount:apitoken-system:apitoken-operator-portal"


def apply(cluster, folder):
    rendered = cluster.kubectl("kustomize", str(ROOT / folder)).stdout
    ours = [
        thing
        for thing in yaml.safe_load_all(rendered)
        if thing["kind"] in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding")
    ]
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(ours))
    return {(thing["kind"], thing["metadata"]["name"]): thing for thing in ours}


def allowed(cluster, account):
    """The rows of kubectl auth can-i --list."""
    listed = cluster.kubectl("auth", "can-i", "--list", "--no-headers", "--as", account).stdout
    return {" ".join(line.split()) for line in listed.splitlines()}


def test_the_account_of_the_portal_may_do_nothing_of_its_own(cluster):
    made = apply(cluster, "manifests/portal")
    assert set(made) == {("ServiceAccount", "apitoken-operator-portal")}
    assert (
        made["ServiceAccount", "apitoken-operator-portal"]["automountServiceAccountToken"] is False
    )
    everybodys = allowed(cluster, "system:serviceaccount:apitoken-system:default")
    wait_for(
        lambda: allowed(cluster, ACCOUNT) == everybodys,
        20,
        lambda: f"it may do {allowed(cluster, ACCOUNT) - everybodys}",
    )


CONTAINER = """set -e
mount --make-rprivate /
mkdir -p /var/run/secrets
mount -t tmpfs tmpfs /var/run/secrets
mkdir -p /var/run/secrets/kubernetes.io
cp -r "$1" /var/run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
"""


@pytest.fixture
def may_list_namespaces(cluster):
    """The one rule that the chart gives the account with portal.discoverNamespaces."""
    name = "apitoken-operator-portal"
    cluster.kubectl("create", "clusterrole", name, "--verb=list", "--resource=namespaces")
    subject = f"--serviceaccount=apitoken-system:{name}"
    cluster.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", subject)
    yield
    cluster.kubectl("delete", f"clusterrole/{name}", f"clusterrolebinding/{name}")


@pytest.mark.skipif(os.geteuid() != 0, reason="unshare needs root")
def test_with_discovery_it_lists_namespaces_and_shows_each_viewer_their_own(
    make_portal, cluster, may_list_namespaces, tmp_path
):
    """In a mount namespace with the files that a pod has."""
    apply(cluster, "manifests/portal")
    files = tmp_path / "account"
    files.mkdir()
    token = ["create", "token", "apitoken-operator-portal", "-n", "apitoken-system"]
    (files / "token").write_text(cluster.kubectl(*token).stdout.strip())
    (files / "namespace").write_text("apitoken-system")
    (files / "ca.crt").write_bytes((cluster.dir / "ca.crt").read_bytes())
    host, port = cluster.url.removeprefix("https://").split(":")
    portal = make_portal(
        "--discover-namespaces",
        before=["unshare", "--mount", "sh", "-c", CONTAINER, "sh", str(files)],
        env={"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port},
    )
    viewer, nobody = (portal.signed_in(f"{name}@example.com") for name in ("viewer", "nobody"))
    found = viewer.get("/api/namespaces")
    assert found["names"] == ["team-a"] and found["source"] == "portal"
    answer = nobody.request("GET", "/api/namespaces")
    assert "team-" not in answer.text and "kube-system" not in answer.text
    own = [event for event in cluster.audited("apitoken-portal") if is_own(event)]
    assert {(event["verb"], event["objectRef"]["resource"]) for event in own} == {
        ("list", "namespaces")
    }


def is_own(event):
    return event["user"].get("username") == ACCOUNT
