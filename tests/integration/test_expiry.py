"""Expiry by the clock, lifetimes, and revocation."""

import time

import pytest

from testbed.api import ApiError
from testbed.tokens import condition, moment, seconds_between, status_and_reason
from testbed.waiting import holds, wait_for

SHORT = "12s"


def test_a_token_expires_by_the_clock_and_its_secret_stays(namespace, operator):
    namespace.token("ci", ttl=SHORT)
    born = namespace.ready("ci")
    value = namespace.value("ci")
    token = namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=25)
    assert seconds_between(born["status"]["issuedAt"], born["status"]["expiresAt"]) == 12
    late = (
        moment(condition(token, "Ready")["lastTransitionTime"])
        - moment(born["status"]["expiresAt"])
    ).total_seconds()
    assert 0 <= late <= 3
    assert not condition(token, "ExpiringSoon")
    assert status_and_reason(token, "Stalled") == ("True", "Expired")
    assert "rotate-requested-at" in condition(token, "Stalled")["message"]
    assert namespace.wait_event("ci", "Expired")["type"] == "Warning"
    assert namespace.value("ci") == value
    namespace.secrets.delete("ci")
    holds(
        lambda: not namespace.secrets.get("ci") or pytest.fail("an expired token was minted again"),
        2,
    )
    assert namespace.tokens.get("ci")["status"]["expiresAt"] == born["status"]["expiresAt"]


def test_a_token_that_expired_while_the_operator_was_down_is_seen_at_start(
    namespace, start_operator
):
    operator = start_operator()
    namespace.token("ci", ttl="10s")
    born = namespace.ready("ci")["status"]
    operator.stop()
    wait_for(lambda: moment(born["expiresAt"]).timestamp() < time.time(), 15, "the clock stands")
    start_operator()
    token = namespace.wait_condition("ci", "Ready", "False", "Expired")
    assert token["status"]["tokenHash"] == born["tokenHash"], "the record of what expired is gone"


def test_ttl_after_expired_deletes_apitoken_and_secret(namespace, operator):
    namespace.token("ci", ttl="10s", ttlAfterExpired="3s")
    born = namespace.ready("ci")["status"]
    namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=20)
    wait_for(lambda: namespace.tokens.get("ci") is None, 10, "the ApiToken stays")
    assert time.time() >= moment(born["expiresAt"]).timestamp() + 3
    wait_for(lambda: namespace.secrets.get("ci") is None, 30, "the Secret stays")


@pytest.mark.parametrize("kind", ["Warning", "Normal"], ids=["permanent", "temporary"])
def test_the_expiry_is_notified_before_the_apitoken_is_deleted(namespace, operator, kind):
    namespace.token(
        "brief",
        ttl="10s",
        ttlAfterExpired="0s",
        **({"type": "Temporary"} if kind == "Normal" else {}),
    )
    namespace.ready("brief")
    wait_for(lambda: namespace.tokens.get("brief") is None, 20, "the record stays")
    assert namespace.wait_event("brief", "Expired")["type"] == kind


def test_metadata_of_the_secret_of_an_expired_token_is_restored(namespace, operator):
    namespace.token("ci", ttl="10s")
    namespace.ready("ci")
    namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=20)
    namespace.secrets.patch("ci", {"metadata": {"annotations": {"apitoken.dev/user": "evil"}}})
    namespace.tokens.patch("ci", {"spec": {"secret": {"labels": {"team": "a"}}}})

    def right():
        meta = namespace.secrets.get("ci")["metadata"]
        return (
            meta["annotations"]["apitoken.dev/user"] == "alice@example.com"
            and meta["labels"].get("team") == "a"
        )

    wait_for(right, 10, "nothing is put back")


def test_a_temporary_token_has_its_own_defaults_and_no_day_long_warning(namespace, operator):
    namespace.token("session", type="Temporary")
    token = namespace.ready("session")
    status = token["status"]
    assert (status["type"], status["ttl"]) == ("Temporary", "8h0m0s")
    assert seconds_between(status["issuedAt"], status["expiresAt"]) == 8 * 3600
    assert "warnAt" not in status
    assert not condition(token, "ExpiringSoon")
    assert not operator.metrics().matching(
        "apitoken_warning_timestamp_seconds", namespace=namespace.name, name="session"
    )


def test_a_temporary_token_ends_with_a_normal_event_only(namespace, operator):
    namespace.token("session", type="Temporary", ttl="10s")
    namespace.ready("session")
    namespace.wait_condition("session", "Ready", "False", "Expired", timeout=20)
    end = namespace.wait_event("session", "Expired")
    assert namespace.tokens.get("session")["status"]["tokenID"] in end["note"]
    assert {e["type"] for e in namespace.events_of("session")} == {"Normal"}


def test_a_changed_ttl_waits_for_the_next_minting(namespace, operator):
    namespace.token("ci", ttl="1000h")
    born = namespace.ready("ci")["status"]
    namespace.tokens.patch("ci", {"spec": {"ttl": "2000h"}})
    status = namespace.ready("ci")["status"]
    assert (status["ttl"], status["expiresAt"], status["tokenHash"]) == (
        "1000h0m0s",
        born["expiresAt"],
        born["tokenHash"],
    )
    namespace.tokens.delete("ci")
    namespace.token("ci", ttl="2000h")
    assert namespace.ready("ci", timeout=60)["status"]["ttl"] == "2000h0m0s"


def test_revoking_ends_a_token_at_once_and_for_good(namespace, operator):
    namespace.token("ci")
    namespace.ready("ci")
    namespace.tokens.patch("ci", {"spec": {"revoked": True}})
    token = namespace.wait_condition("ci", "Ready", "False", "Revoked")
    assert "tokenHash" not in token["status"]
    assert status_and_reason(token, "Stalled") == ("True", "Revoked")
    wait_for(lambda: namespace.secrets.get("ci") is None, 10, "the Secret stays")
    event = namespace.wait_event("ci", "Revoked")
    assert event["type"] == "Normal" and token["status"]["tokenID"] in event["note"]
    with pytest.raises(ApiError, match="revoked"):
        namespace.tokens.patch("ci", {"spec": {"revoked": False}})
    holds(
        lambda: not namespace.secrets.get("ci") or pytest.fail("a revoked token was minted again"),
        1.5,
    )
    assert namespace.tokens.get("ci")


def test_a_token_born_revoked_is_never_minted(namespace, operator):
    namespace.token("ci", revoked=True)
    token = namespace.wait_condition("ci", "Ready", "False", "Revoked")
    assert "tokenHash" not in token["status"]
    assert namespace.secrets.get("ci") is None


def test_a_secret_that_lost_our_label_while_the_operator_was_down_goes_with_the_revocation(
    namespace, start_operator
):
    operator = start_operator()
    namespace.token("ci")
    namespace.ready("ci")
    operator.stop()
    namespace.secrets.patch("ci", {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}})
    namespace.tokens.patch("ci", {"spec": {"revoked": True}})
    start_operator()
    namespace.wait_condition("ci", "Ready", "False", "Revoked")
    wait_for(lambda: namespace.secrets.get("ci") is None, 10, "the Secret of a revoked token stays")


def test_a_foreign_secret_survives_a_revocation(namespace, operator):
    namespace.secret("ci", token="mine")
    namespace.token("ci")
    namespace.wait_condition("ci", "Ready", "False", "SecretConflict")
    namespace.tokens.patch("ci", {"spec": {"revoked": True}})
    namespace.wait_condition("ci", "Ready", "False", "Revoked")
    holds(lambda: namespace.secrets.get("ci") or pytest.fail("a foreign Secret was deleted"), 1)


def test_lifetimes_of_matching_configs_cut_and_default_the_ttl(namespace, operator):
    namespace.settled_config(
        "wide",
        lifetimes={"permanent": {"max": "500h"}, "temporary": {"default": "2h", "max": "4h"}},
    )
    namespace.settled_config(
        "narrow",
        lifetimes={"permanent": {"default": "200h", "max": "300h"}, "temporary": {"default": "3h"}},
    )
    namespace.token("long", ttl="8760h")
    namespace.token("plain")
    namespace.token("short", ttl="100h")
    namespace.token("session", type="Temporary")
    namespace.token("day", type="Temporary", ttl="24h")
    ttl = {
        name: namespace.ready(name)["status"]["ttl"]
        for name in ("long", "plain", "short", "session", "day")
    }
    assert ttl == {
        "long": "300h0m0s",
        "plain": "200h0m0s",
        "short": "100h0m0s",
        "session": "2h0m0s",
        "day": "4h0m0s",
    }
    assert "300h" in condition(namespace.tokens.get("long"), "Ready")["message"]


def test_lifetimes_touch_nothing_already_minted(namespace, operator):
    namespace.token("ci", ttl="1000h")
    born = namespace.ready("ci")["status"]
    namespace.settled_config("cap", lifetimes={"permanent": {"max": "100h"}})
    assert namespace.tokens.get("ci")["status"]["expiresAt"] == born["expiresAt"]
    namespace.secrets.delete("ci")
    wait_for(lambda: namespace.secrets.get("ci"), 10, "not healed")
    assert namespace.ready("ci")["status"]["expiresAt"] == born["expiresAt"]
