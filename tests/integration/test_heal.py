"""Healing: after any change of a Secret, a live token has one valid value and the same expiry."""

import pytest

from testbed.api import ApiError
from testbed.tokens import encoded, hash_of, status_and_reason, value_in, well_formed
from testbed.waiting import SCALE, eventually, holds, let_pass, wait_for


def wait_reminted(namespace, before, old_value, name="ci", key="token"):
    """A new value, the old expiry; the old hash is nowhere in the status."""

    def reminted():
        token, secret = namespace.check_consistent(name, key=key)
        assert value_in(secret, key) != old_value
        return token

    status = eventually(reminted, 15)["status"]
    assert well_formed(namespace.value(name, key))
    assert status["expiresAt"] == before["expiresAt"], "healing extended the token's life"
    assert status["revision"] > before["revision"]
    assert hash_of(old_value) not in str(status)
    secret = namespace.secrets.get(name)
    assert secret["metadata"]["annotations"]["apitoken.dev/expires-at"] == before["expiresAt"]
    assert secret["metadata"]["annotations"]["apitoken.dev/token-hash"] == status["tokenHash"]
    assert secret["metadata"]["annotations"]["apitoken.dev/revision"] == str(status["revision"])
    return status


def test_a_deleted_secret_comes_back_with_a_new_value_and_the_same_expiry(namespace, operator):
    before, value = namespace.minted()
    namespace.secrets.delete("ci")
    wait_reminted(namespace, before, value)


def test_a_secret_deleted_while_the_operator_was_down_comes_back(namespace, start_operator):
    operator = start_operator()
    before, value = namespace.minted()
    operator.stop()
    namespace.secrets.delete("ci")
    start_operator()
    wait_reminted(namespace, before, value)


@pytest.fixture
def no_secrets(namespace, cluster):
    """A policy refuses new Secrets in the namespace while the context is open."""
    policy = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": namespace.name}}
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}}
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"

    def begin():
        cluster.api.create(
            f"{path}ies",
            {
                **policy,
                "kind": "ValidatingAdmissionPolicy",
                "spec": {
                    "matchConstraints": {
                        "namespaceSelector": here,
                        "resourceRules": [
                            {
                                "apiGroups": [""],
                                "apiVersions": ["v1"],
                                "resources": ["secrets"],
                                "operations": ["CREATE"],
                            }
                        ],
                    },
                    "validations": [{"expression": "false", "message": "no more Secrets"}],
                },
            },
        )
        cluster.api.create(
            f"{path}ybindings",
            {
                **policy,
                "kind": "ValidatingAdmissionPolicyBinding",
                "spec": {"policyName": namespace.name, "validationActions": ["Deny"]},
            },
        )

        def refused():
            try:
                namespace.secrets.delete(namespace.secret("probe", a="b")["metadata"]["name"])
            except ApiError as error:
                return "no more Secrets" in str(error)
            return False

        wait_for(refused, 30, "the policy does not come into force")

    def end():
        for kind in ("ybindings", "ies"):
            if cluster.api.get(f"{path}{kind}/{namespace.name}"):
                cluster.api.delete(f"{path}{kind}/{namespace.name}")

    begin.end = end
    yield begin
    end()


def test_a_lost_value_is_invalid_though_no_other_can_be_minted(namespace, operator, no_secrets):
    before, _ = namespace.minted()
    no_secrets()
    namespace.secrets.delete("ci")
    namespace.wait_condition("ci", "Ready", "False", "Pending")
    wait_for(
        lambda: "tokenHash" not in namespace.tokens.get("ci")["status"],
        10,
        "the lost value goes on",
    )
    no_secrets.end()
    status = namespace.ready("ci", timeout=60)["status"]
    assert status["expiresAt"] == before["expiresAt"] and status["tokenHash"] == hash_of(
        namespace.value("ci")
    )


def test_a_lost_value_is_invalid_though_the_spec_is_no_longer_valid(namespace, operator):
    before, _ = namespace.minted()
    namespace.tokens.patch(
        "ci",
        {
            "spec": {
                "secret": {
                    "encryptTo": "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n"
                }
            }
        },
    )
    token = namespace.wait_condition("ci", "Ready", "False", "InvalidSpec")
    assert token["status"]["tokenHash"] == before["tokenHash"]
    namespace.secrets.delete("ci")
    wait_for(
        lambda: "tokenHash" not in namespace.tokens.get("ci")["status"],
        10,
        "the lost value goes on",
    )
    namespace.tokens.patch("ci", {"spec": {"secret": {"encryptTo": None}}})
    status = namespace.ready("ci")["status"]
    assert status["expiresAt"] == before["expiresAt"] and status["tokenHash"] == hash_of(
        namespace.value("ci")
    )


def test_an_edited_value_is_replaced(namespace, operator):
    before, value = namespace.minted()
    namespace.secrets.patch("ci", {"data": {"token": encoded("mine")}})
    wait_reminted(namespace, before, value)


def test_a_value_edited_while_the_operator_was_down_is_replaced(namespace, start_operator):
    operator = start_operator()
    before, value = namespace.minted()
    operator.stop()
    namespace.secrets.patch("ci", {"data": {"token": encoded("mine")}})
    start_operator()
    wait_reminted(namespace, before, value)


def test_a_removed_key_comes_back(namespace, operator):
    before, value = namespace.minted()
    namespace.secrets.patch("ci", {"data": {"token": None}})
    wait_reminted(namespace, before, value)


def test_a_secret_replaced_by_a_foreign_manager_with_the_same_value_keeps_it(namespace, operator):
    before, value = namespace.minted()
    namespace.secrets.patch("ci", {"data": {"token": encoded("mine")}})
    status = wait_reminted(namespace, before, value)
    healed = namespace.value("ci")
    namespace.secrets.patch("ci", {"data": {"other": encoded("x")}})
    holds(lambda: namespace.check_consistent("ci"), 1.5)
    assert namespace.value("ci") == healed
    assert namespace.tokens.get("ci")["status"]["revision"] == status["revision"]


@pytest.mark.parametrize(
    "kind,name,wrong",
    [
        ("annotations", "apitoken.dev/expires-at", "2099-01-01T00:00:00Z"),
        ("annotations", "apitoken.dev/token-id", None),
        ("annotations", "apitoken.dev/user", "eve@example.com"),
        ("labels", "app.kubernetes.io/managed-by", "eve"),
        ("labels", "app.kubernetes.io/managed-by", None),
        ("labels", "team", "eve"),
    ],
)
def test_our_metadata_is_put_back_and_foreign_metadata_stays(
    namespace, operator, kind, name, wrong
):
    before, value = namespace.minted(secret={"labels": {"team": "a"}})
    right = namespace.secrets.get("ci")["metadata"][kind][name]
    namespace.secrets.patch("ci", {"metadata": {kind: {name: wrong, "foreign": "stays"}}})

    def put_back():
        secret = namespace.secrets.get("ci")
        assert secret["metadata"][kind].get(name) == right
        assert secret["metadata"][kind]["foreign"] == "stays"

    eventually(put_back)
    assert namespace.value("ci") == value
    assert namespace.tokens.get("ci")["status"]["revision"] == before["revision"]


LABEL = "app.kubernetes.io/managed-by"


@pytest.fixture
def relabelling(namespace, cluster):
    """A policy of the cluster gives each Secret of the namespace another label in place of ours,
    while it exists; relabelling() ends it."""
    policies = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
    bindings = policies.replace("policies", "policybindings")
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}}
    path = "/metadata/labels/" + LABEL.replace("/", "~1")
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["secrets"],
        "operations": ["CREATE", "UPDATE"],
    }
    body = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": namespace.name}}
    policy = {
        "matchConstraints": {"namespaceSelector": here, "resourceRules": [rule]},
        "matchConditions": [{"name": "labels", "expression": "has(object.metadata.labels)"}],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {
                    "expression": f'[JSONPatch{{op: "add", path: "{path}", value: "platform"}}]'
                },
            }
        ],
    }
    cluster.api.create(policies, {**body, "kind": "MutatingAdmissionPolicy", "spec": policy})
    cluster.api.create(
        bindings,
        {
            **body,
            "kind": "MutatingAdmissionPolicyBinding",
            "spec": {"policyName": namespace.name},
        },
    )

    def label_given():
        body = {"metadata": {"name": "probe", "labels": {LABEL: "tests"}}}
        made = cluster.api.create(namespace.secrets.path, body, dryRun="All")
        return made["metadata"]["labels"][LABEL]

    def end():
        for path in (bindings, policies):
            cluster.api.delete(f"{path}/{namespace.name}")
        wait_for(lambda: label_given() == "tests", 30, "the policy does not end")

    wait_for(lambda: label_given() == "platform", 30, "the policy does not come into force")
    yield end
    for path in (bindings, policies):
        cluster.api.delete(f"{path}/{namespace.name}")


def test_a_label_that_a_policy_changes_is_said_and_the_secret_is_healed(
    namespace, operator, relabelling
):
    """The watch shows none of these Secrets."""
    before, value = namespace.minted()
    assert namespace.secrets.get("ci")["metadata"]["labels"][LABEL] == "platform"
    token = namespace.wait_condition("ci", "Stalled", "True", "SecretConflict")
    said = next(c for c in token["status"]["conditions"] if c["type"] == "Stalled")["message"]
    assert "Secret ci" in said and LABEL in said and "exempt" in said
    assert status_and_reason(token, "Ready") == ("True", "Issued")
    assert namespace.wait_event("ci", "SecretConflict")["type"] == "Warning"
    assert namespace.value("ci") == value
    namespace.secrets.delete("ci")
    wait_reminted(namespace, before, value)
    namespace.wait_condition("ci", "Stalled", "True", "SecretConflict")
    relabelling()
    namespace.wait_without("ci", "Stalled", timeout=60)
    assert namespace.secrets.get("ci")["metadata"]["labels"][LABEL] == "apitoken-operator"


def test_a_secret_without_our_label_is_deleted_when_its_time_has_come(
    namespace, operator, relabelling
):
    namespace.token("once", secret={"deleteAfter": "4s"})
    namespace.ready("once")
    wait_for(lambda: "deliveredAt" in namespace.tokens.get("once")["status"], 20, "not delivered")
    wait_for(lambda: namespace.secrets.get("once") is None, 10, "the Secret stays")


def test_an_owner_reference_taken_away_is_put_back_and_the_value_stays(namespace, operator):
    before, value = namespace.minted()
    namespace.secrets.patch("ci", {"metadata": {"ownerReferences": None}})
    eventually(
        lambda: (
            (
                namespace.check_consistent("ci")
                and namespace.secrets.get("ci")["metadata"].get("ownerReferences")
            )
            or pytest.fail("no owner")
        )
    )
    assert (
        namespace.value("ci") == value
        and namespace.tokens.get("ci")["status"]["revision"] == before["revision"]
    )


def test_another_owner_in_place_of_ours_makes_the_secret_foreign(namespace, operator):
    namespace.minted()
    namespace.secrets.patch("ci", {"metadata": {"ownerReferences": [namespace.other_owner()]}})
    namespace.wait_condition("ci", "Ready", "False", "SecretConflict")


def test_a_foreign_secret_is_never_touched_and_its_removal_is_seen(namespace, operator):
    foreign = namespace.secret("ci", token="mine")
    namespace.token("ci")
    token = namespace.wait_condition("ci", "Ready", "False", "SecretConflict")
    assert status_and_reason(token, "Stalled") == ("True", "SecretConflict")
    assert "tokenHash" not in token["status"]
    assert namespace.wait_event("ci", "SecretConflict")["type"] == "Warning"
    let_pass(1)
    assert (
        namespace.secrets.get("ci")["metadata"]["resourceVersion"]
        == foreign["metadata"]["resourceVersion"]
    )
    # Each pass looks, and the pauses between passes double from half a second.
    namespace.secrets.delete("ci")
    namespace.ready("ci", timeout=20)
    namespace.check_consistent("ci")


def test_of_two_apitokens_with_one_secret_name_only_one_gets_it(namespace, operator):
    namespace.token("first", secret={"name": "shared"})
    namespace.ready("first")
    namespace.token("second", secret={"name": "shared"})
    namespace.wait_condition("second", "Ready", "False", "SecretConflict")
    namespace.check_consistent("first", "shared")


def test_an_apitoken_made_again_under_its_name_gets_its_own_secret(namespace, operator):
    _, value = namespace.minted()
    namespace.tokens.delete("ci")
    namespace.token("ci", user="bob@example.com")
    token = namespace.ready("ci", timeout=60)
    _, secret = namespace.check_consistent("ci")
    assert value_in(secret) != value
    assert token["status"]["revision"] == 1
    assert secret["metadata"]["annotations"]["apitoken.dev/user"] == "bob@example.com"
    assert not namespace.events_of("ci", "SecretConflict")


def test_many_secrets_deleted_at_once_all_come_back(namespace, operator):
    for number in range(40):
        namespace.token(f"t{number}")
    before = {t["metadata"]["name"]: t["status"] for t in namespace.wait_all_ready(40)}
    namespace.cluster.api.delete(
        namespace.secrets.path, labelSelector="app.kubernetes.io/managed-by=apitoken-operator"
    )

    def all_back():
        for name, status in before.items():
            token, _ = namespace.check_consistent(name)
            assert token["status"]["expiresAt"] == status["expiresAt"]
            assert token["status"]["tokenHash"] != status["tokenHash"]

    eventually(all_back, 30)


def test_healing_leaves_nothing_to_do(namespace, operator):
    before, value = namespace.minted()
    namespace.secrets.patch("ci", {"data": {"token": encoded("mine")}})
    wait_reminted(namespace, before, value)
    wait_for(
        lambda: operator.metrics().value("workqueue_depth") in (0, None),
        5,
        "the queue is not empty",
    )
    let_pass(1 * SCALE)
    writes = operator.metrics().writes()
    let_pass(2)
    assert operator.metrics().writes() == writes
