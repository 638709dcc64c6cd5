"""Expiry by the clock, lifetimes, and revocation."""

import time

import pytest

from bed.api import ApiError
from bed.tokens import condition, moment, seconds_between, stands
from bed.waiting import holds, wait_for

SHORT = "12s"


def test_a_token_expires_by_the_clock_and_its_secret_stays(space, operator):
    space.token("ci", ttl=SHORT)
    born = space.ready("ci")
    value = space.value("ci")
    token = space.wait_condition("ci", "Ready", "False", "Expired", timeout=25)
    assert seconds_between(born["status"]["issuedAt"], born["status"]["expiresAt"]) == 12
    late = (
        moment(condition(token, "Ready")["lastTransitionTime"])
        - moment(born["status"]["expiresAt"])
    ).total_seconds()
    assert 0 <= late <= 3
    assert not condition(token, "ExpiringSoon")
    assert stands(token, "Stalled") == ("True", "Expired")
    assert space.wait_event("ci", "Expired")["type"] == "Warning"
    assert space.value("ci") == value
    space.secrets.delete("ci")
    holds(
        lambda: not space.secrets.get("ci") or pytest.fail("an expired token was minted again"), 2
    )
    assert space.tokens.get("ci")["status"]["expiresAt"] == born["status"]["expiresAt"]


def test_a_token_that_expired_while_the_operator_was_down_is_seen_at_start(space, start_operator):
    operator = start_operator()
    space.token("ci", ttl="10s")
    born = space.ready("ci")["status"]
    operator.stop()
    wait_for(lambda: moment(born["expiresAt"]).timestamp() < time.time(), 15, "the clock stands")
    start_operator()
    token = space.wait_condition("ci", "Ready", "False", "Expired")
    assert token["status"]["tokenHash"] == born["tokenHash"], "the record of what expired is gone"


def test_ttl_after_expired_deletes_apitoken_and_secret(space, operator):
    space.token("ci", ttl="10s", ttlAfterExpired="3s")
    born = space.ready("ci")["status"]
    space.wait_condition("ci", "Ready", "False", "Expired", timeout=20)
    wait_for(lambda: space.tokens.get("ci") is None, 10, "the ApiToken stays")
    assert time.time() >= moment(born["expiresAt"]).timestamp() + 3
    wait_for(lambda: space.secrets.get("ci") is None, 30, "the Secret stays")


@pytest.mark.parametrize("kind", ["Warning", "Normal"], ids=["permanent", "temporary"])
def test_that_a_token_expired_is_told_before_its_record_goes(space, operator, kind):
    space.token(
        "brief",
        ttl="10s",
        ttlAfterExpired="0s",
        **({"type": "Temporary"} if kind == "Normal" else {}),
    )
    space.ready("brief")
    wait_for(lambda: space.tokens.get("brief") is None, 20, "the record stays")
    assert space.wait_event("brief", "Expired")["type"] == kind


def test_the_secret_of_an_expired_token_is_kept_right(space, operator):
    space.token("ci", ttl="10s")
    space.ready("ci")
    space.wait_condition("ci", "Ready", "False", "Expired", timeout=20)
    space.secrets.patch("ci", {"metadata": {"annotations": {"apitoken.dev/user": "evil"}}})
    space.tokens.patch("ci", {"spec": {"secret": {"labels": {"team": "a"}}}})

    def right():
        meta = space.secrets.get("ci")["metadata"]
        return (
            meta["annotations"]["apitoken.dev/user"] == "alice@example.com"
            and meta["labels"].get("team") == "a"
        )

    wait_for(right, 10, "nothing is put back")


def test_a_temporary_token_has_its_own_defaults_and_no_day_long_warning(space, operator):
    space.token("session", type="Temporary")
    token = space.ready("session")
    status = token["status"]
    assert (status["type"], status["ttl"]) == ("Temporary", "8h0m0s")
    assert seconds_between(status["issuedAt"], status["expiresAt"]) == 8 * 3600
    assert "warnAt" not in status
    assert not condition(token, "ExpiringSoon")
    assert not operator.metrics().matching(
        "apitoken_warning_timestamp_seconds", namespace=space.name, name="session"
    )


def test_a_temporary_token_ends_with_a_normal_event_only(space, operator):
    space.token("session", type="Temporary", ttl="10s")
    space.ready("session")
    space.wait_condition("session", "Ready", "False", "Expired", timeout=20)
    wait_for(lambda: len(space.events_of("session")) >= 2, 10, "no Event at the end")
    assert {e["type"] for e in space.events_of("session")} == {"Normal"}


def test_a_changed_ttl_waits_for_the_next_minting(space, operator):
    space.token("ci", ttl="1000h")
    born = space.ready("ci")["status"]
    space.tokens.patch("ci", {"spec": {"ttl": "2000h"}})
    status = space.ready("ci")["status"]
    assert (status["ttl"], status["expiresAt"], status["tokenHash"]) == (
        "1000h0m0s",
        born["expiresAt"],
        born["tokenHash"],
    )
    space.tokens.delete("ci")
    space.token("ci", ttl="2000h")
    assert space.ready("ci", timeout=60)["status"]["ttl"] == "2000h0m0s"


def test_revoking_ends_a_token_at_once_and_for_good(space, operator):
    space.token("ci")
    space.ready("ci")
    space.tokens.patch("ci", {"spec": {"revoked": True}})
    token = space.wait_condition("ci", "Ready", "False", "Revoked")
    assert "tokenHash" not in token["status"]
    assert stands(token, "Stalled") == ("True", "Revoked")
    wait_for(lambda: space.secrets.get("ci") is None, 10, "the Secret stays")
    assert space.wait_event("ci", "Revoked")["type"] == "Normal"
    with pytest.raises(ApiError, match="revoked"):
        space.tokens.patch("ci", {"spec": {"revoked": False}})
    holds(
        lambda: not space.secrets.get("ci") or pytest.fail("a revoked token was minted again"), 1.5
    )
    assert space.tokens.get("ci")


def test_a_token_born_revoked_is_never_minted(space, operator):
    space.token("ci", revoked=True)
    token = space.wait_condition("ci", "Ready", "False", "Revoked")
    assert "tokenHash" not in token["status"]
    assert space.secrets.get("ci") is None


def test_a_secret_that_lost_our_label_while_the_operator_was_down_goes_with_the_revocation(
    space, start_operator
):
    operator = start_operator()
    space.token("ci")
    space.ready("ci")
    operator.stop()
    space.secrets.patch("ci", {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}})
    space.tokens.patch("ci", {"spec": {"revoked": True}})
    start_operator()
    space.wait_condition("ci", "Ready", "False", "Revoked")
    wait_for(lambda: space.secrets.get("ci") is None, 10, "the Secret of a revoked token stays")


def test_a_foreign_secret_survives_a_revocation(space, operator):
    space.secret("ci", token="mine")
    space.token("ci")
    space.wait_condition("ci", "Ready", "False", "SecretConflict")
    space.tokens.patch("ci", {"spec": {"revoked": True}})
    space.wait_condition("ci", "Ready", "False", "Revoked")
    holds(lambda: space.secrets.get("ci") or pytest.fail("a foreign Secret was deleted"), 1)


def test_lifetimes_of_matching_configs_cut_and_default_the_ttl(space, operator):
    space.settled_config(
        "wide",
        lifetimes={"permanent": {"max": "500h"}, "temporary": {"default": "2h", "max": "4h"}},
    )
    space.settled_config(
        "narrow",
        lifetimes={"permanent": {"default": "200h", "max": "300h"}, "temporary": {"default": "3h"}},
    )
    space.token("long", ttl="8760h")
    space.token("plain")
    space.token("short", ttl="100h")
    space.token("session", type="Temporary")
    space.token("day", type="Temporary", ttl="24h")
    ttl = {
        name: space.ready(name)["status"]["ttl"]
        for name in ("long", "plain", "short", "session", "day")
    }
    assert ttl == {
        "long": "300h0m0s",
        "plain": "200h0m0s",
        "short": "100h0m0s",
        "session": "2h0m0s",
        "day": "4h0m0s",
    }
    assert "300h" in condition(space.tokens.get("long"), "Ready")["message"]


def test_lifetimes_touch_nothing_already_minted(space, operator):
    space.token("ci", ttl="1000h")
    born = space.ready("ci")["status"]
    space.settled_config("cap", lifetimes={"permanent": {"max": "100h"}})
    assert space.tokens.get("ci")["status"]["expiresAt"] == born["expiresAt"]
    space.secrets.delete("ci")
    wait_for(lambda: space.secrets.get("ci"), 10, "not healed")
    assert space.ready("ci")["status"]["expiresAt"] == born["expiresAt"]
