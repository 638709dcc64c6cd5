"""The policy apitoken-lifetimes on the real API server: a ttl beyond the ceiling of a
TokenExpiryConfig causes a warning at admission, or is refused if an administrator chose that."""

import pytest

from testbed import guarded
from testbed.policies import ADMISSION, refusal
from testbed.tokens import condition, status_and_reason
from testbed.waiting import eventually

cluster, operator_kubeconfig = guarded.cluster, guarded.operator_kubeconfig

ROTATE = "apitoken.dev/rotate-requested-at"


def permanent(user, **more):
    return {"user": user, **more}


def temporary(user, **more):
    return {"user": user, "type": "Temporary", **more}


PERMANENT_CAP = {"lifetimes": {"permanent": {"max": "24h"}, "temporary": {"max": "1h"}}}
CUT = "is more than the 24h"
# of the config, labels of the token, its spec, what the warning says (None: none)
LIFETIMES = [
    (
        {},
        {},
        permanent("alice", ttl="25h"),
        "spec.ttl: 25h is more than the 24h that TokenExpiryConfig",
    ),
    ({}, {}, permanent("alice", ttl="24h0m"), None),
    ({}, {}, permanent("alice"), None),
    ({}, {}, temporary("alice", ttl="2h"), "spec.ttl: 2h is more than the 1h"),
    (
        {"tokenSelector": {"matchLabels": {"tier": "prod"}}},
        {"tier": "prod"},
        permanent("alice", ttl="25h"),
        CUT,
    ),
    (
        {"tokenSelector": {"matchLabels": {"tier": "prod"}}},
        {"tier": "dev"},
        permanent("alice", ttl="25h"),
        None,
    ),
    ({"tokenSelector": {"matchLabels": {"tier": "prod"}}}, {}, permanent("alice", ttl="25h"), None),
    *[
        (
            {
                "tokenSelector": {
                    "matchExpressions": [
                        {
                            "key": "tier",
                            "operator": operator,
                            **({"values": values} if values else {}),
                        }
                    ]
                }
            },
            labels,
            permanent("alice", ttl="25h"),
            CUT if matches else None,
        )
        for operator, values, labels, matches in [
            ("In", ["prod", "qa"], {"tier": "qa"}, True),
            ("In", ["prod"], {"tier": "qa"}, False),
            ("In", ["prod"], {}, False),
            ("NotIn", ["prod"], {"tier": "qa"}, True),
            ("NotIn", ["prod"], {"tier": "prod"}, False),
            ("NotIn", ["prod"], {}, True),
            ("Exists", [], {"tier": ""}, True),
            ("Exists", [], {}, False),
            ("DoesNotExist", [], {}, True),
            ("DoesNotExist", [], {"tier": "x"}, False),
        ]
    ],
    (
        {
            "namespaceSelector": {
                "matchExpressions": [{"key": "team", "operator": "In", "values": ["red"]}]
            }
        },
        {},
        permanent("alice", ttl="25h"),
        CUT,
    ),
    (
        {"namespaceSelector": {"matchLabels": {"team": "blue"}}},
        {},
        permanent("alice", ttl="25h"),
        None,
    ),
]


@pytest.mark.parametrize("selectors, labels, spec, warning", LIFETIMES)
def test_a_ttl_beyond_the_ceiling_is_reported_at_admission(
    cluster, make_namespace, selectors, labels, spec, warning
):
    namespace = make_namespace(labels={"team": "red"})
    here = selectors or {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}}
    }
    here = (
        {**here}
        if "namespaceSelector" in here
        else {
            **here,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}},
        }
    )
    name = namespace.config("cap", **here, **PERMANENT_CAP)
    probe = namespace.config(
        "probe", lifetimes={"permanent": {"max": "10s"}, "temporary": {"max": "10s"}}
    )
    body = {
        "apiVersion": "apitoken.dev/v1alpha1",
        "kind": "ApiToken",
        "metadata": {"name": "t", "labels": labels},
        "spec": spec,
    }

    def warnings(spec):
        message = cluster.api.request(
            "POST", namespace.tokens.path, {**body, "spec": spec}, {"dryRun": "All"}
        ).headers.get("Warning", "")
        return [part for part in message.split("299 - ") if part]

    # Configs reach the policy in the order in which they were made: once the younger one acts, the
    # older one does.
    eventually(lambda: assert_any(probe, warnings({**spec, "ttl": "11s"})))
    message = [text for text in warnings(spec) if f"TokenExpiryConfig {name} " in text]
    assert len(message) == (warning is not None), message
    assert warning is None or warning in message[0]


@pytest.fixture
def denying(cluster, namespace):
    """Deny instead of Warn, as with policy.lifetimes=Deny of the chart, in this namespace only."""
    bindings = f"{ADMISSION}/validatingadmissionpolicybindings"
    spec = cluster.api.get(f"{bindings}/apitoken-lifetimes")["spec"]
    spec["validationActions"] = ["Deny"]
    spec["matchResources"] = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}}
    }
    cluster.api.create(bindings, {"metadata": {"name": namespace.name}, "spec": spec})
    yield
    cluster.api.delete(f"{bindings}/{namespace.name}")


def test_with_deny_a_ttl_beyond_the_ceiling_is_refused_and_a_token_that_has_it_can_be_revoked(
    denying, namespace
):
    namespace.token("long", ttl="48h")
    name = namespace.config("cap", **PERMANENT_CAP)

    def patched(change, **params):
        return refusal(lambda: namespace.tokens.patch("long", change, **params))

    refused = (
        f"is more than the 24h that TokenExpiryConfig {name} allows tokens of type Permanent, "
        "and none gets more; ask for 24h or less"
    )
    eventually(lambda: assert_any(refused, [patched({"spec": {"ttl": "47h"}}, dryRun="All") or ""]))
    body = {
        "apiVersion": "apitoken.dev/v1alpha1",
        "kind": "ApiToken",
        "metadata": {"name": "new"},
        "spec": permanent("alice", ttl="25h"),
    }
    message = refusal(lambda: namespace.tokens.api.create(namespace.tokens.path, body))
    assert (
        message.startswith('apitokens.apitoken.dev "new" is forbidden: ValidatingAdmissionPolicy')
        and refused in message
    )
    for change in (
        {"spec": {"description": "another"}},
        {"metadata": {"annotations": {ROTATE: "2026-01-02T00:00:00Z"}}},
        {"metadata": {"labels": {"tier": "x"}}},
        {"spec": {"ttl": None}},
        {"spec": {"ttl": "24h"}},
    ):
        assert patched(change, dryRun="All") is None, change
    assert patched({"spec": {"revoked": True}}) is None


def assert_any(part, texts):
    assert any(part in text for text in texts), texts


def test_a_ttl_that_was_warned_about_is_cut_by_the_operator(namespace, operator):
    name = namespace.settled_config("cap", lifetimes={"permanent": {"max": "24h"}})
    token = namespace.token("long", ttl="48h")
    assert token["spec"]["ttl"] == "48h"
    token = namespace.ready("long")
    assert token["status"]["ttl"] == "24h0m0s" and status_and_reason(token, "Ready")[0] == "True"
    assert (
        name in condition(token, "Ready")["message"]
        or "24h" in condition(token, "Ready")["message"]
    )
