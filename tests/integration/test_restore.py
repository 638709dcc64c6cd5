"""After a disaster: ApiTokens and Secrets come back from a backup with new uids and without owners, with or without status."""

import pytest

from bed.tokens import encoded, hash_of, value_in
from bed.waiting import eventually, holds

SERVERS_OWN = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
)


def kept(thing):
    """What a backup tool restores of an object: no uid, no owner."""
    metadata = {key: value for key, value in thing["metadata"].items() if key not in SERVERS_OWN}
    return {**thing, "metadata": metadata}


@pytest.fixture
def backup(space, start_operator):
    """(ApiToken, Secret) as they were before everything was lost, the operator too."""
    operator = start_operator()
    space.token("ci", user="alice@example.com")
    space.ready("ci")
    saved = space.tokens.get("ci"), space.secrets.get("ci")
    operator.stop()
    space.tokens.delete("ci")
    space.secrets.delete("ci")
    eventually(
        lambda: (
            space.tokens.get("ci") is None
            and space.secrets.get("ci") is None
            or pytest.fail("still there")
        )
    )
    return saved


def restore(space, saved, status=True, **data):
    token, secret = saved
    api = space.cluster.api
    restored = kept(secret)
    restored["data"].update({key: encoded(value) for key, value in data.items()})
    api.create(space.secrets.path, restored)
    api.create(space.tokens.path, kept(token))
    if status:
        api.patch(f"{space.tokens.path}/ci/status", {"status": token["status"]})


def test_with_its_status_a_restored_token_works_on(space, backup, start_operator):
    token, secret = backup
    restore(space, backup)
    start_operator()

    def adopted():
        restored, held = space.check_consistent("ci")
        assert value_in(held) == value_in(secret), "another value was minted"
        for field in ("tokenHash", "tokenID", "expiresAt", "revision"):
            assert restored["status"][field] == token["status"][field], field

    eventually(adopted, 15)
    event = next(
        e for e in space.events_of("ci", "Issued") if "restored from a backup" in e["note"]
    )
    assert event["type"] == "Normal" and "works on" in event["note"]
    holds(adopted, 1)


def test_a_restored_secret_with_another_value_is_minted_into_anew(space, backup, start_operator):
    token, _ = backup
    restore(space, backup, token="somebody's")
    start_operator()

    def minted():
        restored, held = space.check_consistent("ci")
        assert value_in(held) != "somebody's"
        assert restored["status"]["expiresAt"] == token["status"]["expiresAt"], (
            "the restore lengthened the life"
        )

    eventually(minted, 15)
    assert any("restored from a backup" in e["note"] for e in space.events_of("ci", "Issued"))


def test_without_its_status_a_restored_token_is_minted_anew_into_the_secret(
    space, backup, start_operator
):
    _, secret = backup
    restore(space, backup, status=False)
    start_operator()

    def minted():
        restored, held = space.check_consistent("ci")
        assert value_in(held) != value_in(secret) and hash_of(value_in(secret)) not in str(
            restored["status"]
        )

    eventually(minted, 15)
    assert any("restored Secret" in e["note"] for e in space.events_of("ci", "Issued"))


def test_a_secret_without_our_annotations_is_not_adopted(space, backup, start_operator):
    token, secret = backup
    secret["metadata"]["annotations"] = {}
    restore(space, (token, secret))
    start_operator()
    space.wait_condition("ci", "Ready", "False", "SecretConflict")
