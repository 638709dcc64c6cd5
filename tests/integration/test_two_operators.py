"""Two operators by mistake, each with namespaces of its own: they count differently and write the
status of one TokenExpiryConfig."""

import re

from testbed.tokens import condition
from testbed.waiting import SCALE, holds, wait_for

REPORT = "another operator writes the status of this TokenExpiryConfig too"


def versions_seen(namespace, config, seconds):
    """How many versions of the config are seen within that time."""
    seen = set()

    def look():
        seen.add(namespace.configs.get(config)["metadata"]["resourceVersion"])

    holds(look, seconds, every=0.02)
    return len(seen)


def test_two_operators_do_not_fight_over_a_status_and_say_so_once(
    launch, make_namespace, namespace
):
    other = make_namespace()
    name = namespace.config("both", namespaceSelector={})
    pair = [launch(*one.flags) for one in (namespace, other)]
    namespace.token("one")
    namespace.ready("one")
    for index in range(2):
        other.token(f"two-{index}")
        other.ready(f"two-{index}")

    wait_for(
        lambda: any(REPORT in operator.log() for operator in pair), 60, "nobody reports the other"
    )
    written_by = rf"written by \S+, which serves namespace ({namespace.name}|{other.name});"
    wait_for(
        lambda: re.match(written_by, condition(namespace.configs.get(name), "Ready")["message"]),
        60 * SCALE,
        "the status does not say who wrote it",
    )
    assert versions_seen(namespace, name, 5) <= 3, "they write over each other's status"
    assert all(operator.log().count(REPORT) <= 1 for operator in pair)

    pair[0].stop()

    def counted_by_the_one_that_is_left():
        return namespace.configs.get(name)["status"]["matchedTokens"] == 2

    wait_for(counted_by_the_one_that_is_left, 60 * SCALE, "the status is nobody's")
