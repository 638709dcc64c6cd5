"""The shipped roles, and how the API server reads the shipped policies: aggregation,
permissions, type checks, audit log."""

import itertools

import pytest
import yaml

from testbed import api as kinds
from testbed.api import ApiError
from testbed.cluster import ROOT
from testbed.people import HOME, temporary
from testbed.policies import ADMISSION, OURS, RBAC, aggregated_verbs
from testbed.waiting import wait_for


@pytest.fixture(scope="module")
def cluster(guarded_cluster):
    return guarded_cluster


ALL = ["create", "delete", "get", "list", "patch", "update", "watch"]
ROLES = {
    "apitoken-viewer": {"apitokens": ["get", "list", "watch"]},
    "apitoken-user": {"apitokens": ALL},
    "apitoken-minter": {"apitokens": sorted([*ALL, "mint-permanent"])},
    "apitoken-admin": {
        "apitokens": sorted([*ALL, "mint-permanent"]),
        "users": ["impersonate"],
        "groups": ["impersonate"],
    },
    "apitoken-settings": {"tokenexpiryconfigs": ALL},
    "apitoken-settings-viewer": {"tokenexpiryconfigs": ["get", "list", "watch"]},
    "apitoken-introspector": {"apitokens": ["introspect"]},
}
JOINS = {"apitoken-viewer": "view", "apitoken-user": "edit", "apitoken-minter": "admin"}
AGGREGATES = "rbac.authorization.k8s.io/aggregate-to-"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_these_permissions_and_joins_that_role(cluster, role):
    found = cluster.api.get(f"{RBAC}/clusterroles/{role}")
    assert all(rule["apiGroups"] == [OURS] for rule in found["rules"])
    assert {
        resource: sorted(rule["verbs"]) for rule in found["rules"] for resource in rule["resources"]
    } == ROLES[role]
    joined = [
        label.removeprefix(AGGREGATES)
        for label in found["metadata"]["labels"]
        if label.startswith(AGGREGATES)
    ]
    assert joined == ([JOINS[role]] if role in JOINS else [])


@pytest.mark.parametrize("role", ["view", "edit", "admin"])
def test_no_role_of_kubernetes_gets_a_permission_on_identities_or_settings(cluster, role):
    for resource in ("users", "groups", "tokenexpiryconfigs", "apitokens/status"):
        assert aggregated_verbs(cluster, role, resource) == set()


def test_an_upgrade_takes_the_identities_from_admin(cluster):
    """The role apitoken-admin of earlier builds was aggregated into admin."""
    roles = list(yaml.safe_load_all((ROOT / "manifests/policy/roles.yaml").read_text()))
    (role,) = [role for role in roles if role["metadata"]["name"] == "apitoken-admin"]
    role["metadata"]["labels"][f"{AGGREGATES}admin"] = "true"
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump(role))
    wait_for(
        lambda: "impersonate" in aggregated_verbs(cluster, "admin", "users"),
        20,
        "the previous role is not aggregated",
    )
    cluster.kubectl("apply", "-f", str(ROOT / "manifests/policy/roles.yaml"))
    wait_for(
        lambda: aggregated_verbs(cluster, "admin", "users") == set(),
        20,
        "admin keeps the right to name users",
    )
    assert "mint-permanent" in aggregated_verbs(cluster, "admin", "apitokens")


def test_a_viewer_sees_tokens_and_makes_none(people):
    tokens = people.tokens_as("viewer")
    assert isinstance(tokens.list(), list)
    with pytest.raises(ApiError, match="cannot list resource"):
        kinds.secrets(tokens.api, people.name).list()


@pytest.mark.parametrize("who", ["edit-everywhere", "identity-admin"])
def test_the_roles_open_no_impersonation_no_status_and_no_settings(cluster, people, who):
    """Also in the whole cluster: users and groups of apitoken.dev are not Kubernetes' own."""
    permissions = [
        ("patch", "apitokens.apitoken.dev/status"),
        ("impersonate", "users"),
        ("impersonate", "groups"),
        ("create", "tokenexpiryconfigs.apitoken.dev"),
        *([("get", "secrets")] if who == "identity-admin" else []),
    ]
    for verb, named in permissions:
        resource, _, subresource = named.partition("/")
        args = [
            "auth",
            "can-i",
            verb,
            resource,
            f"--as={who}",
            "-n",
            HOME,
            *([f"--subresource={subresource}"] if subresource else []),
        ]
        assert cluster.kubectl(*args, check=False).stdout.strip() == "no", (verb, resource)


# --- the policies themselves ----------------------------------------------------------------------


def test_the_audit_log_says_who_minted_for_whom(cluster, people):
    numbers = itertools.count()

    def recorded():
        people.ask(
            "identity-admin",
            {"user": "ceo@example.com", "groups": ["ops", "dba"]},
            labels={"n": str(next(numbers))},
        )
        return [
            event["annotations"].get("apitoken-mint/minted-for")
            for event in cluster.audit_events()
            if event.get("impersonatedUser", {}).get("username") == "identity-admin"
        ]

    expected = (
        "identity-admin asked for a token of ceo@example.com, Permanent, with 2 groups: ops, dba"
    )
    wait_for(lambda: expected in recorded(), 10, recorded)


def test_the_audit_log_has_refusals_too(cluster, people):
    people.ask("tenant", temporary("ceo@example.com"))
    wait_for(
        lambda: any(
            "validation.policy.admission.k8s.io/validation_failure" in event.get("annotations", {})
            for event in cluster.audit_events()
        ),
        10,
        "no refusal in the audit log",
    )


POLICIES = [
    "apitoken-mint",
    "apitoken-mint-labels",
    "apitoken-lifetimes",
    "apitoken-status",
    "apitoken-fence",
]


@pytest.mark.parametrize("name", POLICIES)
def test_the_server_finds_nothing_wrong_with_the_expressions(cluster, name):
    def type_checked():
        found = cluster.api.get(f"{ADMISSION}/validatingadmissionpolicies/{name}")
        return (
            found["metadata"]["generation"] == found.get("status", {}).get("observedGeneration")
            and found
        )

    status = wait_for(type_checked, 20, f"{name} was not type-checked")["status"]
    assert not status.get("typeChecking", {}).get("expressionWarnings"), status
