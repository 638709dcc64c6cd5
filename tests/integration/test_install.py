"""From a clean cluster to working tokens, by each way of installation: Helm 3, Helm 4,
kustomize, install.yaml. No pod runs here: the operator is a process with the flags of the
installed Deployment, under the installed service account."""

import pytest
import yaml

from testbed import api as kinds
from testbed.api import ApiError, Collection
from testbed.built import built
from testbed.cluster import ROOT, Cluster
from testbed.helm import CHART, Helm, previous_chart
from testbed.namespace import TestNamespace
from testbed.tokens import hash_of
from testbed.waiting import eventually, let_pass, wait_for

SYSTEM = "apitoken-system"
SAMPLES = ROOT / "manifests" / "samples"
RELEASE = "apitoken-operator"
ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


@pytest.fixture
def clean(tmp_path_factory):
    """A cluster without any object of ours."""
    with Cluster(tmp_path_factory.mktemp("clean")) as cluster:
        yield cluster


@pytest.fixture
def run_installed(clean, launch, tmp_path):
    """Starts the operator like the installed Deployment."""

    def run():
        deployment = clean.api.get(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/{RELEASE}")
        pod = deployment["spec"]["template"]["spec"]
        flags = [flag for flag in pod["containers"][0]["args"] if "-bind-address=" not in flag]
        kubeconfig = clean.service_account_kubeconfig(
            tmp_path / "pod", name=pod["serviceAccountName"]
        )
        return launch(*flags, kubeconfig=kubeconfig, env={"POD_NAMESPACE": SYSTEM})

    return run


def served(cluster):
    for resource in ("apitokens", "tokenexpiryconfigs"):
        wait_for(
            lambda resource=resource: cluster.api.get(f"/apis/apitoken.dev/v1alpha1/{resource}"),
            30,
            f"{resource} are not served",
        )


def apply_samples(cluster):
    """Applies them in namespace team-a; returns it when each sample has done what it says."""
    served(cluster)
    cluster.kubectl("create", "namespace", "team-a", check=False)
    cluster.kubectl("apply", "-n", "team-a", "--validate=strict", "-R", "-f", str(SAMPLES))
    namespace = TestNamespace(cluster, "team-a")
    for name in ("ci-deploy", "alice-session", "legacy-export"):
        token = namespace.ready(name)
        assert token["status"]["expiresAt"]
    return namespace


def values_of(namespace):
    tokens = {token["metadata"]["name"]: token["status"] for token in namespace.tokens.list()}
    secrets = {
        s["metadata"]["name"]: s["data"]
        for s in namespace.secrets.list()
        if "apitoken.dev/token-id" in s["metadata"].get("annotations", {})
    }
    assert len(secrets) == len(tokens) == 4
    return {
        name: (status["tokenHash"], status["revision"], status["expiresAt"])
        for name, status in tokens.items()
    }, secrets


def refuses_permanent_tokens(cluster):
    """alice has edit in team-a and no more."""
    cluster.kubectl(
        "create", "rolebinding", "alice", "-n", "team-a", "--clusterrole=edit", "--user=alice"
    )
    tokens = kinds.apitokens(cluster.api.impersonating("alice"), "team-a")

    def refused():
        with pytest.raises(ApiError) as refusal:
            tokens.api.create(
                tokens.path,
                {
                    "apiVersion": "apitoken.dev/v1alpha1",
                    "kind": "ApiToken",
                    "metadata": {"name": "p"},
                    "spec": {"user": "alice"},
                },
                dryRun="All",
            )
        assert "mint-permanent" in refusal.value.message

    eventually(refused, 20)
    eventually(
        lambda: tokens.api.create(
            tokens.path,
            {
                "apiVersion": "apitoken.dev/v1alpha1",
                "kind": "ApiToken",
                "metadata": {"name": "s"},
                "spec": {"user": "alice", "type": "Temporary"},
            },
            dryRun="All",
        )
    )


def chart_of_kind(cluster):
    """The chart that brought the CRD as it is now."""
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    return cluster.api.get(f"{crds}/apitokens.apitoken.dev")["metadata"]["labels"]["helm.sh/chart"]


def image_of(cluster):
    deployment = cluster.api.get(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/{RELEASE}")
    return deployment["spec"]["template"]["spec"]["containers"][0]["image"]


def version_of_chart():
    return yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]


@pytest.mark.parametrize("major", ["3", "4"])
def test_helm_installs_upgrades_and_removes(clean, run_installed, tmp_path, major):
    helm = Helm(clean, major, tmp_path / "helm")
    notes = helm("install", RELEASE, previous_chart(), "--create-namespace").stdout
    assert "SKIPPED" in notes and "monitoring.coreos.com" in notes
    image = "ghcr.io/apitoken-dev/apitoken-operator"
    assert image_of(clean) == f"{image}:0.0.9" and chart_of_kind(clean) == f"{RELEASE}-0.0.9"
    operator = run_installed()
    namespace = apply_samples(clean)
    refuses_permanent_tokens(clean)
    before = values_of(namespace)
    assert hash_of(namespace.value("ci-deploy")) == before[0]["ci-deploy"][0]
    signed = TestNamespace(clean, "default")
    signed.token("session", type="Temporary", format="JWT")
    signed.ready("session")

    helm("upgrade", RELEASE, CHART)
    assert image_of(clean) == f"{image}:{version_of_chart()}"
    assert chart_of_kind(clean) == f"{RELEASE}-{version_of_chart()}", "the CRDs were not upgraded"
    operator.stop()
    assert "forbidden" not in operator.log().lower()
    operator = run_installed()
    let_pass(2)
    assert values_of(namespace) == before
    assert operator.metrics().value("apitoken_minted_total") == 0
    assert operator.metrics().matching("apitokens"), "what `helm test` looks for"
    operator.stop()

    helm("uninstall", RELEASE)
    assert clean.api.get(f"{ADMISSION}/apitoken-mint") is None
    assert clean.api.get(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/{RELEASE}") is None
    assert values_of(namespace) == before, "an uninstallation must leave tokens alone"
    keys = kinds.secrets(clean.api, SYSTEM).get("apitoken-operator-jwt-keys")
    assert "ownerReferences" not in keys["metadata"], (
        "it is removed by hand, as docs/installation.md says"
    )

    helm("install", RELEASE, CHART)
    operator = run_installed()
    let_pass(2)
    assert values_of(namespace) == before
    namespace.secrets.delete("ci-deploy")
    wait_for(
        lambda: (namespace.tokens.get("ci-deploy")["status"]["revision"]) == 2,
        20,
        "the operator heals no more",
    )
    operator.stop()


EVERYTHING = {
    "replicaCount": 2,
    "podDisruptionBudget": {"enabled": True},
    "networkPolicy": {"restrictEgress": True},
    "grafanaDashboard": {"enabled": True},
    "policy": {"lifetimes": "Deny"},
    "verify": {"enabled": True, "tlsSecret": "tls", "clientCASecret": "ca"},
    "issuer": "https://tokens.example.com",
    "topologySpreadConstraints": yaml.safe_load((CHART / "values-ha.yaml").read_text())[
        "topologySpreadConstraints"
    ],
    "priorityClassName": "system-cluster-critical",
    "extraEnv": {"TZ": "UTC", "POD_IP": {"valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}},
    "global": {"imageRegistry": "mirror.example.com:5000", "imagePullSecrets": ["pull"]},
    "strategy": {"type": "Recreate"},
    "deploymentAnnotations": {"example.com/owner": "platform"},
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["mail.example.com"]}],
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["10.0.0.2"], "options": [{"name": "ndots", "value": "2"}]},
    "runtimeClassName": "gvisor",
    "automountServiceAccountToken": False,
    "serviceAccount": {"automountServiceAccountToken": False},
    "extraContainers": [
        {
            "name": "side",
            "image": "example.com/side:1",
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
    "extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}},
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-extra}\n",
    ],
    "serviceMonitor": {"enabled": False},
    "podMonitor": {
        "enabled": True,
        "namespace": "default",
        "authorization": {"credentials": {"name": "scraper", "key": "token"}},
    },
    "metrics": {"secure": True},
    "prometheusRule": {"namespace": "default"},
    "commonLabels": {"team": "platform"},
}


def test_what_helm_renders_passes_strict_validation_with_the_prometheus_operator(
    clean, run_installed, tmp_path
):
    """With the API server's own schemas, and the Prometheus operator's for its CRDs."""
    clean.kubectl(
        "apply",
        "--server-side",
        *(
            f"-f{built('helm')['kinds']}/{kind}.yaml"
            for kind in ("servicemonitors", "podmonitors", "prometheusrules")
        ),
    )
    monitors = Collection(
        clean.api, f"/apis/monitoring.coreos.com/v1/namespaces/{SYSTEM}/servicemonitors"
    )
    wait_for(
        lambda: clean.api.get("/apis/monitoring.coreos.com/v1/servicemonitors"),
        30,
        "ServiceMonitors are not served",
    )
    wait_for(
        lambda: clean.api.get("/apis/monitoring.coreos.com/v1/podmonitors"),
        30,
        "PodMonitors are not served",
    )
    clean.kubectl("create", "namespace", SYSTEM)
    clean.kubectl("create", "namespace", "team-a")
    clean.kubectl("label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted")
    helm = Helm(clean, "4", tmp_path / "helm")
    settings = (
        {},
        EVERYTHING,
        {"namespaces": ["default"], "metrics": {"enabled": False}},
        {"serviceMonitor": {"namespace": "default"}, "dnsPolicy": "Default"},
        # Not restricted, so not in the release's namespace.
        {"namespaceOverride": "team-a", "hostNetwork": True},
    )
    for values in settings:
        text = helm(
            "template", RELEASE, CHART, "--api-versions", "monitoring.coreos.com/v1", values=values
        ).stdout
        applied = clean.kubectl(
            "apply", "--dry-run=server", "--validate=strict", "-f", "-", input=text
        )
        assert "would violate PodSecurity" not in applied.stderr
    notes = helm("install", RELEASE, CHART, values={"namespaces": ["team-a"]}).stdout
    assert "SKIPPED" not in notes
    assert monitors.get(RELEASE)["spec"]["endpoints"][0]["honorLabels"]
    operator = run_installed()
    apply_samples(clean)
    operator.stop()
    assert "forbidden" not in operator.log().lower(), "permissions in team-a alone do not suffice"


KUSTOMIZE = ["-k", str(ROOT / "manifests/default")]


@pytest.fixture
def install_yaml(clean, tmp_path):
    """The one manifest, as docs/installation.md and hack/release.sh make it."""
    path = tmp_path / "install.yaml"
    path.write_text(clean.kubectl("kustomize", ROOT / "manifests/default").stdout)
    return path


@pytest.mark.parametrize("way", ["kustomize", "install.yaml"])
def test_manifests_give_working_tokens(clean, run_installed, install_yaml, way):
    how = KUSTOMIZE if way == "kustomize" else ["--server-side", "-f", install_yaml]
    clean.kubectl("apply", *how)
    operator = run_installed()
    apply_samples(clean)
    refuses_permanent_tokens(clean)
    again = clean.kubectl("apply", *how).stdout
    assert "configured" not in again and "created" not in again
    for overlay in ("ha", "no-prometheus"):
        clean.kubectl(
            "apply",
            "--dry-run=server",
            "--validate=strict",
            "-k",
            str(ROOT / "manifests" / overlay),
        )
    operator.stop()
    assert "forbidden" not in operator.log().lower()


def test_either_way_of_kubectl_may_follow_the_other(clean, install_yaml):
    """There is no conflict and no change: the manifests have what the API server would add, so
    both ways set the same fields."""
    install = ["--server-side", "-f", install_yaml]
    shipped = [thing for thing in yaml.safe_load_all(install_yaml.read_text()) if thing]
    clean.kubectl("apply", *KUSTOMIZE)

    def contents():
        """The object without status and without metadata, where kubectl keeps notes."""
        found = yaml.safe_load(clean.kubectl("get", "-o", "json", "-f", install_yaml).stdout)[
            "items"
        ]
        assert len(found) == len(shipped)
        return {
            (thing["kind"], thing["metadata"]["name"]): {**thing, "metadata": None, "status": None}
            for thing in found
        }

    before = contents()
    for way in (install, KUSTOMIZE, install):
        clean.kubectl("apply", *way)
        assert contents() == before, way


def test_the_pod_passes_the_restricted_standard(clean):
    """Admission checks pods, which a Deployment makes later: here the pod itself."""
    clean.kubectl("apply", "-f", str(ROOT / "manifests/rbac"))
    clean.kubectl("apply", "--dry-run=server", "-f", str(ROOT / "manifests/base/deployment.yaml"))
    template = yaml.safe_load((ROOT / "manifests/base/deployment.yaml").read_text())["spec"][
        "template"
    ]
    path = f"/api/v1/namespaces/{SYSTEM}/pods"
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "operator", **template["metadata"]},
        "spec": template["spec"],
    }
    clean.api.create(path, pod, dryRun="All")
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(ApiError, match="violates PodSecurity"):
        clean.api.create(path, pod, dryRun="All")
