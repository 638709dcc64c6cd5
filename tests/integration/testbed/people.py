"""People with all kinds of permissions in one namespace, for the tests of who may mint. Their
requests are dry runs by impersonation: they pass through admission, and nothing is stored."""

from . import api as kinds
from .namespace import TestNamespace
from .policies import ACCOUNT, CORE, OURS, Grants, refusal

RESERVED = "kubeadm:cluster-admins"
HOME = "town"  # their namespace

MINTING = [(OURS, "apitokens", None, verb) for verb in ("get", "create", "patch", "delete")]
EVERYTHING = [("*", "*", None, "*")]
IMPERSONATE = [
    (group, kind, None, "impersonate") for group in (OURS, CORE) for kind in ("users", "groups")
]


def identity(group, kind, *names):
    return [(group, kind, list(names) or None, "impersonate")]


# Each has these roles (or rules) in namespace HOME, and those in the whole cluster.
# Each is in group shop, except those in GROUPS.
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


class People(TestNamespace):
    def __init__(self, cluster):
        super().__init__(cluster, HOME)
        cluster.api.create("/api/v1/namespaces", {"metadata": {"name": HOME}})
        self.grants = Grants(cluster, HOME)
        for user, (here, everywhere) in PEOPLE.items():
            for role in here:
                self.grants.grant(user, role)
            for role in everywhere:
                self.grants.grant(user, role, everywhere=True)
        self.grants.in_force()

    def tokens_as(self, user):
        """The ApiTokens of the namespace, through that person's client."""
        return kinds.apitokens(self.cluster.api.impersonating(user, GROUPS.get(user, "shop")), HOME)

    def ask(self, user, spec, **metadata):
        """The reason why that person is refused a token, or None."""
        kind = {"apiVersion": "apitoken.dev/v1alpha1", "kind": "ApiToken"}
        body = {**kind, "metadata": {"name": "probe", **metadata}, "spec": spec}
        tokens = self.tokens_as(user)
        return refusal(lambda: tokens.api.create(tokens.path, body, dryRun="All"))

    def change(self, user, name, body):
        """The reason why that person is refused a change, or None."""
        return refusal(lambda: self.tokens_as(user).patch(name, body, dryRun="All"))

    def remove(self):
        self.grants.remove()
        super().remove()


def temporary(user, **more):
    return {"user": user, "type": "Temporary", **more}
