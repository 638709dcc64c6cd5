"""A clock that jumps: the API server's Date is the second opinion. libfaketime moves the operator's wall clock, and it alone."""

import glob

import pytest
import requests
import urllib3

from bed.tokens import stands
from bed.waiting import eventually, holds, let_pass, wait_for

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)

pytestmark = pytest.mark.skipif(
    LIBRARY is None, reason="libfaketime is not installed (Debian: faketime)"
)


class Jumping:
    """An operator whose wall clock the test sets, as an offset such as +20d."""

    def __init__(self, start_operator, path):
        self.path = path
        self.set("+0")
        self.operator = start_operator(
            env={
                "LD_PRELOAD": LIBRARY,
                "FAKETIME_TIMESTAMP_FILE": str(path),
                "FAKETIME_NO_CACHE": "1",
                "DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        )

    def set(self, offset):
        fresh = self.path.with_suffix(".new")
        fresh.write_text(offset + "\n")
        fresh.replace(self.path)

    def skew(self):
        return self.operator.metrics().value("apitoken_clock_skew_seconds")

    def verifies(self, value):
        urllib3.disable_warnings()
        return (
            requests.get(
                self.operator.verify_url + "/auth",
                headers={"Authorization": f"Bearer {value}"},
                verify=False,
                timeout=10,
            ).status_code
            == 200
        )


@pytest.fixture
def jumping(start_operator, tmp_path):
    return Jumping(start_operator, tmp_path / "offset")


def test_a_jump_far_ahead_and_back_costs_nothing(space, jumping):
    """Twenty days ahead: a Temporary token would be deleted, an automatic one rotated; after the return all would be 401."""
    space.token("short", type="Temporary", ttl="1h")
    space.token("automatic", ttl="200h", rotation={"policy": "Automatic"})
    before = {name: space.ready(name) for name in ("short", "automatic")}
    values = [space.value(name) for name in before]
    assert all(jumping.verifies(value) for value in values)
    jumping.set("+20d")
    wait_for(lambda: jumping.skew() > 19 * 86400, 15, "the metric does not show the jump")
    wait_for(lambda: jumping.operator.probe() == 503, 15, "/readyz is 200")
    assert "ClockSkew" in requests.get(jumping.operator.health_url + "/readyz", timeout=5).text
    jumping.operator.wait_logged("ClockSkew: the clock of this machine is .* ahead of")
    space.token("during")

    def nothing_happens():
        for name, token in before.items():
            status = space.tokens.get(name)["status"]
            for field in ("tokenHash", "expiresAt", "revision", "conditions"):  # not lastUsedAt
                assert status[field] == token["status"][field]
        assert (
            stands(space.tokens.get("during"), "Ready")[0] != "True"
            and space.secrets.get("during") is None
        )
        assert all(jumping.verifies(value) for value in values)

    holds(nothing_happens, 4)
    space.tokens.patch("automatic", {"spec": {"revoked": True}})
    space.wait_condition("automatic", "Ready", "False", "Revoked")
    jumping.set("+0")
    space.ready("during", timeout=20)
    wait_for(lambda: jumping.operator.probe() == 200, 15, "/readyz stays 503")
    assert (
        jumping.verifies(values[0])
        and jumping.verifies(space.value("during"))
        and not jumping.verifies(values[1])
    )
    assert jumping.skew() == 0
    jumping.operator.wait_logged("ClockSkew is over")


def test_what_is_minted_after_a_small_jump_back_is_valid_at_once(space, jumping):
    space.token("before")
    space.ready("before")
    jumping.set("-120")
    space.token("young", type="Temporary", ttl="60s")
    space.ready("young")
    assert jumping.verifies(space.value("young"))
    assert jumping.operator.probe() == 200
