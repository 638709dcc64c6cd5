"""The chart as a whole: lint, both Helms, the schema, names, permissions by namespace, and what
is skipped."""

import json
import re
import subprocess

import pytest
import yaml

from rendering import CHART, NAMESPACE, RELEASE, ROOT, helm, names, objects_in, only, render

EVERYTHING = {
    "replicaCount": 2,
    "namespaces": ["team-a"],
    "verify": {"enabled": True, "tlsSecret": "tls", "clientCASecret": "ca"},
    "networkPolicy": {"restrictEgress": True},
    "podDisruptionBudget": {"enabled": True},
    "grafanaDashboard": {"enabled": True},
    "issuer": "https://tokens.example.com",
    "global": {"imageRegistry": "mirror.example.com", "imagePullSecrets": ["pull"]},
    "hostNetwork": True,
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["mail.example.com"]}],
    "dnsConfig": {"searches": ["example.com"]},
    "extraEnv": {"TZ": "UTC"},
    "extraContainers": [{"name": "side", "image": "example.com/side:1"}],
    "serviceMonitor": {"enabled": False},
    "podMonitor": {"enabled": True, "namespace": "monitoring"},
}


@pytest.mark.parametrize("major", ["3", "4"])
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_lint_finds_nothing(major, values):
    helm("lint", "--strict", CHART, "--values", "-", major=major, input=yaml.safe_dump(values))


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_both_helms_render_the_same(values):
    assert render(values, major="3") == render(values, major="4")


def test_the_package_holds_what_it_needs(tmp_path):
    done = helm("package", CHART, "--destination", tmp_path)
    archive = done.stdout.split(":", 1)[1].strip()
    listed = subprocess.run(
        ["tar", "-tzf", archive], text=True, capture_output=True, check=True
    ).stdout
    for name in ("files/crds/apitokens.yaml", "files/mint.yaml", "values.schema.json", "README.md"):
        assert f"apitoken-operator/{name}" in listed
    assert render(chart=archive) == render()


REFUSED = [
    ({"replicacount": 2}, ["replicacount"]),
    # Read by a parent chart's condition; here it would be ignored without a word.
    ({"enabled": False}, ["condition: apitoken-operator.enabled", "helm uninstall"]),
    ({"enabled": "false"}, ["enabled"]),
    ({"global": {"imageRegistry": "https://mirror.example.com"}}, ["imageRegistry"]),
    ({"global": {"imagePullSecrets": [{"secret": "a"}]}}, ["imagePullSecrets"]),
    ({"image": {"registry": "mirror.example.com/"}}, ["registry"]),
    ({"hostAliases": [{"ip": "10.0.0.1", "hostname": "a"}]}, ["hostAliases"]),
    ({"hostAliases": [{"ip": "mail.example.com", "hostnames": ["a"]}]}, ["hostAliases"]),
    ({"dnsPolicy": "clusterFirst"}, ["dnsPolicy", "ClusterFirst"]),
    ({"dnsPolicy": "None"}, ["dnsPolicy: None needs dnsConfig.nameservers"]),
    ({"dnsConfig": {"nameserver": ["10.0.0.1"]}}, ["nameserver"]),
    ({"extraObjects": [{"kind": "ConfigMap"}]}, ["extraObjects"]),
    ({"extraContainers": [{"name": "a", "image": "b", "volumemounts": []}]}, ["volumemounts"]),
    ({"extraContainers": [{"name": "operator", "image": "b"}]}, ["extraContainers"]),
    ({"deploymentAnnotations": {"a": 1}}, ["deploymentAnnotations"]),
    ({"runtimeClassName": "gVisor"}, ["runtimeClassName"]),
    ({"strategy": {"type": "recreate"}}, ["strategy", "Recreate"]),
    ({"strategy": {"rollingUpdate": {"maxSurges": 1}}}, ["maxSurges"]),
    ({"hostNetwork": "yes"}, ["hostNetwork"]),
    ({"automountServiceAccountToken": "no"}, ["automountServiceAccountToken"]),
    ({"serviceAccount": {"automount": False}}, ["automount"]),
    ({"namespaceOverride": "Tokens"}, ["namespaceOverride"]),
    ({"extraEnv": {"A": {"val": "b"}}}, ["val"]),
    # As in a container: no number, which Helm could write as 1e+06.
    ({"extraEnv": {"A": 1000000}}, ["extraEnv"]),
    ({"serviceMonitor": {"honourLabels": True}}, ["honourLabels"]),
    ({"serviceMonitor": {"namespace": "a/b"}}, ["namespace"]),
    ({"prometheusRule": {"namespace": "a/b"}}, ["namespace"]),
    ({"podMonitor": {"authorization": {"credentials": {"name": "a"}}}}, ["credentials"]),
    ({"podMonitor": {"enabled": True}}, ["set serviceMonitor.enabled=false"]),
    (
        {
            "podMonitor": {"enabled": True},
            "serviceMonitor": {"enabled": False},
            "metrics": {"secure": True},
        },
        ["podMonitor.authorization"],
    ),
    ({"replicaCount": "two"}, ["replicaCount"]),
    (
        {"replicaCount": 2, "leaderElection": {"enabled": False}},
        ["replicaCount", "leaderElection.enabled=true"],
    ),
    ({"image": {"repository": "a/b:tag"}}, ["image/repository", "image.repository"]),
    ({"image": {"digest": "sha256:1"}}, ["digest"]),
    ({"log": {"level": "loud"}}, ["log", "level", "debug"]),
    ({"policy": {"lifetimes": "warn"}}, ["lifetimes", "Warn"]),
    ({"policy": {"enabled": False}}, ["policy.enabled: false together with roles.aggregate=true"]),
    ({"policy": {"reservedGroups": ["a,b"]}}, ["reservedGroups"]),
    ({"policy": {"reservedGroups": "ops"}}, ["reservedGroups"]),
    ({"policy": {"status": {"writers": [""]}}}, ["writers"]),
    ({"policy": {"status": {"writer": []}}}, ["writer"]),
    ({"policy": {"fence": False}}, ["fence"]),
    ({"metrics": {"port": 70000}}, ["metrics", "port", "65535"]),
    ({"namespaces": "team-a"}, ["namespaces"]),
    ({"workers": 0}, ["workers"]),
    ({"prometheusRule": {"alerts": {"ApiTokenExpried": {"enabled": False}}}}, ["ApiTokenExpried"]),
    (
        {"prometheusRule": {"alerts": {"ApiTokenExpired": {"for": "soon"}}}},
        ["ApiTokenExpired", "for"],
    ),
    ({"issuer": "http://insecure"}, ["issuer"]),
    ({"clusterName": "prod eu"}, ["clusterName"]),
    ({"clusterName": 'a"b'}, ["clusterName"]),
    ({"clusterName": "a" * 64}, ["clusterName"]),
    *[
        ({"portalURL": url}, ["portalURL"])
        for url in ("portal.example.com", "https://", "https://a?b", "https://u@a", "ftp://a")
    ],
    ({"extraArgs": ["dry-run"]}, ["extraArgs"]),
    ({"commonLabels": {"app.kubernetes.io/name": "x"}}, ["commonLabels"]),
    # Fields of Kubernetes' own, misspelt or of the wrong kind.
    *[
        ({holder: fields}, messages)
        for holder in ("podSecurityContext", "securityContext")
        for fields, messages in [
            ({"runAsUser": "root"}, ["runAsUser"]),
            ({"runAsNonRot": True}, ["runAsNonRot"]),
            ({"runAsNonRoot": "true"}, ["runAsNonRoot"]),
            ({"seccompProfile": {"type": "runtimeDefault"}}, ["seccompProfile"]),
        ]
    ],
    ({"podSecurityContext": {"fsGroup": "65532"}}, ["fsGroup"]),
    ({"securityContext": {"readOnlyRootFilesytem": True}}, ["readOnlyRootFilesytem"]),
    ({"securityContext": {"capabilities": {"dropp": ["ALL"]}}}, ["dropp"]),
    ({"resources": {"limit": {"memory": "1Gi"}}}, ["limit"]),
    ({"resources": {"limits": {"memroy": "1Gi"}}}, ["memroy"]),
    ({"resources": {"limits": {"memory": "1GB"}}}, ["memory"]),
    ({"livenessProbe": {"periodSecond": 5}}, ["periodSecond"]),
    ({"tolerations": [{"operators": "Exists"}]}, ["operators"]),
    ({"affinity": {"podAntiAfinity": {}}}, ["podAntiAfinity"]),
    ({"topologySpreadConstraints": [{"maxSkew": "1"}]}, ["maxSkew"]),
    ({"extraEnv": [{"name": "A", "val": "b"}]}, ["val"]),
    ({"extraVolumes": [{"emptyDir": {}}]}, ["extraVolumes"]),
    ({"extraVolumeMounts": [{"name": "v", "mountpath": "/v"}]}, ["mountpath"]),
    ({"networkPolicy": {"metricsFrom": [{"namespaceSelecter": {}}]}}, ["namespaceSelecter"]),
    ({"networkPolicy": {"extraEgress": [{"from": []}]}}, ["extraEgress"]),
    ({"serviceMonitor": {"relabelings": [{"source_labels": ["pod"]}]}}, ["source_labels"]),
    ({"prometheusRule": {"extraGroups": [{"rules": []}]}}, ["extraGroups"]),
    ({"verify": {"tlsSecret": "my_tls"}}, ["tlsSecret"]),
    ({"verify": {"clientCASecret": "a/b"}}, ["clientCASecret"]),
    ({"serviceAccount": {"name": "Me"}}, ["serviceAccount"]),
    ({"priorityClassName": "Very High"}, ["priorityClassName"]),
    # With these the operator would exit: the rules of its flags.
    *[
        ({"issuer": url}, ["issuer"])
        for url in (
            "https://x/",
            "https://",
            "https:///x",
            "https://:443",
            "https://x?a=b",
            "https://x#a",
            "https://me@x",
            "https://x/a b",
            "https://x/ä",
        )
    ],
    *[
        ({"jwtKeyRotation": duration}, ["jwtKeyRotation"])
        for duration in ("1s", "59s", "0h0m59s", "0", "0m", "1d", "1h ", "30", "100000h", "1.5h")
    ],
    ({"metrics": {"port": 8081}}, ["metrics.port: 8081 is healthPort too"]),
    ({"healthPort": 8080}, ["metrics.port: 8080 is healthPort too"]),
    ({"verify": {"port": 8080}}, ["verify.port: 8080 is metrics.port too"]),
    (
        {"verify": {"port": 8081}, "metrics": {"enabled": False}},
        ["verify.port: 8081 is healthPort too"],
    ),
]


@pytest.mark.parametrize("major", ["3", "4"])
@pytest.mark.parametrize("values, messages", REFUSED, ids=[json.dumps(v)[1:40] for v, _ in REFUSED])
def test_a_wrong_value_is_refused_by_its_name(values, messages, major):
    message = render(values, major=major, check=False)
    assert any(part in message for part in messages), message


@pytest.mark.parametrize("major", ["3", "4"])
@pytest.mark.parametrize(
    "values",
    [
        *[
            {"issuer": url}
            for url in (
                "https://x",
                "https://tokens.example.com:8443/team-a",
                "https://[::1]:8443",
                "https://x/a/b~c;d=e!f$g&h'(i)*+,j%20",
            )
        ],
        *[
            {"jwtKeyRotation": duration}
            for duration in ("1m", "60s", "0h60s", "720h", "1h30m", "0h1m0s", "0100s")
        ],
        {
            "podSecurityContext": {
                "runAsUser": None,
                "fsGroup": None,
                "supplementalGroups": [1000],
                "sysctls": [{"name": "a", "value": "b"}],
            }
        },
        {
            "securityContext": {
                "appArmorProfile": {"type": "RuntimeDefault"},
                "seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"},
            }
        },
        {
            "resources": {
                "limits": {
                    "cpu": 1,
                    "memory": "0.5Gi",
                    "ephemeral-storage": "1e9",
                    "example.com/nic": "1",
                },
                "requests": None,
            }
        },
        {"metrics": {"port": 8081, "enabled": False}},
        {"verify": {"port": 8080, "enabled": False}},
    ],
    ids=lambda values: json.dumps(values)[1:60],
)
def test_what_kubernetes_and_the_operator_take_is_taken(values, major):
    pod = only(render(values, major=major), "Deployment")["spec"]["template"]["spec"]
    for field in ("runAsUser", "fsGroup"):
        assert (field in pod["securityContext"]) == (
            field not in values.get("podSecurityContext", {})
        )


def test_chart_image_and_program_have_one_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == chart["version"]
    assert (
        re.search(r"project\([^)]*VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
        == chart["appVersion"]
    )


def test_an_older_cluster_is_refused():
    message = render({}, "--kube-version", "1.31.0", check=False)
    assert "1.32" in message


def test_without_the_prometheus_operator_its_kinds_are_skipped():
    objects = render(prometheus=False)
    assert {"ServiceMonitor", "PrometheusRule"}.isdisjoint({thing["kind"] for thing in objects})
    assert {"ServiceMonitor", "PrometheusRule"} <= {thing["kind"] for thing in render()}


def test_names_follow_the_release():
    objects = render(release="prod")
    assert only(objects, "Deployment")["metadata"]["name"] == "prod-apitoken-operator"
    assert names(objects, "ValidatingAdmissionPolicy") == [
        "apitoken-fence",
        "apitoken-lifetimes",
        "apitoken-mint",
        "apitoken-mint-labels",
        "apitoken-status",
    ]
    binding = only(objects, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == "prod-apitoken-operator" == binding["subjects"][0]["name"]


def test_with_namespaces_secrets_elsewhere_are_out_of_reach():
    objects = render({"namespaces": ["team-a", "team-b"]})
    wide = only(objects, "ClusterRole", RELEASE)
    assert {resource for rule in wide["rules"] for resource in rule["resources"]} == {
        "tokenexpiryconfigs",
        "tokenexpiryconfigs/status",
        "namespaces",
        "tokenreviews",
        "subjectaccessreviews",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
    }
    assert [b["roleRef"]["name"] for b in objects if b["kind"] == "ClusterRoleBinding"] == [RELEASE]
    bound = {
        (b["metadata"]["namespace"], b["roleRef"]["name"])
        for b in objects
        if b["kind"] == "RoleBinding"
    }
    assert bound == {
        ("team-a", f"{RELEASE}-tokens"),
        ("team-b", f"{RELEASE}-tokens"),
        (NAMESPACE, f"{RELEASE}-leases"),
        (NAMESPACE, f"{RELEASE}-own"),
        ("default", f"{RELEASE}-events"),
    }
    # The operator writes Events in the namespaces of tokens, in its own about lost signing keys,
    # and in default about TokenExpiryConfigs.
    for kind, name in (("ClusterRole", "tokens"), ("Role", "own"), ("Role", "events")):
        rules = only(objects, kind, f"{RELEASE}-{name}")["rules"]
        assert any(
            rule["resources"] == ["events"] and rule["verbs"] == ["create", "patch"]
            for rule in rules
        ), name


def test_verification_brings_permission_to_review_callers():
    reviews = {"tokenreviews", "subjectaccessreviews"}
    for enabled in (True, False):
        rules = only(render({"verify": {"enabled": enabled}}), "ClusterRole", RELEASE)["rules"]
        assert (
            reviews <= {resource for rule in rules for resource in rule["resources"]}
        ) == enabled


def test_every_object_has_the_recommended_labels():
    for thing in render(EVERYTHING):
        labels = thing["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "apitoken-operator", thing["metadata"]["name"]
        if thing["kind"] != "Pod":
            assert labels["app.kubernetes.io/managed-by"] == "Helm" and labels[
                "helm.sh/chart"
            ].startswith("apitoken-operator-")


def test_the_high_availability_values_are_values():
    objects = render(yaml.safe_load((CHART / "values-ha.yaml").read_text()))
    assert only(objects, "Deployment")["spec"]["replicas"] == 2
    assert only(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


# --- the chart and the manifests are one thing ----------------------------------------------------

OF_PACKAGING = ("app.kubernetes.io/", "helm.sh/")


def without_packaging(thing):
    """The object without the labels and annotations that name its installer."""
    thing = json.loads(json.dumps(thing))
    for meta in (thing["metadata"], thing.get("spec", {}).get("template", {}).get("metadata", {})):
        for field in ("labels", "annotations"):
            kept = {
                key: value
                for key, value in (meta.get(field) or {}).items()
                if not key.startswith(OF_PACKAGING)
            }
            meta.pop(field, None)
            if kept:
                meta[field] = kept
    if "rules" in thing:
        thing["rules"] = sorted(
            (group, resource, verb)
            for rule in thing["rules"]
            for group in rule.get("apiGroups", [""])
            for resource in rule.get("resources") or rule["nonResourceURLs"]
            for verb in rule["verbs"]
        )
    if thing["kind"] == "Service":
        thing["metadata"].pop("labels", None)
    return thing


def by_name(objects):
    return {
        (
            thing["kind"],
            thing["metadata"].get("namespace"),
            thing["metadata"]["name"],
        ): without_packaging(thing)
        for thing in objects
    }


def kustomized(overlay):
    kubectl = (
        subprocess.run(
            [ROOT / "hack" / "controlplane.sh", "build"], text=True, capture_output=True, check=True
        ).stdout.strip()
        + "/kubectl"
    )
    return objects_in(
        subprocess.run(
            [kubectl, "kustomize", ROOT / "manifests" / overlay],
            text=True,
            capture_output=True,
            check=True,
        ).stdout
    )


SAME = [
    ("default", {}),
    ("ha", yaml.safe_load((CHART / "values-ha.yaml").read_text())),
    ("no-prometheus", {"metrics": {"enabled": False}}),
]


@pytest.mark.parametrize("overlay, values", SAME, ids=[overlay for overlay, _ in SAME])
def test_the_chart_makes_what_the_manifests_say(overlay, values):
    rendered = render(values, prometheus=False)
    chart = by_name(thing for thing in rendered if thing["kind"] != "Pod")
    manifests = by_name(kustomized(overlay))
    assert manifests.pop(("Namespace", None, NAMESPACE))
    assert set(chart) == set(manifests)
    for key, thing in manifests.items():
        assert chart[key] == thing, key


def test_the_kinds_are_the_same_by_each_way():
    raw = by_name(
        thing
        for path in sorted((ROOT / "crds").glob("*.yaml"))
        for thing in objects_in(path.read_text())
    )
    ways = {
        "chart": render({"crds": {"keep": False}}),
        "kustomize": kustomized("default"),
    }
    for way, objects in ways.items():
        assert (
            by_name(thing for thing in objects if thing["kind"] == "CustomResourceDefinition")
            == raw
        ), way


def test_the_prometheus_operator_objects_are_the_same_too():
    chart = by_name(
        thing for thing in render() if thing["kind"] in ("ServiceMonitor", "PrometheusRule")
    )
    assert chart == by_name(kustomized("prometheus"))


def test_pods_are_selected_alike():
    (deployment,) = (thing for thing in kustomized("default") if thing["kind"] == "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    mine = only(render(), "Deployment")["spec"]
    assert mine["selector"]["matchLabels"] == deployment["spec"]["selector"]["matchLabels"]
    assert mine["selector"]["matchLabels"].items() <= labels.items()
    assert mine["selector"]["matchLabels"].items() <= mine["template"]["metadata"]["labels"].items()


def test_the_policies_are_about_the_account_that_the_pod_has():
    """For each release name, namespace and set of values: `helm template` and kustomize."""
    cases = [
        render(release="prod"),
        render({"fullnameOverride": "tokens"}),
        render({"serviceAccount": {"create": False, "name": "mine"}}),
        render(namespace="elsewhere", prometheus=False),
        kustomized("default"),
        in_another_namespace(),
    ]
    for objects in cases:
        deployment = only(objects, "Deployment")
        pod = deployment["spec"]["template"]["spec"]
        namespace = deployment["metadata"]["namespace"]
        account = f"system:serviceaccount:{namespace}:{pod['serviceAccountName']}"
        fence, status = (
            only(objects, "ValidatingAdmissionPolicy", f"apitoken-{name}")["spec"]
            for name in ("fence", "status")
        )
        assert fence["matchConditions"] == [
            {"name": "operator", "expression": f"request.userInfo.username == '{account}'"}
        ]
        assert json.loads(status["variables"][0]["expression"]) == [account]


def in_another_namespace():
    """The kustomization of docs/installation.md, with manifests/default of this tree in place of
    the published one."""
    (text,) = [
        block
        for block in re.findall(
            r"^```yaml\n(.*?)^```", (ROOT / "docs/installation.md").read_text(), re.M | re.S
        )
        if "replacements:" in block
    ]
    described = yaml.safe_load(text)
    described["resources"] = ["../../../manifests/default"]
    directory = ROOT / "build" / "chart" / "another-namespace"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(described))
    return kustomized(directory)


@pytest.mark.parametrize(
    "objects",
    [
        render,
        lambda: render({"metrics": {"enabled": False}}),
        lambda: render({"verify": {"enabled": False}}),
        *[
            lambda overlay=overlay: kustomized(overlay)
            for overlay in ("default", "ha", "no-prometheus")
        ],
    ],
)
def test_the_network_policy_selects_the_pod_and_lets_in_to_its_ports_from_everywhere(objects):
    objects = objects()
    policy = only(objects, "NetworkPolicy")
    deployment = only(objects, "Deployment")
    pod = deployment["spec"]["template"]
    assert policy["metadata"]["namespace"] == deployment["metadata"]["namespace"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert policy["spec"]["policyTypes"] == ["Ingress"] and "egress" not in policy["spec"]
    assert all(set(rule) == {"ports"} for rule in policy["spec"]["ingress"])
    let_in = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
    assert sorted(let_in) == sorted(
        port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]
    )


def test_the_rendered_alerts_are_accepted_by_promtool(tmp_path):
    groups = only(
        render({"prometheusRule": {"alerts": {"ApiTokenOperatorStalled": {"threshold": 1200}}}}),
        "PrometheusRule",
    )["spec"]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(groups))
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint-fatal", path], text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
