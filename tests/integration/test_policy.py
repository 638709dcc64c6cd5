"""Who may mint: the shipped policy and roles on the real API server, asked by impersonated people. Requests are dry runs, which pass
through admission and leave nothing behind. The administrator of the bed is in system:masters and may do everything, so the policy is
in nobody else's way."""
import itertools

import pytest

from bed import api as kinds
from bed.api import ApiError
from bed.cluster import ROOT
from bed.tokens import condition, stands
from bed.waiting import eventually, wait_for

POLICY = ROOT / "manifests" / "policy"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROTATE = "apitoken.dev/rotate-requested-at"
CORE, OURS = "", "apitoken.dev"
numbers = itertools.count(1)


class People:
    """Grants rights in one namespace, or in all, and asks for tokens as whoever has them."""

    def __init__(self, space):
        self.space = space
        self.admin = space.cluster.api
        self.cluster_wide = []

    def grant(self, role, user=None, group=None, everywhere=False):
        name = f"{self.space.name}-{next(numbers)}"
        subject = {"kind": "User", "name": user} if user else {"kind": "Group", "name": group}
        path = f"{RBAC}/clusterrolebindings" if everywhere else f"{RBAC}/namespaces/{self.space.name}/rolebindings"
        self.admin.create(path, {
            "metadata": {"name": name}, "subjects": [{"apiGroup": "rbac.authorization.k8s.io", **subject}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}})
        if everywhere:
            self.cluster_wide.append(f"{path}/{name}")

    def role(self, *rules):
        """A new ClusterRole of (group, resource, names, verb) rules; returns its name."""
        name = f"{self.space.name}-{next(numbers)}"
        self.admin.create(f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": [
            {"apiGroups": [group], "resources": [resource], "verbs": [verb], **({"resourceNames": names} if names else {})}
            for group, resource, names, verb in rules]})
        self.cluster_wide.append(f"{RBAC}/clusterroles/{name}")
        return name

    def tokens_of(self, user, group=None):
        return kinds.apitokens(self.admin.impersonating(user, group), self.space.name)

    def ask(self, user, spec, group=None, **metadata):
        """The message of the refusal, or None. Waits until the new rights have reached the authorizer."""
        body = {"apiVersion": "apitoken.dev/v1alpha1", "kind": "ApiToken", "metadata": {"name": "probe", **metadata}, "spec": spec}
        tokens = self.tokens_of(user, group)
        return answer(lambda: tokens.api.create(tokens.path, body, dryRun="All"))

    def remove(self):
        for path in self.cluster_wide:
            self.admin.delete(path)


def answer(request):
    def ask():
        try:
            request()
            return True, None
        except ApiError as error:
            assert "cannot" not in error.message, error.message  # RBAC itself: the binding has not arrived yet
            return True, error.message
    return eventually(ask)[1]


@pytest.fixture(scope="module")
def policy(cluster):
    cluster.kubectl("apply", "-f", str(POLICY))
    nobody = kinds.apitokens(cluster.api.impersonating("nobody", "system:authenticated"), "default")
    role = {"metadata": {"name": "policy-probe"}, "rules": [{"apiGroups": [OURS], "resources": ["apitokens"], "verbs": ["create"]}]}
    binding = {"metadata": {"name": "policy-probe"}, "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}],
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "policy-probe"}}
    cluster.api.create(f"{RBAC}/namespaces/default/roles", role)
    cluster.api.create(f"{RBAC}/namespaces/default/rolebindings", binding)
    body = {"apiVersion": "apitoken.dev/v1alpha1", "kind": "ApiToken", "metadata": {"name": "p"}, "spec": {"user": "nobody"}}

    def in_force():
        try:
            return not nobody.api.create(nobody.path, body, dryRun="All")
        except ApiError as error:
            return "apitoken-mint" in error.message

    wait_for(in_force, 30, "the policy does not act")
    roles = {"view": "apitokens", "edit": "apitokens", "admin": "users"}
    wait_for(lambda: all(aggregated(cluster, role, resource) for role, resource in roles.items()), 30, "the roles are not aggregated")
    return cluster


def aggregated(cluster, role, resource):
    rules = cluster.api.get(f"{RBAC}/clusterroles/{role}")["rules"]
    return any(OURS in rule["apiGroups"] and resource in rule["resources"] for rule in rules)


@pytest.fixture
def people(policy, space):
    people = People(space)
    yield people
    people.remove()


def permanent(user, **more):
    return {"user": user, **more}


def temporary(user, **more):
    return {"user": user, "type": "Temporary", **more}


NEEDS_PERMANENT = ["spec.type: Permanent", "needs the verb mint-permanent", "set spec.type to Temporary, or ask for the role apitoken-admin"]
NOT_BOB = ["spec.user: bob is not alice", "set spec.user to alice, or ask for the role apitoken-admin"]
# spec.type and spec.user of an ApiToken cannot be changed.
WHAT_ELSE = "; have this done by whoever has the role apitoken-admin, or ask for that role; if nobody needs the token, delete the ApiToken"
STILL_PERMANENT = ["spec.type: Permanent", "needs the verb mint-permanent", f"which alice does not have{WHAT_ELSE}"]
STILL_BOB = ["spec.user: bob is not alice", "may not impersonate that user", WHAT_ELSE]
NOT_IN = "spec.groups: alice is not in {} and may not impersonate that group"
CANNOT = "cannot create resource"

# role in the namespace, what is asked for, the parts of the refusal (None: allowed); alice is in group shop
BY_ROLE = [
    ("apitoken-user", temporary("alice"), None),
    ("apitoken-user", temporary("alice", groups=["shop"]), None),
    ("apitoken-user", permanent("alice"), [*NEEDS_PERMANENT, "(as it is absent)"]),
    ("apitoken-user", permanent("alice", type="Permanent"), NEEDS_PERMANENT),
    ("apitoken-user", temporary("bob"), NOT_BOB),
    ("apitoken-user", temporary("alice", groups=["ops"]), [NOT_IN.format("ops"), "remove it"]),
    ("apitoken-user", temporary("alice", groups=["shop", "ops"]), [NOT_IN.format("ops")]),
    ("apitoken-user", temporary("alice", groups=[f"g{i}" for i in range(9)]), ["spec.groups: 9 of them", "at most 8", "name fewer"]),
    ("edit", temporary("alice"), None),
    ("edit", permanent("alice"), NEEDS_PERMANENT),
    ("edit", temporary("bob"), NOT_BOB),
    ("apitoken-admin", permanent("alice"), None),
    ("apitoken-admin", permanent("bob"), None),
    ("apitoken-admin", permanent("bob", groups=[f"g{i}" for i in range(32)]), None),
    ("admin", permanent("bob", groups=["ops"]), None),
]


@pytest.mark.parametrize("role, spec, refusal", BY_ROLE, ids=[f"{r}-{s.get('type', 'absent')}-{s['user']}-{len(s.get('groups', []))}" for r, s, _ in BY_ROLE])
def test_what_each_role_may_ask_for(people, role, spec, refusal):
    people.grant(role, user="alice")
    expect(people.ask("alice", spec, group="shop"), refusal)


def expect(message, refusal):
    assert (message is None) == (refusal is None), message
    for part in refusal or []:
        assert part in message
    if message:
        assert "apitoken-mint" in message


EIGHT = [f"g{i}" for i in range(8)]
# rule that is granted next to apitoken-user, what is asked for, the refusal
BY_RULE = [
    ((OURS, "apitokens", None, "mint-permanent"), permanent("alice"), None),
    ((OURS, "apitokens", None, "mint-permanent"), permanent("bob"), NOT_BOB),
    ((CORE, "users", ["bob"], "impersonate"), temporary("bob"), None),
    ((CORE, "users", ["bob"], "impersonate"), temporary("carol"), ["spec.user: carol is not alice"]),
    ((CORE, "users", ["bob"], "impersonate"), permanent("bob"), NEEDS_PERMANENT),
    ((CORE, "users", None, "impersonate"), temporary("carol"), None),
    ((OURS, "users", ["bob"], "impersonate"), temporary("bob"), None),
    ((OURS, "users", ["bob"], "impersonate"), temporary("carol"), ["spec.user: carol is not alice"]),
    ((CORE, "users", None, "get"), temporary("bob"), NOT_BOB),
    ((CORE, "groups", ["ops"], "impersonate"), temporary("alice", groups=["ops"]), None),
    ((CORE, "groups", ["ops"], "impersonate"), temporary("alice", groups=["ops", "dba"]), [NOT_IN.format("dba")]),
    ((OURS, "groups", EIGHT, "impersonate"), temporary("alice", groups=EIGHT + ["shop"]), None),
    ((CORE, "groups", EIGHT, "impersonate"), temporary("alice", groups=EIGHT), None),
    ((CORE, "groups", EIGHT[:7], "impersonate"), temporary("alice", groups=EIGHT), [NOT_IN.format("g7")]),
    ((CORE, "groups", None, "impersonate"), temporary("alice", groups=[f"g{i}" for i in range(20)]), None),
    ((CORE, "groups", None, "impersonate"), temporary("bob"), NOT_BOB),
]


@pytest.mark.parametrize("everywhere", [False, True], ids=["namespace", "cluster"])
@pytest.mark.parametrize("rule, spec, refusal", BY_RULE, ids=[f"{r[1]}.{r[0]}-{r[3]}-{len(r[2] or [])}-{i}" for i, (r, _, _) in enumerate(BY_RULE)])
def test_what_each_right_opens(people, rule, spec, refusal, everywhere):
    people.grant("apitoken-user", user="alice")
    people.grant(people.role(rule), user="alice", everywhere=everywhere)
    if refusal is None:
        eventually(lambda: expect(people.ask("alice", spec, group="shop"), None))
    else:
        expect(people.ask("alice", spec, group="shop"), refusal)


@pytest.mark.parametrize("role", ["view", "apitoken-viewer"])
def test_a_viewer_sees_tokens_and_makes_none(people, role):
    people.grant(role, user="alice")
    tokens = people.tokens_of("alice")
    assert eventually(lambda: list_or_fail(tokens)) == []
    with pytest.raises(ApiError, match=CANNOT):
        tokens.create("mine", temporary("alice"))
    with pytest.raises(ApiError, match="cannot list resource"):
        kinds.secrets(tokens.api, people.space.name).list()


def list_or_fail(tokens):
    try:
        return tokens.list()
    except ApiError as error:
        raise AssertionError(error.message) from None


@pytest.mark.parametrize("role", ["apitoken-user", "apitoken-admin"])
def test_the_roles_open_neither_secrets_nor_status_nor_impersonation(policy, people, role):
    """Even where bound for the whole cluster: that is why users and groups of apitoken.dev stand in place of the real ones."""
    people.grant(role, user="alice", everywhere=True)
    eventually(lambda: list_or_fail(people.tokens_of("alice")))
    rights = [("get", "secrets"), ("patch", "apitokens.apitoken.dev/status"), ("impersonate", "users"), ("impersonate", "groups"),
              ("impersonate", "serviceaccounts"), ("create", "tokenexpiryconfigs.apitoken.dev")]
    for verb, resource in rights:
        resource, _, subresource = resource.partition("/")
        args = ["auth", "can-i", verb, resource, "--as=alice", "-n", people.space.name, *([f"--subresource={subresource}"] if subresource else [])]
        assert policy.kubectl(*args, check=False).stdout.strip() == "no", (verb, resource)


CHANGES = [
    ("the spec", {"spec": {"description": "another"}}, STILL_PERMANENT),
    ("the ttl", {"spec": {"ttl": "1h"}}, STILL_PERMANENT),
    ("a revocation", {"spec": {"revoked": True}}, STILL_PERMANENT),
    ("the rotate annotation", {"metadata": {"annotations": {ROTATE: "2026-01-02T00:00:00Z"}}}, STILL_PERMANENT),
    ("another annotation", {"metadata": {"annotations": {"example.com/note": "x"}}}, None),
    ("a label", {"metadata": {"labels": {"tier": "x"}}}, None),
    ("nothing", {}, None),
]


@pytest.mark.parametrize("what, change, refusal", CHANGES, ids=[c[0] for c in CHANGES])
def test_which_changes_the_policy_looks_at(people, what, change, refusal):
    """alice may not mint Permanent tokens, and this one is."""
    people.space.tokens.create("ci", permanent("alice"), annotations={ROTATE: "2026-01-01T00:00:00Z"})
    people.grant("apitoken-user", user="alice")
    expect(answer(lambda: people.tokens_of("alice").patch("ci", change, dryRun="All")), refusal)


def test_a_token_of_somebody_else_may_be_deleted_but_not_rotated(people):
    people.space.tokens.create("session", temporary("bob"))
    people.grant("apitoken-user", user="alice")
    tokens = people.tokens_of("alice")
    rotate = {"metadata": {"annotations": {ROTATE: "2026-01-02T00:00:00Z"}}}
    expect(answer(lambda: tokens.patch("session", rotate)), STILL_BOB)
    expect(answer(lambda: tokens.patch("session", {"spec": {"revoked": True}})), STILL_BOB)
    assert tokens.delete("session")


def test_a_pipeline_mints_for_others_by_its_service_account(people):
    """As Argo CD and Flux do: their name begins with system:, so that each token is for somebody else."""
    user = f"system:serviceaccount:{people.space.name}:deployer"
    people.grant("apitoken-user", user=user)
    message = people.ask(user, temporary("ci"))
    expect(message, [f"spec.user: ci is not {user}", "may not impersonate that user", "; ask for the role apitoken-admin"])
    assert "set spec.user" not in message, "the kind refuses users that begin with system:"
    people.grant("apitoken-admin", user=user)
    eventually(lambda: expect(people.ask(user, permanent("ci", groups=["ops"])), None))


def test_the_operator_works_under_the_policy(people, start_operator, tmp_path):
    """Its own writes, the ApiTokens it deletes and those that the garbage collector deletes pass: none asks for a token."""
    space = people.space
    path = tmp_path / "operator"
    user = f"operator-{space.name}"
    path.write_text(space.cluster.controlplane("kubeconfig", "--user", user))
    space.cluster.kubectl("apply", "-f", str(ROOT / "manifests/rbac"))
    people.grant("apitoken-operator", user=user, everywhere=True)
    start_operator(kubeconfig=path)
    people.grant("apitoken-user", user="alice")
    assert answer(lambda: people.tokens_of("alice").create("short", temporary("alice", ttl="10s", ttlAfterExpired="0s"))) is None
    assert answer(lambda: people.tokens_of("alice").create("kept", temporary("alice"))) is None
    space.ready("kept")
    wait_for(lambda: space.tokens.get("short") is None, 25, "the operator did not delete the expired ApiToken")
    assert people.tokens_of("alice").delete("kept", propagationPolicy="Foreground")
    wait_for(lambda: space.tokens.get("kept") is None, 20, "the ApiToken was not collected")


def test_the_server_finds_nothing_wrong_with_the_expressions(policy):
    for name in ("apitoken-mint", "apitoken-lifetimes"):
        path = f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{name}"

        def judged(path=path):
            found = policy.api.get(path)
            return found["metadata"]["generation"] == found.get("status", {}).get("observedGeneration") and found

        status = wait_for(judged, 20, f"{name} was not type-checked")["status"]
        assert not status.get("typeChecking"), status


# --- lifetimes: told, not refused -------------------------------------------------------------------------------------

PERMANENT_CAP = {"lifetimes": {"permanent": {"max": "24h"}, "temporary": {"max": "1h"}}}
CUT = "is more than the 24h"
# of the config, labels of the token, its spec, what the warning says (None: none)
LIFETIMES = [
    ({}, {}, permanent("alice", ttl="25h"), "spec.ttl: 25h is more than the 24h that TokenExpiryConfig"),
    ({}, {}, permanent("alice", ttl="24h0m"), None),
    ({}, {}, permanent("alice"), None),
    ({}, {}, temporary("alice", ttl="2h"), "spec.ttl: 2h is more than the 1h"),
    ({"tokenSelector": {"matchLabels": {"tier": "prod"}}}, {"tier": "prod"}, permanent("alice", ttl="25h"), CUT),
    ({"tokenSelector": {"matchLabels": {"tier": "prod"}}}, {"tier": "dev"}, permanent("alice", ttl="25h"), None),
    ({"tokenSelector": {"matchLabels": {"tier": "prod"}}}, {}, permanent("alice", ttl="25h"), None),
    *[({"tokenSelector": {"matchExpressions": [{"key": "tier", "operator": operator, **({"values": values} if values else {})}]}},
       labels, permanent("alice", ttl="25h"), CUT if matches else None)
      for operator, values, labels, matches in [
          ("In", ["prod", "qa"], {"tier": "qa"}, True), ("In", ["prod"], {"tier": "qa"}, False), ("In", ["prod"], {}, False),
          ("NotIn", ["prod"], {"tier": "qa"}, True), ("NotIn", ["prod"], {"tier": "prod"}, False), ("NotIn", ["prod"], {}, True),
          ("Exists", [], {"tier": ""}, True), ("Exists", [], {}, False),
          ("DoesNotExist", [], {}, True), ("DoesNotExist", [], {"tier": "x"}, False)]],
    ({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["red"]}]}}, {}, permanent("alice", ttl="25h"), CUT),
    ({"namespaceSelector": {"matchLabels": {"team": "blue"}}}, {}, permanent("alice", ttl="25h"), None),
]


@pytest.mark.parametrize("selectors, labels, spec, warning", LIFETIMES)
def test_a_ttl_beyond_the_ceiling_is_told_at_once(policy, make_space, selectors, labels, spec, warning):
    space = make_space(labels={"team": "red"})
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space.name}}} if not selectors else selectors
    here = {**here} if "namespaceSelector" in here else {**here, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space.name}}}
    name = space.config("cap", **here, **PERMANENT_CAP)
    probe = space.config("probe", lifetimes={"permanent": {"max": "10s"}, "temporary": {"max": "10s"}})
    body = {"apiVersion": "apitoken.dev/v1alpha1", "kind": "ApiToken", "metadata": {"name": "t", "labels": labels}, "spec": spec}

    def warnings(spec):
        told = policy.api.request("POST", space.tokens.path, {**body, "spec": spec}, {"dryRun": "All"}).headers.get("Warning", "")
        return [part for part in told.split("299 - ") if part]

    # Configs reach the policy in the order in which they were made: once the younger one acts, the older one does.
    eventually(lambda: assert_any(probe, warnings({**spec, "ttl": "11s"})))
    told = [text for text in warnings(spec) if f"TokenExpiryConfig {name} " in text]
    assert len(told) == (warning is not None), told
    assert warning is None or warning in told[0]


@pytest.fixture
def denying(policy, space):
    """Deny in place of Warn, as policy.lifetimes=Deny of the chart makes it, in this namespace alone."""
    bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
    spec = policy.api.get(f"{bindings}/apitoken-lifetimes")["spec"]
    spec["validationActions"] = ["Deny"]
    spec["matchResources"] = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space.name}}}
    policy.api.create(bindings, {"metadata": {"name": space.name}, "spec": spec})
    yield
    policy.api.delete(f"{bindings}/{space.name}")


def test_with_deny_a_ttl_beyond_the_ceiling_is_refused_and_a_token_that_has_it_can_be_revoked(denying, space):
    space.token("long", ttl="48h")
    name = space.config("cap", **PERMANENT_CAP)

    def patched(change, **params):
        return answer(lambda: space.tokens.patch("long", change, **params))

    refused = f"is more than the 24h that TokenExpiryConfig {name} allows tokens of type Permanent, and none gets more; ask for 24h or less"
    eventually(lambda: assert_any(refused, [patched({"spec": {"ttl": "47h"}}, dryRun="All") or ""]))
    body = {"apiVersion": "apitoken.dev/v1alpha1", "kind": "ApiToken", "metadata": {"name": "new"}, "spec": permanent("alice", ttl="25h")}
    told = answer(lambda: space.tokens.api.create(space.tokens.path, body))
    assert told.startswith('apitokens.apitoken.dev "new" is forbidden: ValidatingAdmissionPolicy') and refused in told
    for change in ({"spec": {"description": "another"}}, {"metadata": {"annotations": {ROTATE: "2026-01-02T00:00:00Z"}}},
                   {"metadata": {"labels": {"tier": "x"}}}, {"spec": {"ttl": None}}, {"spec": {"ttl": "24h"}}):
        assert patched(change, dryRun="All") is None, change
    assert patched({"spec": {"revoked": True}}) is None


def assert_any(part, texts):
    assert any(part in text for text in texts), texts


def test_a_ttl_that_was_warned_about_is_cut_by_the_operator(policy, space, operator):
    name = space.settled_config("cap", lifetimes={"permanent": {"max": "24h"}})
    token = space.token("long", ttl="48h")
    assert token["spec"]["ttl"] == "48h"
    token = space.ready("long")
    assert token["status"]["ttl"] == "24h0m0s" and stands(token, "Ready")[0] == "True"
    assert name in condition(token, "Ready")["message"] or "24h" in condition(token, "Ready")["message"]
