"""Which changes of an ApiToken need permission to mint it: the shipped policies on the real API
server."""

import pytest

from testbed.people import HOME, RESERVED, temporary
from testbed.waiting import eventually, wait_for

ROTATE = "apitoken.dev/rotate-requested-at"


@pytest.fixture(scope="module")
def tokens(people):
    """ApiTokens that the administrator made."""
    for name, spec in {
        "permanent": {"user": "tenant"},
        "session": temporary("tenant"),
        "of-ceo": temporary("ceo@example.com"),
        "of-robot": temporary(f"robot:{HOME}:ci"),
        "in-ops": temporary("tenant", groups=["ops"]),
        "permanent-of-ceo": {"user": "ceo@example.com"},
    }.items():
        people.tokens.create(
            name,
            spec,
            labels={"tier": "prod", "note": "x"},
            annotations={ROTATE: "2026-01-01T00:00:00Z"},
        )
    return people


LATER = {"metadata": {"annotations": {ROTATE: "2026-01-02T00:00:00Z"}}}
WITHOUT_ROLE = (
    "; if nobody needs the token, delete the ApiToken; else let somebody do this who has the role "
)
STILL_PERMANENT = (
    f"needs the verb mint-permanent on apitokens.apitoken.dev in namespace {HOME}, "
    f"which tenant does not have{WITHOUT_ROLE}apitoken-minter"
)
STILL_CEO = (
    "spec.user: ceo@example.com is not tenant, who asks and may not impersonate that user "
    "in the whole cluster"
)
CHANGES = [
    ("permanent", "the spec", {"spec": {"description": "another"}}, STILL_PERMANENT),
    ("permanent", "the ttl", {"spec": {"ttl": "1h"}}, STILL_PERMANENT),
    (
        "permanent",
        "automatic rotation",
        {"spec": {"rotation": {"policy": "Automatic"}}},
        STILL_PERMANENT,
    ),
    ("permanent", "a revocation", {"spec": {"revoked": True}}, STILL_PERMANENT),
    ("permanent", "the rotate annotation", LATER, STILL_PERMANENT),
    (
        "permanent",
        "another annotation",
        {"metadata": {"annotations": {"example.com/note": "x"}}},
        None,
    ),
    ("permanent", "nothing", {}, None),
    ("session", "the spec", {"spec": {"description": "another"}}, None),
    ("session", "a group of one's own", {"spec": {"groups": ["shop"]}}, None),
    (
        "session",
        "a group of others",
        {"spec": {"groups": ["ops"]}},
        "spec.groups: ops does not have tenant as a member",
    ),
    (
        "session",
        "a reserved group",
        {"spec": {"groups": [RESERVED]}},
        f"spec.groups: {RESERVED} is a reserved group",
    ),
    ("session", "the rotate annotation", LATER, None),
    ("of-ceo", "the rotate annotation", LATER, STILL_CEO),
    (
        "of-ceo",
        "a revocation",
        {"spec": {"revoked": True}},
        WITHOUT_ROLE + "apitoken-admin by a ClusterRoleBinding",
    ),
    ("of-robot", "the rotate annotation", LATER, None),
    (
        "of-robot",
        "a group",
        {"spec": {"groups": ["shop"]}},
        f"spec.groups: shop is asked for robot:{HOME}:ci, "
        "and tenant may not impersonate every group",
    ),
    ("in-ops", "the rotate annotation", LATER, "spec.groups: ops does not have tenant as a member"),
]


@pytest.mark.parametrize(
    "name, what, body, expected", CHANGES, ids=[f"{name}-{what}" for name, what, _, _ in CHANGES]
)
def test_which_changes_the_policy_looks_at(tokens, name, what, body, expected):
    """The tenant has edit."""
    message = tokens.change("tenant", name, body)
    assert (message is None) == (expected is None), message
    assert expected is None or expected in message


def test_a_token_of_somebody_else_may_be_deleted(tokens):
    """Which ends it at once. Nobody is made to keep a token in the own namespace."""
    assert tokens.tokens_as("tenant").delete("of-ceo", dryRun="All")


# --- labels that a tokenSelector reads ------------------------------------------------------------


def labels(**changes):
    return {"metadata": {"labels": changes}}


LABELS = [
    ("tenant", "permanent", labels(tier="dev"), "lacks the verb mint-permanent"),
    ("tenant", "permanent", labels(tier=None), "lacks the verb mint-permanent"),
    ("tenant", "permanent", labels(team=""), "lacks the verb mint-permanent"),
    ("tenant", "permanent", labels(zone="x"), "lacks the verb mint-permanent"),
    ("tenant", "permanent", labels(note="y", other="z"), None),
    ("tenant", "permanent", labels(tier="prod"), None),
    ("tenant", "session", labels(tier="dev", team="x"), None),
    (
        "tenant",
        "of-ceo",
        labels(tier="dev"),
        "tenant is not ceo@example.com and may not impersonate that user in the whole cluster",
    ),
    ("tenant", "of-ceo", labels(note="y"), None),
    ("tenant", "of-robot", labels(tier="dev"), None),
    ("tenant", "in-ops", labels(tier="dev"), "tenant may not name group ops for tenant"),
    (
        "namespace-admin",
        "permanent-of-ceo",
        labels(tier="dev"),
        "namespace-admin is not ceo@example.com",
    ),
    ("minter", "permanent", labels(tier="dev"), "minter is not tenant"),
    ("for-ceo", "of-ceo", labels(tier="dev"), None),
    ("identity-admin", "permanent-of-ceo", labels(tier="dev"), None),
    ("identity-admin", "in-ops", labels(tier="dev"), None),
    ("root", "permanent", labels(tier="dev"), None),
]


@pytest.fixture(scope="module")
def selecting(tokens):
    """Two TokenExpiryConfigs that read labels, one of them in namespaces that do not exist, and one
    that reads no label."""
    expressions = [
        {"key": "team", "operator": "Exists"},
        {"key": "tier", "operator": "NotIn", "values": ["dev"]},
    ]
    made = {
        "all": {},
        "prod": {
            "tokenSelector": {"matchLabels": {"tier": "prod"}, "matchExpressions": expressions}
        },
        "zones": {
            "tokenSelector": {"matchLabels": {"zone": "a"}},
            "namespaceSelector": {"matchLabels": {"none": "such"}},
        },
    }
    for name, spec in made.items():
        tokens.configs.create(f"labels-{name}", spec)
    for body in (labels(tier="dev"), labels(zone="x")):
        wait_for(
            lambda body=body: tokens.change("tenant", "permanent", body),
            20,
            "the policy does not know the TokenExpiryConfigs",
        )
    yield tokens
    for name in made:
        tokens.configs.delete(f"labels-{name}")


@pytest.mark.parametrize(
    "who, name, body, expected",
    LABELS,
    ids=[f"{who}-{name}-{i}" for i, (who, name, _, _) in enumerate(LABELS)],
)
def test_a_label_that_a_selector_reads_needs_permission_to_mint(
    selecting, who, name, body, expected
):
    message = selecting.change(who, name, body)
    assert (message is None) == (expected is None), message
    if expected:
        key, config = (
            ("zone", "labels-zones")
            if "zone" in body["metadata"]["labels"]
            else (next(iter(body["metadata"]["labels"])), "labels-prod")
        )
        for part in (
            "apitoken-mint-labels",
            f"metadata.labels: {key} is read by spec.tokenSelector of TokenExpiryConfig {config}",
            expected,
            "; leave this label as it is, or let somebody change it who has the role apitoken-",
        ):
            assert part in message


def test_without_a_config_that_reads_it_a_label_is_free(selecting):
    selecting.configs.delete("labels-zones")
    eventually(lambda: _is_free(selecting, labels(zone="x")), 20)
    assert selecting.change("tenant", "permanent", labels(tier="dev"))


def _is_free(people, body):
    assert people.change("tenant", "permanent", body) is None
