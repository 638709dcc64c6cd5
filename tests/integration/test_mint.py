"""Minting: what the Secret and the status hold, how many requests it costs, and what follows a
user's changes."""

import json

import pytest

from testbed.tokens import (
    hash_of,
    moment,
    seconds_between,
    seconds_since,
    status_and_reason,
    value_in,
    well_formed,
)
from testbed.waiting import SCALE, eventually, let_pass, wait_for


def test_a_secret_holds_exactly_what_the_contract_says(namespace, operator):
    namespace.token("ci", description="deploys")
    token = namespace.ready("ci")
    secret = namespace.secrets.get("ci")
    status = token["status"]
    assert secret["type"] == "Opaque"
    assert list(secret["data"]) == ["token"]
    assert secret["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "apitoken-operator"}
    assert secret["metadata"]["annotations"] == {
        "apitoken.dev/expires-at": status["expiresAt"],
        "apitoken.dev/issued-at": status["issuedAt"],
        "apitoken.dev/token-id": status["tokenID"],
        "apitoken.dev/token-hash": status["tokenHash"],
        "apitoken.dev/user": "alice@example.com",
        "apitoken.dev/revision": "1",
    }
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"], owner["name"]) == (
        "apitoken.dev/v1alpha1",
        "ApiToken",
        "ci",
    )
    assert owner["uid"] == token["metadata"]["uid"]
    assert owner["controller"] is True


def test_the_value_has_the_format_and_the_status_its_hash_and_hint(namespace, operator):
    namespace.token("ci")
    status = namespace.ready("ci")["status"]
    value = namespace.value("ci")
    assert well_formed(value), "format or checksum is wrong"
    assert status["tokenHash"] == hash_of(value)
    assert status["hint"].endswith(value[-4:])
    assert len(status["tokenID"]) == 8 and status["tokenID"] not in value


def test_the_status_shows_the_values_in_force(namespace, operator):
    namespace.token("ci")
    token = namespace.ready("ci")
    status = token["status"]
    assert status["observedGeneration"] == token["metadata"]["generation"]
    assert (status["type"], status["ttl"], status["revision"], status["secretName"]) == (
        "Permanent",
        "8760h0m0s",
        1,
        "ci",
    )
    assert -2 < seconds_since(status["issuedAt"]) < 15 * SCALE
    assert seconds_between(status["issuedAt"], status["expiresAt"]) == 8760 * 3600
    assert seconds_between(status["warnAt"], status["expiresAt"]) == 30 * 86400
    assert status_and_reason(token, "Ready") == ("True", "Issued")
    (ready,) = status["conditions"]
    assert ready["observedGeneration"] == token["metadata"]["generation"] and moment(
        ready["lastTransitionTime"]
    )
    assert namespace.value("ci") not in json.dumps(token)


def test_a_minted_token_costs_two_writes(namespace, operator):
    before = operator.metrics()
    for number in range(20):
        namespace.token(f"t{number}")
    namespace.wait_all_ready(20)
    wait_for(lambda: len(namespace.events.list()) == 20, 10, "not 20 Events")
    let_pass(1)
    after = operator.metrics()
    written = {
        m: after.requests(m) - before.requests(m) for m in ("POST", "PATCH", "PUT", "DELETE")
    }
    assert written == {"POST": 20 + 20, "PATCH": 20, "PUT": 0, "DELETE": 0}, (
        "Secrets and Events created, statuses patched"
    )
    assert after.value("apitoken_minted_total", kind="issue") == 20


def test_a_normal_event_says_issued(namespace, operator):
    namespace.token("ci")
    status = namespace.ready("ci")["status"]
    event = namespace.wait_event("ci", "Issued")
    assert event["type"] == "Normal"
    assert event["reportingController"] == "apitoken.dev/operator"
    assert status["tokenID"] in event["note"]
    assert namespace.value("ci") not in json.dumps(event)


def test_name_key_labels_and_annotations_of_the_secret_are_the_users(namespace, operator):
    namespace.token(
        "ci",
        secret={
            "name": "other",
            "key": "api-key",
            "labels": {"team": "a"},
            "annotations": {"example.com/by": "x"},
        },
    )
    status = namespace.ready("ci")["status"]
    secret = namespace.secrets.get("other")
    assert status["secretName"] == "other"
    assert hash_of(value_in(secret, "api-key")) == status["tokenHash"]
    assert list(secret["data"]) == ["api-key"]
    assert secret["metadata"]["labels"]["team"] == "a"
    assert secret["metadata"]["annotations"]["example.com/by"] == "x"
    assert namespace.secrets.get("ci") is None


def test_changed_labels_and_annotations_reach_the_secret_and_the_value_stays(namespace, operator):
    namespace.token(
        "ci",
        secret={"labels": {"team": "a", "gone": "soon"}, "annotations": {"example.com/by": "x"}},
    )
    namespace.ready("ci")
    value = namespace.value("ci")
    namespace.secrets.patch(
        "ci",
        {
            "metadata": {"labels": {"foreign": "l"}, "annotations": {"foreign/a": "a"}},
            "data": {"note": "aGk="},
        },
    )
    namespace.tokens.patch(
        "ci",
        {
            "spec": {
                "secret": {
                    "labels": {"team": "b", "gone": None},
                    "annotations": {"example.com/by": "y"},
                }
            }
        },
    )

    def followed():
        secret = namespace.secrets.get("ci")
        labels, annotations = secret["metadata"]["labels"], secret["metadata"]["annotations"]
        assert labels == {
            "app.kubernetes.io/managed-by": "apitoken-operator",
            "team": "b",
            "foreign": "l",
        }
        assert annotations["example.com/by"] == "y"
        assert annotations["foreign/a"] == "a"
        assert secret["data"]["note"] == "aGk="
        assert value_in(secret) == value

    eventually(followed)
    assert namespace.ready("ci")["status"]["revision"] == 1


def test_spec_labels_and_annotations_of_an_apitoken_are_never_written(namespace, operator):
    made = namespace.token("ci")
    token = namespace.ready("ci")
    assert token["spec"] == made["spec"]
    assert token["metadata"]["generation"] == made["metadata"]["generation"]
    assert (
        "labels" not in token["metadata"]
        and "annotations" not in token["metadata"]
        and "finalizers" not in token["metadata"]
    )
    for entry in token["metadata"]["managedFields"]:
        if entry["manager"] == "apitoken-operator":
            assert entry["subresource"] == "status"


def test_every_token_is_another(namespace, operator):
    for number in range(30):
        namespace.token(f"t{number}")
    tokens = namespace.wait_all_ready(30)
    assert len({t["status"]["tokenHash"] for t in tokens}) == 30
    assert len({t["status"]["tokenID"] for t in tokens}) == 30


def test_tokens_made_while_no_operator_ran_are_minted_at_its_start(namespace, start_operator):
    for number in range(5):
        namespace.token(f"t{number}")
    start_operator()
    namespace.wait_all_ready(5)


def test_kubectl_shows_the_columns(namespace, operator):
    namespace.token("ci")
    status = namespace.ready("ci")["status"]
    lines = namespace.cluster.kubectl("get", "apitokens", "-n", namespace.name).stdout.splitlines()
    assert lines[0].split() == ["NAME", "USER", "TYPE", "READY", "REASON", "EXPIRES", "AGE"]
    assert lines[1].split()[:6] == [
        "ci",
        "alice@example.com",
        "Permanent",
        "True",
        "Issued",
        status["expiresAt"],
    ]


def test_the_metrics_of_a_token_appear_and_vanish_with_it(namespace, operator):
    namespace.token("ci")
    status = namespace.ready("ci")["status"]
    labels = {"namespace": namespace.name, "name": "ci"}

    def shown():
        metrics = operator.metrics()
        assert (
            metrics.value("apitoken_expiration_timestamp_seconds", **labels)
            == moment(status["expiresAt"]).timestamp()
        )
        assert (
            metrics.value("apitoken_warning_timestamp_seconds", **labels)
            == moment(status["warnAt"]).timestamp()
        )
        assert (
            metrics.value(
                "apitoken_info", **labels, type="Permanent", format="Opaque", reason="Issued"
            )
            == 1
        )
        assert metrics.value("apitokens", type="Permanent", reason="Issued") == 1
        assert "alice@example.com" not in metrics.text

    eventually(shown)
    namespace.tokens.delete("ci")
    wait_for(
        lambda: not operator.metrics().matching("apitoken_info", **labels), 5, "the series stay"
    )
    assert not operator.metrics().matching("apitoken_expiration_timestamp_seconds", **labels)


def test_per_token_metrics_can_be_left_out(namespace, start_operator):
    operator = start_operator("--per-token-metrics=false")
    namespace.token("ci")
    namespace.ready("ci")
    eventually(
        lambda: operator.metrics().value("apitokens", type="Permanent", reason="Issued") == 1
    )
    assert "apitoken_info" not in operator.metrics().text


@pytest.mark.parametrize("watched", ["all", "both"])
def test_several_namespaces_or_all_are_served(make_namespace, launch, watched):
    first, second, outside = make_namespace(), make_namespace(), make_namespace()
    flags = ["--operator-namespace", first.name]
    if watched == "both":
        flags += ["--namespaces", f"{first.name},{second.name}"]
    for namespace in (first, second, outside):
        namespace.token("ci")
    operator = launch(*flags)
    first.ready("ci")
    second.ready("ci")
    if watched == "all":
        outside.ready("ci")
    else:
        let_pass(1)
        assert "status" not in outside.tokens.get("ci")
        assert not outside.secrets.list()
    operator.stop()


def test_a_deleted_apitoken_takes_its_secret_along(namespace, operator):
    namespace.token("ci")
    namespace.ready("ci")
    namespace.tokens.delete("ci")
    wait_for(lambda: namespace.secrets.get("ci") is None, 30, "the Secret stays")
