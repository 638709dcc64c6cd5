"""The portal's own service account may do nothing."""

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
