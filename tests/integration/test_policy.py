"""Who may mint: the shipped policies and roles on the real API server. One table has every kind
of requester and every kind of request; each cell states the result."""

import pytest

from testbed.api import ApiError
from testbed.people import GROUPS, HOME, PEOPLE, RESERVED, temporary

OTHER_ROBOT = "robot:kube-system:ci"


# `me` is the requester.
REQUESTS = {
    "own": temporary,
    "own-permanent": lambda me: {"user": me},
    "own-automatic": lambda me: {
        "user": me,
        "type": "Permanent",
        "rotation": {"policy": "Automatic"},
    },
    "own-in-shop": lambda me: temporary(me, groups=["shop"]),
    "own-in-ops": lambda me: temporary(me, groups=["shop", "ops"]),
    "ceo": lambda me: temporary("ceo@example.com"),
    "ceo-in-ops": lambda me: temporary("ceo@example.com", groups=["ops"]),
    "ceo-permanent": lambda me: {"user": "ceo@example.com"},
    "robot": lambda me: temporary(f"robot:{HOME}:builder"),
    "robot-permanent": lambda me: {"user": f"robot:{HOME}:builder"},
    "robot-in-shop": lambda me: temporary(f"robot:{HOME}:builder", groups=["shop"]),
    "robot-of-others": lambda me: temporary(OTHER_ROBOT),
    "robot-without-name": lambda me: temporary(f"robot:{HOME}:"),
    "robot-nowhere": lambda me: temporary("robot:builder"),
    "own-reserved": lambda me: temporary(me, groups=[RESERVED]),
    "ceo-reserved": lambda me: {"user": "ceo@example.com", "groups": ["ops", RESERVED]},
}

# .  allowed                   T  needs mint-permanent          U  not this user
# G  not these groups          R  no such robot here            X  reserved group
# c  the kind refuses users that begin with system:      n  and robots without namespace or name
# -  Kubernetes' own roles refuse: no right on ApiTokens
# The columns are those of REQUESTS.
VERDICTS = """
who                  own per aut sho ops  ceo ops per  rob per sho  oth nam now  own ceo
viewer               -   -   -   -   -    -   -   -    -   -   -    -   -   -    -   -
user                 .   T   T   .   G    U   U   T    .   T   G    R   n   n    X   X
tenant               .   T   T   .   G    U   U   T    .   T   G    R   n   n    X   X
edit-everywhere      .   T   T   .   G    U   U   T    .   T   G    R   n   n    X   X
minter               .   .   .   .   G    U   U   U    .   .   G    R   n   n    X   X
namespace-admin      .   .   .   .   G    U   U   U    .   .   G    R   n   n    X   X
namespace-owner      .   .   .   .   G    U   U   U    .   .   G    R   n   n    X   X
misplaced-admin      .   .   .   .   G    U   U   U    .   .   G    R   n   n    X   X
admin-everywhere     .   .   .   .   G    U   U   U    .   .   G    R   n   n    X   X
local-impersonator   .   T   T   .   G    U   U   T    .   T   G    R   n   n    X   X
for-ceo              .   T   T   .   G    .   G   T    .   T   G    R   n   n    X   X
as-ceo               .   T   T   .   G    .   G   T    .   T   G    R   n   n    X   X
for-eve              .   T   T   .   G    U   U   T    .   T   G    R   n   n    X   X
for-all-users        .   T   T   .   G    .   G   T    .   T   G    R   n   n    X   X
for-ops              .   T   T   .   G    U   U   T    .   T   G    R   n   n    X   X
for-all-groups       .   T   T   .   .    U   U   T    .   T   .    R   n   n    X   X
as-all-groups        .   T   T   .   .    U   U   T    .   T   .    R   n   n    X   X
identity-admin       .   .   .   .   .    .   .   .    .   .   .    R   n   n    X   X
cluster-admin        .   .   .   .   .    .   .   .    .   .   .    R   n   n    X   X
root                 .   .   .   .   .    .   .   .    .   .   .    R   n   n    X   X
kubeadm-admin        .   T   T   G   G    U   U   T    .   T   G    R   n   n    X   X
robot:town:ci        .   T   T   .   G    U   U   T    .   T   G    R   n   n    X   X
system:serviceaccount:town:deployer
                     c   c   c   c   c    U   U   T    .   T   G    R   n   n    c   X
system:serviceaccount:town:argocd
                     c   c   c   c   c    .   .   .    .   .   .    R   n   n    c   X
system:serviceaccount:apitoken-system:apitoken-operator
                     -   -   -   -   -    -   -   -    -   -   -    -   -   -    -   -
"""


def verdicts():
    """(who, what, letter) of each cell."""
    words = VERDICTS.strip().partition("\n")[2].split()
    for start in range(0, len(words), 1 + len(REQUESTS)):
        who, *letters = words[start : start + 1 + len(REQUESTS)]
        yield from ((who, what, letter) for what, letter in zip(REQUESTS, letters, strict=True))


CELLS = list(verdicts())


def first_of_others(who, spec):
    """The first group that the requester is not in."""
    return next(
        (g for g in spec.get("groups", []) if spec["user"] != who or g != GROUPS.get(who, "shop")),
        None,
    )


def expected_message(letter, who, spec):
    """What a refusal must say: field, value, remedy."""
    user = spec["user"]
    ours = ["apitoken-mint"]
    oneself = [] if who.startswith("system:") else [f"set spec.user to {who}, or "]
    of_group = f"does not have {who} as a member" if user == who else f"is asked for {user}"
    return {
        "-": ["cannot create resource"],
        "c": ["spec.user must not begin with system:"],
        "n": ["spec.user of a robot must be robot:<namespace>:<name>"],
        "T": [
            *ours,
            "spec.type: Permanent" + ("" if "type" in spec else " (as it is absent)"),
            f"needs the verb mint-permanent on apitokens.apitoken.dev in namespace {HOME}, "
            f"which {who} does not have",
            "; set spec.type to Temporary, or ask for the role apitoken-minter in this namespace",
        ],
        "U": [
            *ours,
            f"spec.user: {user} is not {who}",
            "may not impersonate that user in the whole cluster",
            *oneself,
            f"set spec.user to robot:{HOME}:NAME for a machine of this namespace, "
            "or ask for the role apitoken-admin by a ClusterRoleBinding",
        ],
        "G": [
            *ours,
            f"spec.groups: {first_of_others(who, spec)} {of_group}",
            f"{who} may not impersonate every group in the whole cluster",
            "; remove it, or ask for the role apitoken-admin",
        ],
        "R": [
            *ours,
            f"spec.user: {user} is not of the form robot:{HOME}:NAME",
            f"set spec.user to robot:{HOME}:NAME, "
            "or create the ApiToken in the namespace of that machine",
        ],
        "X": [
            *ours,
            f"spec.groups: {RESERVED} is a reserved group, which no token may bear",
            "; remove it",
        ],
    }[letter]


@pytest.mark.parametrize(
    "who, what, letter", CELLS, ids=[f"{who}-{what}" for who, what, _ in CELLS]
)
def test_who_may_ask_for_what(people, who, what, letter):
    spec = REQUESTS[what](who)
    message = people.ask(who, spec)
    if letter == ".":
        assert message is None
        return
    for part in expected_message(letter, who, spec):
        assert part in (message or "allowed"), message


def test_the_table_has_everybody():
    assert {who for who, _, _ in CELLS} == set(PEOPLE)


@pytest.mark.parametrize(
    "who",
    [
        "namespace-admin",
        "namespace-owner",
        "misplaced-admin",
        "admin-everywhere",
        "local-impersonator",
    ],
)
def test_an_administrator_of_a_namespace_becomes_nobody_else(people, who):
    """The attack: cluster-admin by the token webhook, another user by the ingress. The API
    server stores no part of it."""
    tokens = people.tokens_as(who)
    for name, spec in {
        "cluster-admin": {"user": who, "groups": [RESERVED]},
        "chief": {"user": "ceo@example.com"},
        "masters": {"user": who, "groups": ["system:masters"]},
        "deputy": {"user": who, "groups": ["platform-admins"]},
    }.items():
        with pytest.raises(ApiError) as refused:
            tokens.create(name, {"type": "Temporary", **spec})
        assert refused.value.code in (403, 422)
        assert people.tokens.get(name) is None


def test_a_temporary_token_with_automatic_rotation_is_refused(people):
    assert "spec.rotation.policy" in people.ask(
        "tenant", temporary("tenant", rotation={"policy": "Automatic"})
    )


def test_many_groups_cost_no_more_than_one(people):
    groups = [f"g{number}" for number in range(32)]
    assert people.ask("identity-admin", {"user": "eve@example.com", "groups": groups}) is None
    assert "spec.groups: g0" in people.ask("tenant", temporary("tenant", groups=groups))
