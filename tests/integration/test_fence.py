"""The fence around the operator, on the real API server: its account writes only Secrets of
ApiTokens and its own. The operator does all of its work under the fence and under the status
policy."""

import json

import pytest

from testbed import api as kinds
from testbed import guarded
from testbed.policies import ACCOUNT, CORE, SYSTEM, Grants, refusal
from testbed.tokens import encoded, hash_of
from testbed.waiting import eventually, wait_for

cluster, operator_kubeconfig = guarded.cluster, guarded.operator_kubeconfig

KEYS = "apitoken-operator-jwt-keys"
ROTATE = "apitoken.dev/rotate-requested-at"


OWNER = {
    "apiVersion": "apitoken.dev/v1alpha1",
    "kind": "ApiToken",
    "name": "ci",
    "uid": "00000000-0000-0000-0000-000000000001",
    "controller": True,
}
OTHER = {
    "apiVersion": "cert-manager.io/v1",
    "kind": "Certificate",
    "name": "web",
    "uid": "00000000-0000-0000-0000-000000000002",
    "controller": True,
}
OURS_LABEL = {"app.kubernetes.io/managed-by": "apitoken-operator"}
HASH = {"apitoken.dev/token-hash": hash_of("value")}


def secret(name, owners=(), kind="Opaque", labels=None, annotations=None):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": kind,
        "data": {"token": encoded("value")},
        "metadata": {
            "name": name,
            "ownerReferences": list(owners),
            "labels": labels or {},
            "annotations": annotations or {},
        },
    }


def without(owner, **changes):
    return {key: value for key, value in {**owner, **changes}.items() if value is not None}


TYPE, OWNED = "type: {} of Secret", "metadata.ownerReferences: Secret"
SERVICE_ACCOUNT = {"kubernetes.io/service-account.name": "default"}
# namespace (None: the test's own), Secret, what a refusal says (None: allowed)
CREATED = {
    "of an ApiToken": (None, secret("ci", [OWNER]), None),
    "of an ApiToken of a later version": (
        None,
        secret("ci", [without(OWNER, apiVersion="apitoken.dev/v1")]),
        None,
    ),
    "the signing keys": (SYSTEM, secret(KEYS), None),
    "a service account's token": (
        "kube-system",
        secret("x", kind="kubernetes.io/service-account-token", annotations=SERVICE_ACCOUNT),
        TYPE,
    ),
    "a service account's token for an ApiToken": (
        "kube-system",
        secret("x", [OWNER], "kubernetes.io/service-account-token", annotations=SERVICE_ACCOUNT),
        TYPE,
    ),
    "a service account's token by the name of the keys": (
        SYSTEM,
        secret(KEYS, kind="kubernetes.io/service-account-token", annotations=SERVICE_ACCOUNT),
        TYPE,
    ),
    "a bootstrap token": (
        "kube-system",
        secret("bootstrap-token-abcdef", [OWNER], "bootstrap.kubernetes.io/token"),
        TYPE,
    ),
    "a Helm release": (
        None,
        secret("sh.helm.release.v1.web.v2", [OWNER], "helm.sh/release.v1", {"owner": "helm"}),
        TYPE,
    ),
    "without an owner": (None, secret("x"), OWNED),
    "without an owner, labelled and annotated": (
        None,
        secret("x", labels=OURS_LABEL, annotations=HASH),
        OWNED,
    ),
    "whose owner is not its controller": (
        None,
        secret("x", [without(OWNER, controller=None)]),
        OWNED,
    ),
    "of another kind": (None, secret("x", [OTHER]), OWNED),
    "of a kind of another group": (
        None,
        secret("x", [without(OWNER, apiVersion="apitoken.dev.example.com/v1")]),
        OWNED,
    ),
    "of two ApiTokens": (
        None,
        secret(
            "x",
            [
                OWNER,
                without(OTHER, apiVersion=OWNER["apiVersion"], kind="ApiToken", controller=False),
            ],
        ),
        OWNED,
    ),
    "of an ApiToken and something else": (
        None,
        secret("x", [OWNER, without(OTHER, controller=False)]),
        OWNED,
    ),
    "another one in the operator's namespace": (SYSTEM, secret("smtp"), OWNED),
    "by the name of the keys elsewhere": (None, secret(KEYS), OWNED),
}


@pytest.mark.parametrize("what", CREATED)
def test_which_secrets_the_operators_account_may_create(cluster, namespace, what):
    namespace_name, body, expected = CREATED[what]
    where = namespace_name or namespace.name
    secrets = kinds.secrets(cluster.api.impersonating(ACCOUNT), where)
    check_fence(
        refusal(lambda: secrets.api.create(secrets.path, body, dryRun="All")),
        "CREATE",
        where,
        body,
        expected,
    )


def check_fence(message, operation, namespace_name, body, expected):
    if expected is None:
        assert message is None
        return
    name, kind = body["metadata"]["name"], body["type"]
    for part in (
        "apitoken-fence",
        expected.format(kind),
        f"{namespace_name}/{name}",
        f"{ACCOUNT} may",
        operation,
        "; if the operator itself was refused, install its policies and its program from one ",
        "; else somebody uses its account",
    ):
        assert part in (message or "allowed"), message


# A Secret that is there, and what a refusal says (None: allowed) of a patch of its value, of its
# adoption, of its deletion.
PRESENT = {
    "of an ApiToken": (None, secret("ci", [OWNER]), None, None, None),
    "the signing keys": (SYSTEM, secret(KEYS), None, None, None),
    "restored": (None, secret("ci", labels=OURS_LABEL, annotations=HASH), OWNED, None, None),
    "restored, of a service account": (
        "kube-system",
        secret("ci", kind="kubernetes.io/dockerconfigjson", labels=OURS_LABEL, annotations=HASH),
        TYPE,
        TYPE,
        TYPE,
    ),
    "labelled only": (None, secret("x", labels=OURS_LABEL), OWNED, OWNED, OWNED),
    "annotated only": (None, secret("x", annotations=HASH), OWNED, OWNED, OWNED),
    "foreign": (None, secret("db-password"), OWNED, OWNED, OWNED),
    "foreign, in kube-system": ("kube-system", secret("cloud-credentials"), OWNED, OWNED, OWNED),
    "foreign, in the operator's namespace": (SYSTEM, secret("smtp"), OWNED, OWNED, OWNED),
    "a Helm release": (
        None,
        secret("sh.helm.release.v1.web.v1", kind="helm.sh/release.v1", labels={"owner": "helm"}),
        TYPE,
        TYPE,
        TYPE,
    ),
    "of another controller": (None, secret("web-tls", [OTHER]), OWNED, OWNED, OWNED),
    "of another controller, labelled and annotated": (
        None,
        secret("web-tls", [OTHER], labels=OURS_LABEL, annotations=HASH),
        OWNED,
        OWNED,
        OWNED,
    ),
    "of an ApiToken and something else": (
        None,
        secret("x", [OWNER, without(OTHER, controller=False)]),
        OWNED,
        OWNED,
        OWNED,
    ),
}


@pytest.mark.parametrize("what", PRESENT)
def test_which_secrets_the_operators_account_may_change_and_delete(cluster, namespace, what):
    namespace_name, body, *expected = PRESENT[what]
    where, name = namespace_name or namespace.name, body["metadata"]["name"]
    if body["type"] == "kubernetes.io/dockerconfigjson":
        body = {**body, "data": {".dockerconfigjson": encoded("{}")}}
    cluster.api.create(f"/api/v1/namespaces/{where}/secrets", with_living_owner(namespace, body))
    try:
        secrets = kinds.secrets(cluster.api.impersonating(ACCOUNT), where)
        attempts = [
            (
                "UPDATE",
                lambda: secrets.patch(name, {"data": {"token": encoded("new")}}, dryRun="All"),
            ),
            (
                "UPDATE",
                lambda: secrets.patch(
                    name, {"metadata": {"ownerReferences": [OWNER]}}, dryRun="All"
                ),
            ),
            ("DELETE", lambda: secrets.delete(name, dryRun="All")),
        ]
        for (operation, attempt), refused in zip(attempts, expected, strict=True):
            check_fence(refusal(attempt), operation, where, body, refused)
    finally:
        kinds.secrets(cluster.api, where).delete(name)


def with_living_owner(namespace, body):
    """The Secret with an existing ApiToken instead of OWNER; otherwise the garbage collector
    deletes it."""
    owners = body["metadata"]["ownerReferences"]
    if OWNER not in owners:
        return body
    uid = namespace.token(OWNER["name"])["metadata"]["uid"]
    living = [{**owner, "uid": uid} if owner == OWNER else owner for owner in owners]
    return {**body, "metadata": {**body["metadata"], "ownerReferences": living}}


def test_the_operators_account_may_not_give_a_secret_away(cluster, namespace):
    secrets = kinds.secrets(cluster.api.impersonating(ACCOUNT), namespace.name)
    cluster.api.create(secrets.path, with_living_owner(namespace, secret("ci", [OWNER])))
    for owners in ([], None, [OTHER], [OWNER, without(OTHER, controller=False)]):
        assert OWNED in (
            refusal(
                lambda owners=owners: secrets.patch(
                    "ci", {"metadata": {"ownerReferences": owners}}, dryRun="All"
                )
            )
            or "allowed"
        )


def test_the_fence_is_around_nobody_else(cluster, namespace):
    """It does not restrict the administrator, tenants, or other service accounts of that name."""
    grants = Grants(cluster, namespace.name)
    others = [
        "tenant",
        "system:serviceaccount:team-a:apitoken-operator",
        f"system:serviceaccount:{SYSTEM}:other",
    ]
    for user in others:
        grants.grant(
            user, [(CORE, "secrets", None, verb) for verb in ("create", "patch", "delete")]
        )
    grants.in_force()
    for user in others:
        secrets = kinds.secrets(cluster.api.impersonating(user), namespace.name)
        cluster.api.create(secrets.path, secret("mine"))
        assert secrets.patch("mine", {"data": {"token": encoded("new")}})
        assert secrets.delete("mine")
    grants.remove()


# --- at work --------------------------------------------------------------------------------------


def test_the_operator_does_all_of_its_work_under_the_policies(cluster, namespace, launch):
    operator = launch(
        "--namespaces", namespace.name, "--operator-namespace", SYSTEM, "--leader-elect"
    )
    config = namespace.settled_config("all")
    namespace.token("healed", secret={"labels": {"team": "shop"}})
    namespace.ready("healed")
    first = namespace.value("healed")
    namespace.secrets.delete("healed")
    wait_for(
        lambda: namespace.secrets.get("healed") and namespace.value("healed") != first,
        20,
        "the deleted Secret was not made again",
    )
    namespace.ready("healed")
    namespace.secrets.patch(
        "healed", {"metadata": {"labels": {"team": "x"}}, "stringData": {"token": "edited"}}
    )
    wait_for(
        lambda: namespace.value("healed") not in ("edited", first),
        20,
        "the edited Secret was not mended",
    )
    namespace.tokens.patch(
        "healed", {"metadata": {"annotations": {ROTATE: "2026-01-02T00:00:00Z"}}}
    )
    namespace.wait_condition("healed", "Ready", "True", "Rotated")
    eventually(lambda: namespace.check_consistent("healed"))
    namespace.tokens.patch("healed", {"spec": {"revoked": True}})
    namespace.wait_condition("healed", "Ready", "False", "Revoked")
    wait_for(
        lambda: namespace.secrets.get("healed") is None, 20, "the Secret of a revoked token stays"
    )

    namespace.token("shown", secret={"deleteAfter": "1s"})
    namespace.ready("shown")
    wait_for(
        lambda: namespace.secrets.get("shown") is None,
        20,
        "the Secret was not deleted after deleteAfter",
    )
    namespace.token("session", type="Temporary", format="JWT")
    namespace.ready("session")
    assert kinds.secrets(cluster.api, SYSTEM).get(KEYS)["data"]
    namespace.token("short", type="Temporary", ttl="10s", ttlAfterExpired="0s")
    wait_for(lambda: namespace.tokens.get("short") is None, 30, "the expired ApiToken stays")
    assert namespace.tokens.delete("session", propagationPolicy="Foreground")
    wait_for(
        lambda: namespace.secrets.get("session") is None,
        20,
        "the Secret of a deleted ApiToken stays",
    )
    wait_for(
        lambda: namespace.configs.get(config)["status"].get("matchedTokens") == 2,
        20,
        lambda: namespace.configs.get(config),
    )
    operator.stop()
    log = operator.log().lower()
    assert "denied" not in log and "forbidden" not in log, log
    kinds.secrets(cluster.api, SYSTEM).delete(KEYS)


def test_a_stolen_token_of_the_operator_opens_no_other_account(cluster, namespace, tmp_path):
    """With the stolen credentials an attacker cannot make the Secret that would hold a token of
    a privileged account of kube-system."""
    stolen = cluster.service_account_kubeconfig(tmp_path / "stolen")
    body = secret(
        "loot",
        kind="kubernetes.io/service-account-token",
        annotations={"kubernetes.io/service-account.name": "clusterrole-aggregation-controller"},
    )
    body.pop("data")
    done = cluster.kubectl(
        "--kubeconfig",
        str(stolen),
        "-n",
        "kube-system",
        "create",
        "-f",
        "-",
        input=json.dumps(body),
        check=False,
    )
    assert done.returncode != 0 and "apitoken-fence" in done.stderr
    assert kinds.secrets(cluster.api, "kube-system").get("loot") is None
