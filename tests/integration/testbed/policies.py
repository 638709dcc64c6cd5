"""A control plane with the roles, permissions and admission policies of manifests/ in force, and
an audit log. Operators run as the operator's service account here, because the status policy
lets no other account write status."""

import json

import yaml

from . import api as kinds
from .api import ApiError
from .cluster import ROOT, Cluster
from .waiting import wait_for

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
SYSTEM = "apitoken-system"
ACCOUNT = f"system:serviceaccount:{SYSTEM}:apitoken-operator"
OURS, CORE = "apitoken.dev", ""
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "resources": [{"group": OURS}]}, {"level": "None"}],
}


class GuardedCluster(Cluster):
    def __init__(self, directory, *flags, audit=AUDIT):
        """flags: more of kube-apiserver's."""
        policy = directory / "audit-policy.yaml"
        policy.write_text(yaml.safe_dump(audit))
        self.audit_log = directory / "audit.log"
        super().__init__(
            directory / "cluster",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log}",
            *flags,
        )

    def install(self):
        self.apply_crds()
        self.kubectl(
            "apply", "-f", str(ROOT / "manifests/rbac"), "-f", str(ROOT / "manifests/policy")
        )
        for role, verb in (("view", "get"), ("edit", "create"), ("admin", "mint-permanent")):
            wait_for(
                lambda role=role, verb=verb: verb in aggregated_verbs(self, role, "apitokens"),
                30,
                f"{role} has no {verb}",
            )
        self._wait_in_force()

    def _wait_in_force(self):
        tokens = kinds.apitokens(self.api, "default")
        tokens.create("in-force", {"user": "somebody"})
        operators_secrets = kinds.secrets(self.api.impersonating(ACCOUNT), "kube-system")
        attempts = {
            "apitoken-mint": lambda: tokens.patch(
                "in-force", {"spec": {"groups": ["kubeadm:cluster-admins"]}}, dryRun="All"
            ),
            "apitoken-status": lambda: tokens.api.patch(
                f"{tokens.path}/in-force/status", {"status": {"hint": "x"}}, dryRun="All"
            ),
            "apitoken-fence": lambda: operators_secrets.api.create(
                operators_secrets.path, {"metadata": {"name": "x"}}, dryRun="All"
            ),
        }
        for policy, attempt in attempts.items():
            wait_for(
                lambda policy=policy, attempt=attempt: policy in (refusal(attempt) or ""),
                30,
                f"{policy} refuses nothing",
            )
        tokens.delete("in-force")

    def audit_events(self):
        return [
            json.loads(line)
            for line in self.audit_log.read_text().splitlines()
            if line.endswith("}")
        ]


def refusal(request):
    """The API server's reason to refuse this request, or None."""
    try:
        request()
        return None
    except ApiError as error:
        return error.message


def aggregated_verbs(cluster, role, resource):
    """The verbs of Kubernetes' own role on a resource of ours."""
    rules = cluster.api.get(f"{RBAC}/clusterroles/{role}")["rules"]
    return {
        verb
        for rule in rules
        if OURS in rule["apiGroups"] and resource in rule["resources"]
        for verb in rule["verbs"]
    }


class Grants:
    """Roles and bindings in one namespace and in the whole cluster. in_force() waits until the
    authorizer knows all of them."""

    def __init__(self, cluster, namespace):
        self.api = cluster.api
        self.namespace = namespace
        self.numbers = 0
        self.made = []

    def grant(self, user, role, everywhere=False):
        """role: a ClusterRole's name, or rules as (group, resource, names, verb)."""
        self.numbers += 1
        name = f"{self.namespace}-{self.numbers}"
        if not isinstance(role, str):
            self._create(
                f"{RBAC}/clusterroles",
                {
                    "metadata": {"name": name},
                    "rules": [
                        {
                            "apiGroups": [group],
                            "resources": [resource],
                            "verbs": [verb],
                            **({"resourceNames": names} if names else {}),
                        }
                        for group, resource, names, verb in role
                    ],
                },
            )
        kind = "clusterrolebindings" if everywhere else f"namespaces/{self.namespace}/rolebindings"
        self._create(
            f"{RBAC}/{kind}",
            {
                "metadata": {"name": name},
                "subjects": [
                    {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
                ],
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": role if isinstance(role, str) else name,
                },
            },
        )

    def _create(self, path, body):
        self.api.create(path, body)
        self.made.append(f"{path}/{body['metadata']['name']}")

    def in_force(self):
        """The authorizer follows each kind of object in order, so the last of a kind shows that
        it knows the others."""
        user = f"last-{self.namespace}-{self.numbers}"
        for everywhere in (False, True):
            self.grant(user, [(OURS, "probes", None, "get" if everywhere else "list")], everywhere)
        for verb in ("list", "get"):
            wait_for(lambda verb=verb: self._may(user, verb), 20, "the bindings are not in force")

    def _may(self, user, verb):
        asked = {"verb": verb, "group": OURS, "resource": "probes", "namespace": self.namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": asked},
        }
        return self.api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)[
            "status"
        ]["allowed"]

    def remove(self):
        for path in self.made:
            self.api.delete(path)
