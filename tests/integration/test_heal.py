"""Healing: whatever happens to a Secret, a live token ends with one valid value and the same expiry."""

import pytest

from bed.api import ApiError
from bed.tokens import encoded, hash_of, stands, value_in, well_formed
from bed.waiting import SCALE, eventually, holds, let_pass, wait_for


def minted(space, name="ci", **spec):
    space.token(name, **spec)
    return space.ready(name)["status"], space.value(name)


def wait_reminted(space, before, old_value, name="ci", key="token"):
    """A new value, the old expiry; the old hash is nowhere in the status."""

    def reminted():
        token, secret = space.check_consistent(name, key=key)
        assert value_in(secret, key) != old_value
        return token

    status = eventually(reminted, 15)["status"]
    assert well_formed(space.value(name, key))
    assert status["expiresAt"] == before["expiresAt"], "healing extended the token's life"
    assert status["revision"] > before["revision"]
    assert hash_of(old_value) not in str(status)
    secret = space.secrets.get(name)
    assert secret["metadata"]["annotations"]["apitoken.dev/expires-at"] == before["expiresAt"]
    assert secret["metadata"]["annotations"]["apitoken.dev/token-hash"] == status["tokenHash"]
    assert secret["metadata"]["annotations"]["apitoken.dev/revision"] == str(status["revision"])
    return status


def test_a_deleted_secret_comes_back_with_a_new_value_and_the_same_expiry(space, operator):
    before, value = minted(space)
    space.secrets.delete("ci")
    wait_reminted(space, before, value)


def test_a_secret_deleted_while_the_operator_was_down_comes_back(space, start_operator):
    operator = start_operator()
    before, value = minted(space)
    operator.stop()
    space.secrets.delete("ci")
    start_operator()
    wait_reminted(space, before, value)


@pytest.fixture
def no_secrets(space, cluster):
    """Nobody may make Secrets in the namespace: a policy, on while this is entered."""
    policy = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": space.name}}
    here = {"matchLabels": {"kubernetes.io/metadata.name": space.name}}
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
                "spec": {"policyName": space.name, "validationActions": ["Deny"]},
            },
        )

        def refused():
            try:
                space.secrets.delete(space.secret("probe", a="b")["metadata"]["name"])
            except ApiError as error:
                return "no more Secrets" in str(error)
            return False

        wait_for(refused, 30, "the policy does not come into force")

    def end():
        for kind in ("ybindings", "ies"):
            if cluster.api.get(f"{path}{kind}/{space.name}"):
                cluster.api.delete(f"{path}{kind}/{space.name}")

    begin.end = end
    yield begin
    end()


def test_a_lost_value_is_void_though_no_other_can_be_minted(space, operator, no_secrets):
    before, _ = minted(space)
    no_secrets()
    space.secrets.delete("ci")
    space.wait_condition("ci", "Ready", "False", "Pending")
    wait_for(
        lambda: "tokenHash" not in space.tokens.get("ci")["status"], 10, "the lost value goes on"
    )
    no_secrets.end()
    status = space.ready("ci", timeout=60)["status"]
    assert status["expiresAt"] == before["expiresAt"] and status["tokenHash"] == hash_of(
        space.value("ci")
    )


def test_a_lost_value_is_void_though_the_spec_is_no_longer_valid(space, operator):
    before, _ = minted(space)
    space.tokens.patch(
        "ci",
        {
            "spec": {
                "secret": {
                    "encryptTo": "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n"
                }
            }
        },
    )
    token = space.wait_condition("ci", "Ready", "False", "InvalidSpec")
    assert token["status"]["tokenHash"] == before["tokenHash"]
    space.secrets.delete("ci")
    wait_for(
        lambda: "tokenHash" not in space.tokens.get("ci")["status"], 10, "the lost value goes on"
    )
    space.tokens.patch("ci", {"spec": {"secret": {"encryptTo": None}}})
    status = space.ready("ci")["status"]
    assert status["expiresAt"] == before["expiresAt"] and status["tokenHash"] == hash_of(
        space.value("ci")
    )


def test_an_edited_value_is_replaced(space, operator):
    before, value = minted(space)
    space.secrets.patch("ci", {"data": {"token": encoded("mine")}})
    wait_reminted(space, before, value)


def test_a_value_edited_while_the_operator_was_down_is_replaced(space, start_operator):
    operator = start_operator()
    before, value = minted(space)
    operator.stop()
    space.secrets.patch("ci", {"data": {"token": encoded("mine")}})
    start_operator()
    wait_reminted(space, before, value)


def test_a_removed_key_comes_back(space, operator):
    before, value = minted(space)
    space.secrets.patch("ci", {"data": {"token": None}})
    wait_reminted(space, before, value)


def test_a_secret_replaced_by_a_foreign_manager_with_the_same_value_keeps_it(space, operator):
    before, value = minted(space)
    space.secrets.patch("ci", {"data": {"token": encoded("mine")}})
    status = wait_reminted(space, before, value)
    healed = space.value("ci")
    space.secrets.patch("ci", {"data": {"other": encoded("x")}})
    holds(lambda: space.check_consistent("ci"), 1.5)
    assert space.value("ci") == healed
    assert space.tokens.get("ci")["status"]["revision"] == status["revision"]


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
def test_our_metadata_is_put_back_and_foreign_metadata_stays(space, operator, kind, name, wrong):
    before, value = minted(space, secret={"labels": {"team": "a"}})
    right = space.secrets.get("ci")["metadata"][kind][name]
    space.secrets.patch("ci", {"metadata": {kind: {name: wrong, "foreign": "stays"}}})

    def put_back():
        secret = space.secrets.get("ci")
        assert secret["metadata"][kind].get(name) == right
        assert secret["metadata"][kind]["foreign"] == "stays"

    eventually(put_back)
    assert space.value("ci") == value
    assert space.tokens.get("ci")["status"]["revision"] == before["revision"]


def test_an_owner_reference_taken_away_is_put_back_and_the_value_stays(space, operator):
    before, value = minted(space)
    space.secrets.patch("ci", {"metadata": {"ownerReferences": None}})
    eventually(
        lambda: (
            space.check_consistent("ci")
            and space.secrets.get("ci")["metadata"].get("ownerReferences")
            or pytest.fail("no owner")
        )
    )
    assert (
        space.value("ci") == value
        and space.tokens.get("ci")["status"]["revision"] == before["revision"]
    )


def test_another_owner_in_place_of_ours_makes_the_secret_foreign(space, operator):
    minted(space)
    space.secrets.patch("ci", {"metadata": {"ownerReferences": [space.other_owner()]}})
    space.wait_condition("ci", "Ready", "False", "SecretConflict")


def test_a_foreign_secret_is_never_touched_and_its_removal_is_seen(space, operator):
    foreign = space.secret("ci", token="mine")
    space.token("ci")
    token = space.wait_condition("ci", "Ready", "False", "SecretConflict")
    assert stands(token, "Stalled") == ("True", "SecretConflict")
    assert "tokenHash" not in token["status"]
    assert space.wait_event("ci", "SecretConflict")["type"] == "Warning"
    let_pass(1)
    assert (
        space.secrets.get("ci")["metadata"]["resourceVersion"]
        == foreign["metadata"]["resourceVersion"]
    )
    space.secrets.delete("ci")
    space.ready("ci", timeout=45)
    space.check_consistent("ci")


def test_of_two_apitokens_with_one_secret_name_only_one_gets_it(space, operator):
    space.token("first", secret={"name": "shared"})
    space.ready("first")
    space.token("second", secret={"name": "shared"})
    space.wait_condition("second", "Ready", "False", "SecretConflict")
    space.check_consistent("first", "shared")


def test_an_apitoken_made_again_under_its_name_gets_its_own_secret(space, operator):
    before, value = minted(space)
    space.tokens.delete("ci")
    space.token("ci", user="bob@example.com")
    token = space.ready("ci", timeout=60)
    _, secret = space.check_consistent("ci")
    assert value_in(secret) != value
    assert token["status"]["revision"] == 1
    assert secret["metadata"]["annotations"]["apitoken.dev/user"] == "bob@example.com"
    assert not space.events_of("ci", "SecretConflict")


def test_many_secrets_deleted_at_once_all_come_back(space, operator):
    for number in range(40):
        space.token(f"t{number}")
    before = {t["metadata"]["name"]: t["status"] for t in space.wait_all_ready(40)}
    space.cluster.api.delete(
        space.secrets.path, labelSelector="app.kubernetes.io/managed-by=apitoken-operator"
    )

    def all_back():
        for name, status in before.items():
            token, _ = space.check_consistent(name)
            assert token["status"]["expiresAt"] == status["expiresAt"]
            assert token["status"]["tokenHash"] != status["tokenHash"]

    eventually(all_back, 30)


def test_healing_leaves_nothing_to_do(space, operator):
    before, value = minted(space)
    space.secrets.patch("ci", {"data": {"token": encoded("mine")}})
    wait_reminted(space, before, value)
    wait_for(
        lambda: operator.metrics().value("workqueue_depth") in (0, None),
        5,
        "the queue is not empty",
    )
    let_pass(1 * SCALE)
    writes = operator.metrics().writes()
    let_pass(2)
    assert operator.metrics().writes() == writes
