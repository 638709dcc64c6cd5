"""What docs/platforms.md says about installing on OpenShift gives pods that its Security Context
Constraint restricted-v2 admits. Its rules are written down here, as no OpenShift runs in the tests:
OpenShift 4.19, "Managing security context constraints".
"""

import re
import shlex

import pytest

from rendering import ROOT, render


def pods_in(objects):
    for thing in objects:
        if thing["kind"] == "Pod":
            yield thing["spec"]
        elif thing["kind"] == "Deployment":
            yield thing["spec"]["template"]["spec"]


def refusals_of_restricted_v2(pod):
    """Fields that the constraint does not admit. Users and groups must be absent: the constraint
    takes them from a range that each namespace has of its own."""
    contexts = [pod.get("securityContext", {})]
    contexts += [container.get("securityContext", {}) for container in pod["containers"]]
    for context in contexts:
        for field in ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions"):
            if field in context:
                yield field
        if context.get("seccompProfile", {"type": "RuntimeDefault"})["type"] != "RuntimeDefault":
            yield "seccompProfile"
    for context in contexts[1:]:
        if context.get("privileged") or context.get("allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation"
        capabilities = context.get("capabilities", {})
        if "ALL" not in capabilities.get("drop", []):
            yield "capabilities.drop"
        if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
            yield "capabilities.add"
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    admitted = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "name",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    for volume in pod.get("volumes", []):
        yield from sorted(set(volume) - admitted)


@pytest.fixture(scope="module")
def documented():
    """The --set flags of the page's block about OpenShift."""
    page = (ROOT / "docs/platforms.md").read_text()
    section = re.search(r"^## OpenShift\n(.*?)(?=^## )", page, re.M | re.S)[1]
    command = re.search(r"^```sh\n(.*?)^```", section, re.M | re.S)[1]
    words = shlex.split(command)
    return [word for word in words[words.index("--set") :] if word != "--create-namespace"]


# The operator's, the portal's and those of `helm test`.
ALL_PODS = {
    "verify": {"tlsSecret": "tls", "clientCASecret": "ca"},
    "portal": {"enabled": True},
}
OPENSHIFT = ("--api-versions", "security.openshift.io/v1")


@pytest.mark.parametrize("major", ["3", "4"])
def test_on_openshift_the_pods_pass_restricted_v2(major):
    pods = list(pods_in(render(ALL_PODS, *OPENSHIFT, major=major)))
    assert [list(refusals_of_restricted_v2(pod)) for pod in pods] == [[], [], [], []]
    chosen = {"podSecurityContext": {"runAsUser": 1000650000}}
    for pod in pods_in(render(chosen, *OPENSHIFT, major=major)):
        assert pod["securityContext"]["runAsUser"] == 1000650000


@pytest.mark.parametrize("major", ["3", "4"])
def test_the_documented_installation_passes_restricted_v2(documented, major):
    pods = list(pods_in(render(ALL_PODS, *documented, major=major)))
    assert [list(refusals_of_restricted_v2(pod)) for pod in pods] == [[], [], [], []]


def test_the_rules_refuse_what_the_constraint_refuses(documented):
    """The defaults name a user; and each relaxation is found."""
    for pod in pods_in(render()):
        assert set(refusals_of_restricted_v2(pod)) == {"runAsUser", "runAsGroup", "fsGroup"}
    for values, field in (
        ({"hostNetwork": True}, "hostNetwork"),
        ({"securityContext": {"allowPrivilegeEscalation": True}}, "allowPrivilegeEscalation"),
        ({"securityContext": {"capabilities": {"drop": ["NET_RAW"]}}}, "capabilities.drop"),
        ({"extraVolumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "hostPath"),
        ({"extraContainers": [{"name": "a", "image": "b"}]}, "capabilities.drop"),
    ):
        operator = next(pods_in(render(values, *documented)))
        assert field in set(refusals_of_restricted_v2(operator))
