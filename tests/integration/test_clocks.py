"""A clock that jumps: the operator compares its clock with the API server's Date. libfaketime
moves only the operator's wall clock."""

import glob

import pytest
import requests
import urllib3

from testbed.tokens import status_and_reason
from testbed.waiting import holds, wait_for

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


def test_a_jump_far_ahead_and_back_costs_nothing(namespace, jumping):
    """Without the check, 20 days ahead would delete a Temporary token and rotate an automatic
    one, and after the return every answer would be 401."""
    namespace.token("short", type="Temporary", ttl="1h")
    namespace.token("automatic", ttl="200h", rotation={"policy": "Automatic"})
    before = {name: namespace.ready(name) for name in ("short", "automatic")}
    values = [namespace.value(name) for name in before]
    assert all(jumping.verifies(value) for value in values)
    jumping.set("+20d")
    wait_for(lambda: jumping.skew() > 19 * 86400, 15, "the metric does not show the jump")
    wait_for(lambda: jumping.operator.probe() == 503, 15, "/readyz is 200")
    assert "ClockSkew" in requests.get(jumping.operator.health_url + "/readyz", timeout=5).text
    jumping.operator.wait_logged("ClockSkew: the clock of this machine is .* ahead of")
    namespace.token("during")

    def nothing_happens():
        for name, token in before.items():
            status = namespace.tokens.get(name)["status"]
            for field in ("tokenHash", "expiresAt", "revision", "conditions"):  # not lastUsedAt
                assert status[field] == token["status"][field]
        assert (
            status_and_reason(namespace.tokens.get("during"), "Ready")[0] != "True"
            and namespace.secrets.get("during") is None
        )
        assert all(jumping.verifies(value) for value in values)

    holds(nothing_happens, 4)
    namespace.tokens.patch("automatic", {"spec": {"revoked": True}})
    namespace.wait_condition("automatic", "Ready", "False", "Revoked")
    jumping.set("+0")
    namespace.ready("during", timeout=20)
    wait_for(lambda: jumping.operator.probe() == 200, 15, "/readyz stays 503")
    assert (
        jumping.verifies(values[0])
        and jumping.verifies(namespace.value("during"))
        and not jumping.verifies(values[1])
    )
    assert jumping.skew() == 0
    jumping.operator.wait_logged("ClockSkew has ended")


def test_what_is_minted_after_a_small_jump_back_is_valid_at_once(namespace, jumping):
    namespace.token("before")
    namespace.ready("before")
    jumping.set("-120")
    namespace.token("young", type="Temporary", ttl="60s")
    namespace.ready("young")
    assert jumping.verifies(namespace.value("young"))
    assert jumping.operator.probe() == 200
