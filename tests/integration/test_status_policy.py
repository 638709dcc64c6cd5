"""The policy apitoken-status on the real API server: only the operator's account writes status."""

import pytest

from testbed import guarded
from testbed.policies import ACCOUNT, ADMISSION, OURS, Grants, refusal
from testbed.tokens import hash_of
from testbed.waiting import wait_for

cluster, operator_kubeconfig = guarded.cluster, guarded.operator_kubeconfig

BACKUP = "system:serviceaccount:velero:velero"


STATUS = [
    (OURS, f"{kind}/status", None, verb)
    for kind in ("apitokens", "tokenexpiryconfigs")
    for verb in ("patch", "update")
]
NOBODY_ELSE = [
    "apitoken-status",
    f"is not {ACCOUNT}, and nobody else writes the status of",
    "change its spec, or add the account to the variable writers",
]


@pytest.fixture
def writers(cluster, namespace):
    """By RBAC, each of these accounts may write status."""
    grants = Grants(cluster, namespace.name)
    grants.grant("namespace-owner", [("*", "*", None, "*")])
    for user in ("status-writer", BACKUP):
        grants.grant(user, STATUS, everywhere=True)
    grants.grant("cluster-admin", "cluster-admin", everywhere=True)
    grants.in_force()
    yield
    grants.remove()


def status_attempts(api, things, name):
    """Each way to write a status, as a dry run."""
    present = things.get(name)
    changed = {"status": {**present.get("status", {}), "observedGeneration": 7}}
    path = f"{things.path}/{name}/status"
    applied = (
        {key: present[key] for key in ("apiVersion", "kind")}
        | {"metadata": {"name": name}}
        | changed
    )
    yield "merge patch", lambda: api.patch(path, changed, dryRun="All")
    yield "put", lambda: api.update(path, {**present, **changed}, dryRun="All")
    yield (
        "apply",
        lambda: api.request(
            "PATCH",
            path,
            applied,
            {"dryRun": "All", "force": "true"},
            "application/apply-patch+yaml",
        ),
    )
    yield (
        "json patch",
        lambda: api.request(
            "PATCH",
            path,
            [{"op": "add", "path": "/status", "value": changed["status"]}],
            {"dryRun": "All"},
            "application/json-patch+json",
        ),
    )


@pytest.mark.parametrize(
    "who, group",
    [
        ("root", "system:masters"),
        ("cluster-admin", None),
        ("namespace-owner", None),
        ("status-writer", None),
        (BACKUP, None),
    ],
)
def test_nobody_else_writes_status(cluster, namespace, writers, who, group):
    namespace.token("ci")
    config = namespace.config("all")
    api = cluster.api.impersonating(who, group)
    for things, name in ((namespace.tokens, "ci"), (namespace.configs, config)):
        for how, attempt in status_attempts(api, things, name):
            message = refusal(attempt) or "allowed"
            if who == "namespace-owner" and things is namespace.configs:
                assert "cannot" in message, how
                continue
            for part in (
                f"status: {who} {NOBODY_ELSE[1]} {things.kind} {name};",
                *NOBODY_ELSE,
            ):
                assert part in message, how


def test_the_operators_account_writes_status(cluster, namespace):
    namespace.token("ci")
    config = namespace.config("all")
    api = cluster.api.impersonating(ACCOUNT)
    for things, name in ((namespace.tokens, "ci"), (namespace.configs, config)):
        assert (
            api.patch(
                f"{things.path}/{name}/status", {"status": {"observedGeneration": 7}}, dryRun="All"
            )["status"]["observedGeneration"]
            == 7
        )


def test_a_status_given_with_the_object_is_dropped(cluster, namespace):
    """The other ways to a status: creation, and an update of the object itself."""
    forged = {"tokenHash": hash_of("mine"), "expiresAt": "2099-01-01T00:00:00Z"}
    made = namespace.tokens.create("forged", {"user": "alice"}, status=forged)
    assert "tokenHash" not in made.get("status", {})
    assert "tokenHash" not in cluster.api.update(
        f"{namespace.tokens.path}/forged", {**made, "status": forged}
    ).get("status", {})


def test_the_hash_of_another_tenants_token_cannot_be_copied(cluster, namespace, operator, writers):
    namespace.token("ci")
    present = namespace.ready("ci")["status"]
    thief = cluster.api.impersonating("namespace-owner")
    path = f"{namespace.tokens.path}/ci/status"
    for change in (
        {"tokenHash": hash_of("mine")},
        {"expiresAt": "2099-01-01T00:00:00Z"},
        {"previous": {"tokenHash": hash_of("mine"), "validUntil": "2099-01-01T00:00:00Z"}},
    ):
        assert "apitoken-status" in (
            refusal(lambda change=change: thief.patch(path, {"status": change})) or "allowed"
        )
    assert namespace.tokens.get("ci")["status"] == present


def test_a_backup_tool_can_be_let_in(cluster, namespace, writers):
    namespace.token("ci")
    path = f"{ADMISSION}/validatingadmissionpolicies/apitoken-status"
    spec = cluster.api.get(path)["spec"]
    previous = spec["variables"][0]["expression"]

    def attempt(who):
        api, status = cluster.api.impersonating(who), f"{namespace.tokens.path}/ci/status"
        return refusal(lambda: api.patch(status, {"status": {"hint": "x"}}, dryRun="All"))

    try:
        spec["variables"][0]["expression"] = previous.replace("]", f', "{BACKUP}"]')
        cluster.api.patch(path, {"spec": {"variables": spec["variables"]}})
        wait_for(lambda: attempt(BACKUP) is None, 20, lambda: attempt(BACKUP))
        assert attempt(ACCOUNT) is None
        assert f"is not {ACCOUNT} or {BACKUP}," in attempt("status-writer")
    finally:
        spec["variables"][0]["expression"] = previous
        cluster.api.patch(path, {"spec": {"variables": spec["variables"]}})
        wait_for(lambda: attempt(BACKUP), 20, "the policy is not as before")
