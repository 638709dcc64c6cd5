"""After a disaster: a backup restores ApiTokens and Secrets with new uids and without owners,
with or without status."""

import pytest

from testbed.tokens import encoded, hash_of, value_in
from testbed.waiting import eventually, holds

SERVERS_OWN = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
)


def kept(thing):
    """The object as a backup tool restores it: without uid and owner."""
    metadata = {key: value for key, value in thing["metadata"].items() if key not in SERVERS_OWN}
    return {**thing, "metadata": metadata}


@pytest.fixture
def backup(namespace, start_operator):
    """(ApiToken, Secret) as they were; both, and the operator, are gone."""
    operator = start_operator()
    namespace.token("ci", user="alice@example.com")
    namespace.ready("ci")
    saved = namespace.tokens.get("ci"), namespace.secrets.get("ci")
    operator.stop()
    namespace.tokens.delete("ci")
    namespace.secrets.delete("ci")
    eventually(
        lambda: (
            (namespace.tokens.get("ci") is None and namespace.secrets.get("ci") is None)
            or pytest.fail("still there")
        )
    )
    return saved


def restore(namespace, saved, status=True, **data):
    token, secret = saved
    api = namespace.cluster.api
    restored = kept(secret)
    restored["data"].update({key: encoded(value) for key, value in data.items()})
    api.create(namespace.secrets.path, restored)
    api.create(namespace.tokens.path, kept(token))
    if status:
        api.patch(f"{namespace.tokens.path}/ci/status", {"status": token["status"]})


def test_with_its_status_a_restored_token_works_on(namespace, backup, start_operator):
    token, secret = backup
    restore(namespace, backup)
    start_operator()

    def adopted():
        restored, held = namespace.check_consistent("ci")
        assert value_in(held) == value_in(secret), "another value was minted"
        for field in ("tokenHash", "tokenID", "expiresAt", "revision"):
            assert restored["status"][field] == token["status"][field], field

    eventually(adopted, 15)
    event = namespace.wait_event("ci", "Issued", "restored from a backup")
    assert event["type"] == "Normal" and "works until" in event["note"]
    holds(adopted, 1)


def test_a_restored_secret_with_another_value_gets_a_new_one(namespace, backup, start_operator):
    token, _ = backup
    restore(namespace, backup, token="somebody's")
    start_operator()

    def minted():
        restored, held = namespace.check_consistent("ci")
        assert value_in(held) != "somebody's"
        assert restored["status"]["expiresAt"] == token["status"]["expiresAt"], (
            "the restore lengthened the life"
        )

    eventually(minted, 15)
    namespace.wait_event("ci", "Issued", "restored from a backup")


def test_a_token_restored_without_status_gets_a_new_value(namespace, backup, start_operator):
    _, secret = backup
    restore(namespace, backup, status=False)
    start_operator()

    def minted():
        restored, held = namespace.check_consistent("ci")
        assert value_in(held) != value_in(secret) and hash_of(value_in(secret)) not in str(
            restored["status"]
        )

    eventually(minted, 15)
    namespace.wait_event("ci", "Issued", "restored Secret")


def test_a_secret_without_our_annotations_is_not_adopted(namespace, backup, start_operator):
    token, secret = backup
    secret["metadata"]["annotations"] = {}
    restore(namespace, (token, secret))
    start_operator()
    namespace.wait_condition("ci", "Ready", "False", "SecretConflict")
