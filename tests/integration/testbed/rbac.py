"""A role for one user or group, in one namespace or in the whole cluster; role and binding have
one name. The tests of the policies have people.py."""

import contextlib
import re

GROUP = "rbac.authorization.k8s.io"
RBAC = f"/apis/{GROUP}/v1"


def collections(namespace):
    """The paths of roles and of their bindings; namespace None: those of the whole cluster."""
    kind = f"{RBAC}/namespaces/{namespace}/role" if namespace else f"{RBAC}/clusterrole"
    return f"{kind}s", f"{kind}bindings"


def grant(cluster, subject, rules, namespace=None, name=None):
    """`subject`: a user's name, or a subject as RBAC writes it."""
    if isinstance(subject, str):
        subject = {"kind": "User", "apiGroup": GROUP, "name": subject}
    name = name or re.sub("[^a-z0-9]", "-", subject["name"])
    role = {"apiGroup": GROUP, "kind": "Role" if namespace else "ClusterRole", "name": name}
    roles, bindings = collections(namespace)
    cluster.api.create(roles, {"metadata": {"name": name}, "rules": list(rules)})
    cluster.api.create(
        bindings, {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
    )


@contextlib.contextmanager
def kubeconfig_with(cluster, user, rules, path):
    """The file `path` as kubeconfig of a user who has these rules in the whole cluster."""
    grant(cluster, user, rules, name=user)
    path.write_text(cluster.controlplane("kubeconfig", "--user", user))
    try:
        yield path
    finally:
        for collection in reversed(collections(None)):
            cluster.api.delete(f"{collection}/{user}")


def allow(cluster, user, rules):
    """Other rules for a user of kubeconfig_with()."""
    cluster.api.patch(f"{RBAC}/clusterroles/{user}", {"rules": rules})
