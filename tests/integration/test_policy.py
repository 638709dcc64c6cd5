"""Who may mint: the shipped policies and roles on the real API server. One table has every kind of requester, one every kind of request;
each cell says what becomes of it. Requests are dry runs of impersonated people: they pass through admission and leave nothing behind."""
import itertools

import pytest

from bed import api as kinds
from bed.api import ApiError
from bed.cluster import ROOT
from bed.policies import ACCOUNT, ADMISSION, CORE, OURS, RBAC, Grants, aggregated_verbs, refusal
from bed.space import Space
from bed.waiting import eventually, wait_for

ROTATE = "apitoken.dev/rotate-requested-at"
RESERVED = "kubeadm:cluster-admins"
HOME = "town"  # the namespace of the table


@pytest.fixture(scope="module")
def cluster(guarded_cluster):
    return guarded_cluster


# --- who --------------------------------------------------------------------------------------------------------------

MINTING = [(OURS, "apitokens", None, verb) for verb in ("get", "create", "patch", "delete")]
EVERYTHING = [("*", "*", None, "*")]
IMPERSONATE = [(group, kind, None, "impersonate") for group in (OURS, CORE) for kind in ("users", "groups")]


def identity(group, kind, *names):
    return [(group, kind, list(names) or None, "impersonate")]


# Each has these roles (or rules) in namespace HOME, and those in the whole cluster; and is in group shop, but for root.
PEOPLE = {
    "viewer": (["view"], []),
    "user": (["apitoken-user"], []),
    "tenant": (["edit"], []),
    "edit-everywhere": ([], ["edit"]),
    "minter": (["apitoken-minter"], []),
    "namespace-admin": (["admin"], []),
    "namespace-owner": ([EVERYTHING], []),
    "misplaced-admin": (["apitoken-admin"], []),
    "admin-everywhere": ([], ["admin"]),
    "local-impersonator": (["edit", IMPERSONATE], []),
    "for-ceo": (["edit"], [identity(OURS, "users", "ceo@example.com")]),
    "as-ceo": (["edit"], [identity(CORE, "users", "ceo@example.com")]),
    "for-eve": (["edit"], [identity(OURS, "users", "eve@example.com")]),
    "for-all-users": (["edit"], [identity(OURS, "users")]),
    "for-ops": (["edit"], [identity(OURS, "groups", "ops")]),
    "for-all-groups": (["edit"], [identity(OURS, "groups")]),
    "as-all-groups": (["edit"], [identity(CORE, "groups")]),
    "identity-admin": ([], ["apitoken-admin"]),
    "cluster-admin": ([], ["cluster-admin"]),
    "root": ([], []),  # in group system:masters
    "kubeadm-admin": (["edit"], []),  # in the reserved group
    f"robot:{HOME}:ci": (["edit"], []),
    f"system:serviceaccount:{HOME}:deployer": (["edit"], []),
    f"system:serviceaccount:{HOME}:argocd": ([MINTING], ["apitoken-admin"]),
    ACCOUNT: ([], []),
}
GROUPS = {"root": "system:masters", "kubeadm-admin": RESERVED}


@pytest.fixture(scope="module")
def town(cluster):
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": HOME}})
    grants = Grants(cluster, HOME)
    for user, (here, everywhere) in PEOPLE.items():
        for role in here:
            grants.grant(user, role)
        for role in everywhere:
            grants.grant(user, role, everywhere=True)
    grants.in_force()
    yield Space(cluster, HOME)
    grants.remove()
    cluster.api.delete(f"/api/v1/namespaces/{HOME}")


def tokens_as(town, user):
    return kinds.apitokens(town.cluster.api.impersonating(user, GROUPS.get(user, "shop")), town.name)


def ask(town, user, spec, **metadata):
    body = {"apiVersion": "apitoken.dev/v1alpha1", "kind": "ApiToken", "metadata": {"name": "probe", **metadata}, "spec": spec}
    tokens = tokens_as(town, user)
    return refusal(lambda: tokens.api.create(tokens.path, body, dryRun="All"))


# --- what -------------------------------------------------------------------------------------------------------------

OTHER_ROBOT = "robot:kube-system:ci"


def temporary(user, **more):
    return {"user": user, "type": "Temporary", **more}


# `me` is the requester.
REQUESTS = {
    "own": lambda me: temporary(me),
    "own-permanent": lambda me: {"user": me},
    "own-automatic": lambda me: {"user": me, "type": "Permanent", "rotation": {"policy": "Automatic"}},
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

# .  allowed    T  needs mint-permanent    U  not this user    G  not these groups    R  no such robot here    X  reserved group
# c  the kind refuses users that begin with system:    -  Kubernetes' own roles refuse: no right on ApiTokens
VERDICTS = """
                     own perm auto shop ops | ceo ceo+ops ceo-perm | robot perm shop | elsewhere nameless nowhere | reserved reserved
viewer                -   -    -    -    -     -    -      -           -    -    -       -         -        -          -        -
user                  .   T    T    .    G     U    U      T           .    T    G       R         R        R          X        X
tenant                .   T    T    .    G     U    U      T           .    T    G       R         R        R          X        X
edit-everywhere       .   T    T    .    G     U    U      T           .    T    G       R         R        R          X        X
minter                .   .    .    .    G     U    U      U           .    .    G       R         R        R          X        X
namespace-admin       .   .    .    .    G     U    U      U           .    .    G       R         R        R          X        X
namespace-owner       .   .    .    .    G     U    U      U           .    .    G       R         R        R          X        X
misplaced-admin       .   .    .    .    G     U    U      U           .    .    G       R         R        R          X        X
admin-everywhere      .   .    .    .    G     U    U      U           .    .    G       R         R        R          X        X
local-impersonator    .   T    T    .    G     U    U      T           .    T    G       R         R        R          X        X
for-ceo               .   T    T    .    G     .    G      T           .    T    G       R         R        R          X        X
as-ceo                .   T    T    .    G     .    G      T           .    T    G       R         R        R          X        X
for-eve               .   T    T    .    G     U    U      T           .    T    G       R         R        R          X        X
for-all-users         .   T    T    .    G     .    G      T           .    T    G       R         R        R          X        X
for-ops               .   T    T    .    G     U    U      T           .    T    G       R         R        R          X        X
for-all-groups        .   T    T    .    .     U    U      T           .    T    .       R         R        R          X        X
as-all-groups         .   T    T    .    .     U    U      T           .    T    .       R         R        R          X        X
identity-admin        .   .    .    .    .     .    .      .           .    .    .       R         R        R          X        X
cluster-admin         .   .    .    .    .     .    .      .           .    .    .       R         R        R          X        X
root                  .   .    .    .    .     .    .      .           .    .    .       R         R        R          X        X
kubeadm-admin         .   T    T    G    G     U    U      T           .    T    G       R         R        R          X        X
robot:town:ci         .   T    T    .    G     U    U      T           .    T    G       R         R        R          X        X
system:serviceaccount:town:deployer
                      c   c    c    c    c     U    U      T           .    T    G       R         R        R          c        X
system:serviceaccount:town:argocd
                      c   c    c    c    c     .    .      .           .    .    .       R         R        R          c        X
system:serviceaccount:apitoken-system:apitoken-operator
                      -   -    -    -    -     -    -      -           -    -    -       -         -        -          -        -
"""


def verdicts():
    """(who, what, letter) of each cell."""
    words = VERDICTS.strip().partition("\n")[2].split()
    for start in range(0, len(words), 1 + len(REQUESTS)):
        who, *letters = words[start:start + 1 + len(REQUESTS)]
        yield from ((who, what, letter) for what, letter in zip(REQUESTS, letters, strict=True))


CELLS = list(verdicts())


def first_of_others(who, spec):
    """The first group that the requester may not name by being in it."""
    return next((g for g in spec.get("groups", []) if spec["user"] != who or g != GROUPS.get(who, "shop")), None)


def told(letter, who, spec):
    """What a refusal must say: field, value, remedy."""
    user = spec["user"]
    ours = ["apitoken-mint"]
    oneself = [] if who.startswith("system:") else [f"set spec.user to {who}, or "]
    of_group = f"does not have {who} as a member" if user == who else f"is asked for {user}"
    return {
        "-": ["cannot create resource"],
        "c": ["spec.user must not begin with system:"],
        "T": [*ours, "spec.type: Permanent" + ("" if "type" in spec else " (as it is absent)"),
              f"needs the verb mint-permanent on apitokens.apitoken.dev in namespace {HOME}, which {who} does not have",
              "; set spec.type to Temporary, or ask for the role apitoken-minter in this namespace"],
        "U": [*ours, f"spec.user: {user} is not {who}", "may not impersonate that user in the whole cluster", *oneself,
              f"set spec.user to robot:{HOME}:NAME for a machine of this namespace, or ask for the role apitoken-admin by a ClusterRoleBinding"],
        "G": [*ours, f"spec.groups: {first_of_others(who, spec)} {of_group}",
              f"{who} may not impersonate every group in the whole cluster", "; remove it, or ask for the role apitoken-admin"],
        "R": [*ours, f"spec.user: {user} is not of the form robot:{HOME}:NAME", "whoever asks",
              f"set spec.user to robot:{HOME}:NAME, or create the ApiToken in the namespace of that machine"],
        "X": [*ours, f"spec.groups: {RESERVED} is a reserved group, which no token may bear", "whoever asks; remove it"],
    }[letter]


@pytest.mark.parametrize("who, what, letter", CELLS, ids=[f"{who}-{what}" for who, what, _ in CELLS])
def test_who_may_ask_for_what(town, who, what, letter):
    spec = REQUESTS[what](who)
    message = ask(town, who, spec)
    if letter == ".":
        assert message is None
        return
    for part in told(letter, who, spec):
        assert part in (message or "allowed"), message


def test_the_table_has_everybody():
    assert {who for who, _, _ in CELLS} == set(PEOPLE)


@pytest.mark.parametrize("who", ["namespace-admin", "namespace-owner", "misplaced-admin", "admin-everywhere", "local-impersonator"])
def test_an_administrator_of_a_namespace_becomes_nobody_else(town, who):
    """The whole attack: cluster-admin behind the token webhook, the chief behind the ingress. Nothing of it is stored."""
    tokens = tokens_as(town, who)
    for name, spec in {"cluster-admin": {"user": who, "groups": [RESERVED]}, "chief": {"user": "ceo@example.com"},
                       "masters": {"user": who, "groups": ["system:masters"]}, "deputy": {"user": who, "groups": ["platform-admins"]}}.items():
        with pytest.raises(ApiError) as refused:
            tokens.create(name, {"type": "Temporary", **spec})
        assert refused.value.code in (403, 422)
        assert town.tokens.get(name) is None


def test_a_temporary_token_with_automatic_rotation_is_refused(town):
    assert "spec.rotation.policy" in ask(town, "tenant", temporary("tenant", rotation={"policy": "Automatic"}))


def test_many_groups_cost_no_more_than_one(town):
    groups = [f"g{number}" for number in range(32)]
    assert ask(town, "identity-admin", {"user": "eve@example.com", "groups": groups}) is None
    assert "spec.groups: g0" in ask(town, "tenant", temporary("tenant", groups=groups))


# --- changes ----------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def tokens(town):
    """Made by the administrator: what people find."""
    for name, spec in {
        "permanent": {"user": "tenant"}, "session": temporary("tenant"), "of-ceo": temporary("ceo@example.com"),
        "of-robot": temporary(f"robot:{HOME}:ci"), "in-ops": temporary("tenant", groups=["ops"]), "permanent-of-ceo": {"user": "ceo@example.com"},
    }.items():
        town.tokens.create(name, spec, labels={"tier": "prod", "note": "x"}, annotations={ROTATE: "2026-01-01T00:00:00Z"})
    return town


def change(town, user, name, body):
    return refusal(lambda: tokens_as(town, user).patch(name, body, dryRun="All"))


LATER = {"metadata": {"annotations": {ROTATE: "2026-01-02T00:00:00Z"}}}
WITHOUT_ROLE = "; if nobody needs the token, delete the ApiToken; else let somebody do this who has the role "
STILL_PERMANENT = f"needs the verb mint-permanent on apitokens.apitoken.dev in namespace {HOME}, which tenant does not have{WITHOUT_ROLE}apitoken-minter"
STILL_CEO = "spec.user: ceo@example.com is not tenant, who asks and may not impersonate that user in the whole cluster"
CHANGES = [
    ("permanent", "the spec", {"spec": {"description": "another"}}, STILL_PERMANENT),
    ("permanent", "the ttl", {"spec": {"ttl": "1h"}}, STILL_PERMANENT),
    ("permanent", "automatic rotation", {"spec": {"rotation": {"policy": "Automatic"}}}, STILL_PERMANENT),
    ("permanent", "a revocation", {"spec": {"revoked": True}}, STILL_PERMANENT),
    ("permanent", "the rotate annotation", LATER, STILL_PERMANENT),
    ("permanent", "another annotation", {"metadata": {"annotations": {"example.com/note": "x"}}}, None),
    ("permanent", "nothing", {}, None),
    ("session", "the spec", {"spec": {"description": "another"}}, None),
    ("session", "a group of one's own", {"spec": {"groups": ["shop"]}}, None),
    ("session", "a group of others", {"spec": {"groups": ["ops"]}}, "spec.groups: ops does not have tenant as a member"),
    ("session", "a reserved group", {"spec": {"groups": [RESERVED]}}, f"spec.groups: {RESERVED} is a reserved group"),
    ("session", "the rotate annotation", LATER, None),
    ("of-ceo", "the rotate annotation", LATER, STILL_CEO),
    ("of-ceo", "a revocation", {"spec": {"revoked": True}}, WITHOUT_ROLE + "apitoken-admin by a ClusterRoleBinding"),
    ("of-robot", "the rotate annotation", LATER, None),
    ("of-robot", "a group", {"spec": {"groups": ["shop"]}}, f"spec.groups: shop is asked for robot:{HOME}:ci, and tenant may not impersonate every group"),
    ("in-ops", "the rotate annotation", LATER, "spec.groups: ops does not have tenant as a member"),
]


@pytest.mark.parametrize("name, what, body, expected", CHANGES, ids=[f"{name}-{what}" for name, what, _, _ in CHANGES])
def test_which_changes_the_policy_looks_at(tokens, name, what, body, expected):
    """tenant has edit."""
    message = change(tokens, "tenant", name, body)
    assert (message is None) == (expected is None), message
    assert expected is None or expected in message


def test_a_token_of_somebody_else_may_be_deleted(tokens):
    """Which ends it at once. Nobody is made to keep a token in the own namespace."""
    assert tokens_as(tokens, "tenant").delete("of-ceo", dryRun="All")


# --- labels that a tokenSelector reads ------------------------------------------------------------------------------------

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
    ("tenant", "of-ceo", labels(tier="dev"), "tenant is not ceo@example.com and may not impersonate that user in the whole cluster"),
    ("tenant", "of-ceo", labels(note="y"), None),
    ("tenant", "of-robot", labels(tier="dev"), None),
    ("tenant", "in-ops", labels(tier="dev"), "tenant may not name group ops for tenant"),
    ("namespace-admin", "permanent-of-ceo", labels(tier="dev"), "namespace-admin is not ceo@example.com"),
    ("minter", "permanent", labels(tier="dev"), "minter is not tenant"),
    ("for-ceo", "of-ceo", labels(tier="dev"), None),
    ("identity-admin", "permanent-of-ceo", labels(tier="dev"), None),
    ("identity-admin", "in-ops", labels(tier="dev"), None),
    ("root", "permanent", labels(tier="dev"), None),
]


@pytest.fixture(scope="module")
def selecting(tokens):
    """Two TokenExpiryConfigs that read labels, one of them of namespaces that do not exist, and one that reads none."""
    expressions = [{"key": "team", "operator": "Exists"}, {"key": "tier", "operator": "NotIn", "values": ["dev"]}]
    made = {"all": {}, "prod": {"tokenSelector": {"matchLabels": {"tier": "prod"}, "matchExpressions": expressions}},
            "zones": {"tokenSelector": {"matchLabels": {"zone": "a"}}, "namespaceSelector": {"matchLabels": {"none": "such"}}}}
    for name, spec in made.items():
        tokens.configs.create(f"labels-{name}", spec)
    for body in (labels(tier="dev"), labels(zone="x")):
        wait_for(lambda body=body: change(tokens, "tenant", "permanent", body), 20, "the policy does not know the TokenExpiryConfigs")
    yield tokens
    for name in made:
        tokens.configs.delete(f"labels-{name}")


@pytest.mark.parametrize("who, name, body, expected", LABELS, ids=[f"{who}-{name}-{i}" for i, (who, name, _, _) in enumerate(LABELS)])
def test_a_label_that_a_selector_reads_needs_the_rights_to_mint(selecting, who, name, body, expected):
    message = change(selecting, who, name, body)
    assert (message is None) == (expected is None), message
    if expected:
        key, config = ("zone", "labels-zones") if "zone" in body["metadata"]["labels"] else (next(iter(body["metadata"]["labels"])), "labels-prod")
        for part in ("apitoken-mint-labels", f"metadata.labels: {key} is read by spec.tokenSelector of TokenExpiryConfig {config}", expected,
                     "; leave this label as it is, or let somebody change it who has the role apitoken-"):
            assert part in message


def test_without_a_config_that_reads_it_a_label_is_free(selecting):
    selecting.configs.delete("labels-zones")
    eventually(lambda: _is_free(selecting, labels(zone="x")), 20)
    assert change(selecting, "tenant", "permanent", labels(tier="dev"))


def _is_free(town, body):
    assert change(town, "tenant", "permanent", body) is None


# --- roles ------------------------------------------------------------------------------------------------------------

ALL = ["create", "delete", "get", "list", "patch", "update", "watch"]
ROLES = {
    "apitoken-viewer": {"apitokens": ["get", "list", "watch"]},
    "apitoken-user": {"apitokens": ALL},
    "apitoken-minter": {"apitokens": sorted([*ALL, "mint-permanent"])},
    "apitoken-admin": {"apitokens": sorted([*ALL, "mint-permanent"]), "users": ["impersonate"], "groups": ["impersonate"]},
    "apitoken-settings": {"tokenexpiryconfigs": ALL},
    "apitoken-settings-viewer": {"tokenexpiryconfigs": ["get", "list", "watch"]},
    "apitoken-introspector": {"apitokens": ["introspect"]},
}
JOINS = {"apitoken-viewer": "view", "apitoken-user": "edit", "apitoken-minter": "admin"}
AGGREGATES = "rbac.authorization.k8s.io/aggregate-to-"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_these_rights_and_joins_that_role(cluster, role):
    found = cluster.api.get(f"{RBAC}/clusterroles/{role}")
    assert all(rule["apiGroups"] == [OURS] for rule in found["rules"])
    assert {resource: sorted(rule["verbs"]) for rule in found["rules"] for resource in rule["resources"]} == ROLES[role]
    joined = [label.removeprefix(AGGREGATES) for label in found["metadata"]["labels"] if label.startswith(AGGREGATES)]
    assert joined == ([JOINS[role]] if role in JOINS else [])


@pytest.mark.parametrize("role", ["view", "edit", "admin"])
def test_no_role_of_kubernetes_gets_a_right_on_identities_or_settings(cluster, role):
    for resource in ("users", "groups", "tokenexpiryconfigs", "apitokens/status"):
        assert aggregated_verbs(cluster, role, resource) == set()


def test_an_upgrade_takes_the_identities_from_admin(cluster):
    """The role apitoken-admin of the version before was aggregated into admin."""
    role = "/".join((RBAC, "clusterroles", "apitoken-admin"))
    cluster.api.patch(role, {"metadata": {"labels": {f"{AGGREGATES}admin": "true"}}})
    kubectl_applied = cluster.api.get(role)["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    cluster.api.patch(role, {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": kubectl_applied.replace(
        '"labels":{', f'"labels":{{"{AGGREGATES}admin":"true",')}}})
    wait_for(lambda: "impersonate" in aggregated_verbs(cluster, "admin", "users"), 20, "the former role is not aggregated")
    cluster.kubectl("apply", "-f", str(ROOT / "manifests/policy/roles.yaml"))
    wait_for(lambda: aggregated_verbs(cluster, "admin", "users") == set(), 20, "admin keeps the right to name users")
    assert "mint-permanent" in aggregated_verbs(cluster, "admin", "apitokens")


def test_a_viewer_sees_tokens_and_makes_none(town):
    tokens = tokens_as(town, "viewer")
    assert isinstance(tokens.list(), list)
    with pytest.raises(ApiError, match="cannot list resource"):
        kinds.secrets(tokens.api, town.name).list()


@pytest.mark.parametrize("who", ["edit-everywhere", "identity-admin"])
def test_the_roles_open_no_impersonation_no_status_and_no_settings(cluster, town, who):
    """Even in the whole cluster: that is why users and groups of apitoken.dev stand in place of the real ones."""
    rights = [("patch", "apitokens.apitoken.dev/status"), ("impersonate", "users"), ("impersonate", "groups"),
              ("create", "tokenexpiryconfigs.apitoken.dev"), *([("get", "secrets")] if who == "identity-admin" else [])]
    for verb, resource in rights:
        resource, _, subresource = resource.partition("/")
        args = ["auth", "can-i", verb, resource, f"--as={who}", "-n", HOME, *([f"--subresource={subresource}"] if subresource else [])]
        assert cluster.kubectl(*args, check=False).stdout.strip() == "no", (verb, resource)


# --- the policies themselves ------------------------------------------------------------------------------------------

def test_the_audit_log_says_who_minted_for_whom(cluster, town):
    numbers = itertools.count()

    def recorded():
        ask(town, "identity-admin", {"user": "ceo@example.com", "groups": ["ops", "dba"]}, labels={"n": str(next(numbers))})
        return [event["annotations"].get("apitoken-mint/minted-for") for event in cluster.audit_events()
                if event.get("impersonatedUser", {}).get("username") == "identity-admin"]

    expected = "identity-admin asked for a token of ceo@example.com, Permanent, with 2 groups: ops, dba"
    wait_for(lambda: expected in recorded(), 10, recorded)


def test_the_audit_log_has_refusals_too(cluster, town):
    ask(town, "tenant", temporary("ceo@example.com"))
    wait_for(lambda: any("validation.policy.admission.k8s.io/validation_failure" in event.get("annotations", {}) for event in cluster.audit_events()),
             10, "no refusal in the audit log")


POLICIES = ["apitoken-mint", "apitoken-mint-labels", "apitoken-lifetimes", "apitoken-status", "apitoken-fence"]


@pytest.mark.parametrize("name", POLICIES)
def test_the_server_finds_nothing_wrong_with_the_expressions(cluster, name):
    def judged():
        found = cluster.api.get(f"{ADMISSION}/validatingadmissionpolicies/{name}")
        return found["metadata"]["generation"] == found.get("status", {}).get("observedGeneration") and found

    status = wait_for(judged, 20, f"{name} was not type-checked")["status"]
    assert not status.get("typeChecking", {}).get("expressionWarnings"), status
