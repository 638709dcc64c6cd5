"""The operator's role is what it needs and no more. A run that does everything uses each verb of
the role and no other, and without one of its rules the log names the missing permission.
test_samples.py runs the operator under exactly that role."""

import re
import urllib.parse

import pytest
import requests
import yaml

from testbed.cluster import ROOT
from testbed.proxy import Proxy
from testbed.rbac import kubeconfig_with
from testbed.waiting import wait_for

MANIFEST = list(yaml.safe_load_all((ROOT / "manifests/rbac/operator.yaml").read_text()))
RULES = next(d["rules"] for d in MANIFEST if d["kind"] == "ClusterRole")
LEASES = [rule for d in MANIFEST if d["kind"] == "Role" for rule in d["rules"]]
PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/[^/]+(?:/namespaces/[^/]+(?=/))?"
    r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+)(?P<sub>/[a-z]+)?)?$"
)
# A repeated Event is patched a minute after the first at the earliest:
# tests/unit/notify/event_channel_test.cpp.
COUNTED = {("events.k8s.io", "events", "patch")}
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def permission_of(method, target):
    """(group, resource, verb) of a request, as the authorizer names them."""
    url = urllib.parse.urlsplit(target)
    found = PATH.match(url.path)
    assert found, target
    reading = (
        "watch"
        if "watch" in urllib.parse.parse_qs(url.query)
        else "get"
        if found["name"]
        else "list"
    )
    return (
        found["group"] or "",
        found["resource"] + (found["sub"] or ""),
        VERBS.get(method, reading),
    )


def permissions_in(rules):
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_every_permission_is_used_and_no_other_is_needed(cluster, namespace, launch, tmp_path):
    proxy = Proxy(cluster)

    def through_proxy(config):
        config["clusters"][0]["cluster"]["server"] = proxy.url

    kubeconfig = cluster.changed_kubeconfig(tmp_path / "proxied", through_proxy)
    try:
        operator = launch(*namespace.flags, "--leader-elect", kubeconfig=kubeconfig)
        namespace.config("all")
        namespace.token("healed")
        namespace.ready("healed")
        first = namespace.value("healed")
        namespace.secrets.delete("healed")
        wait_for(
            lambda: namespace.secrets.get("healed") and namespace.value("healed") != first,
            20,
            "the deleted Secret was not made again",
        )
        namespace.ready("healed")
        second = namespace.value("healed")
        namespace.secrets.patch("healed", {"stringData": {"token": "edited"}})
        wait_for(
            lambda: namespace.value("healed") not in ("edited", second),
            20,
            "the edited Secret was not mended",
        )
        namespace.ready("healed")
        namespace.tokens.patch("healed", {"spec": {"revoked": True}})
        namespace.wait_condition("healed", "Ready", "False", "Revoked")
        wait_for(
            lambda: namespace.secrets.get("healed") is None,
            20,
            "the Secret of a revoked token stays",
        )
        namespace.token("short", type="Temporary", ttl="10s", ttlAfterExpired="0s")
        wait_for(lambda: namespace.tokens.get("short") is None, 30, "the expired ApiToken stays")
        assert introspect(operator, caller_in(cluster, namespace)).status_code == 403
        operator.stop()
    finally:
        proxy.stop()
    used = {permission_of(*request) for request in proxy.seen}
    granted = permissions_in(RULES) | permissions_in(LEASES)
    assert used - granted == set()
    assert granted - used == COUNTED


def caller_in(cluster, namespace):
    """The token of a service account without any permission."""
    path = f"/api/v1/namespaces/{namespace.name}/serviceaccounts"
    cluster.api.create(
        path, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "caller"}}
    )
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    return cluster.api.create(f"{path}/caller/token", body)["status"]["token"]


def introspect(operator, caller):
    return requests.post(
        f"{operator.verify_url}/introspect",
        data={"token": "foreign"},
        headers={"Authorization": f"Bearer {caller}"},
        verify=False,
        timeout=20,
    )  # with a certificate of its own


def name_of(rule):
    return "-".join(rule["resources"]).replace("/", "-")


@pytest.mark.parametrize("missing", RULES + LEASES, ids=name_of)
def test_without_one_rule_the_operator_says_what_it_lacks(
    cluster, namespace, launch, tmp_path, missing
):
    user = f"operator-{namespace.name}"
    rules = [rule for rule in RULES + LEASES if rule is not missing]
    with kubeconfig_with(cluster, user, rules, tmp_path / "reduced") as path:
        namespace.token("ci")
        operator = launch(*namespace.flags, "--leader-elect", kubeconfig=path, wait_ready=False)
        if missing["resources"][0].endswith("reviews"):
            caller = caller_in(cluster, namespace)
            operator.wait_ready()
            wait_for(
                lambda: introspect(operator, caller).status_code == 503,
                20,
                "a caller is reviewed without the right",
            )
        operator.wait_logged(
            rf"forbidden.*{missing['resources'][0]}|{missing['resources'][0]}.*(forbidden|allow )"
        )
        assert operator.running()
        operator.stop()
