"""No tenant waits for another tenant's many tokens, and work that decides validity comes before
notices."""

import concurrent.futures
import signal
import statistics
import time

import pytest

from testbed.tokens import status_and_reason
from testbed.waiting import SCALE, wait_for

MANY = 1200


@pytest.fixture
def namespaces(make_namespace):
    """(the tenant with many tokens, another tenant)"""
    return make_namespace(), make_namespace()


@pytest.fixture
def serving(launch, namespaces):
    return launch(
        "--namespaces",
        ",".join(s.name for s in namespaces),
        "--operator-namespace",
        namespaces[0].name,
    )


def create_many(namespace, **spec):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: namespace.token(f"mass-{n}", **spec), range(MANY)))


def seconds_until(act, reached, timeout=120):
    began = time.monotonic()
    act()
    wait_for(reached, timeout, "never reached", every=0.005)
    return time.monotonic() - began


def is_ready(namespace, name):
    return status_and_reason(namespace.tokens.get(name), "Ready")[0] == "True"


def mint_seconds(namespace, name):
    return seconds_until(lambda: namespace.token(name), lambda: is_ready(namespace, name))


def depth(operator):
    return operator.metrics().value("workqueue_depth", name="apitoken")


def test_a_single_token_does_not_wait_for_another_tenants_mass(namespaces, serving):
    many, single = namespaces
    alone = statistics.median(mint_seconds(single, f"alone-{n}") for n in range(5))
    serving.process.send_signal(signal.SIGSTOP)
    create_many(many)
    serving.process.send_signal(signal.SIGCONT)
    wait_for(lambda: depth(serving) > MANY / 2, 30, "the mass does not queue up")
    began = time.monotonic()
    beside = [mint_seconds(single, f"beside-{n}") for n in range(5)]
    assert depth(serving) > 0, "the mass was over before the single tokens: nothing is shown"
    wait_for(lambda: depth(serving) == 0, 120, "the mass is never done")
    whole = time.monotonic() - began
    print(
        f"alone {alone:.3f} s, beside {MANY} others {[f'{s:.3f}' for s in beside]} s; "
        f"the others took {whole:.1f} s"
    )
    assert max(beside) - alone < 1 * SCALE
    assert statistics.median(beside) < max(whole / 10, 5 * alone)


def test_a_revocation_does_not_wait_for_the_changed_reminders_of_a_config(namespaces, serving):
    """In the same namespace: the notices of its other tokens wait, also if they came first."""
    many, _ = namespaces
    config = many.settled_config("all", reminders=["24h"])
    for n in range(6):
        many.token(f"one-{n}", ttl="200h")
    create_many(many, ttl="200h")
    many.wait_all_ready(MANY + 6, timeout=120)

    def revoke_seconds(name):
        return seconds_until(
            lambda: many.tokens.patch(name, {"spec": {"revoked": True}}),
            lambda: status_and_reason(many.tokens.get(name), "Ready") == ("False", "Revoked"),
        )

    alone = statistics.median(revoke_seconds(f"one-{n}") for n in range(3))
    many.configs.patch(config, {"spec": {"reminders": ["199h", "150h"]}})
    wait_for(lambda: depth(serving) > MANY / 4, 30, "the changed reminders do not queue up")
    beside = [revoke_seconds(f"one-{n}") for n in range(3, 6)]
    assert depth(serving) > 0, "the notices were over before the revocations: nothing is shown"
    print(f"alone {alone:.3f} s, beside {MANY} changed reminders {[f'{s:.3f}' for s in beside]} s")
    assert max(beside) - alone < 1 * SCALE
