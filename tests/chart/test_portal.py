"""The portal in the chart: off by default, a pod without permissions of its own, and the flags that
the program takes."""

import copy
import re
import subprocess

import pytest
import yaml
from test_chart import by_name, kustomized
from test_values import leaves

from rendering import CHART, NAMESPACE, RELEASE, ROOT, at, names, only, render

NAME = f"{RELEASE}-portal"
ON = {"enabled": True}
OIDC = {
    **ON,
    "auth": ["oidc", "token"],
    "publicURL": "https://tokens.example.com",
    "oidc": {"issuer": "https://login.example.com/realms/main", "clientID": "apitoken-portal"},
}
EVERYTHING = {
    **OIDC,
    "oidc": {
        **OIDC["oidc"],
        "clientSecret": "portal-client",
        "caSecret": "issuer-ca",
        "scopes": "openid email",
    },
    "discoverNamespaces": True,
    "homeNamespaces": ["team-a", "team-b"],
    "clusterName": "prod-eu (\u00fc)",
    "temporaryToken": False,
    "session": "4h",
    "idle": "30m",
    "sessionsMax": 50,
    "tlsSecret": "portal-tls",
    "ingress": {"enabled": True, "className": "nginx", "host": "tokens.example.com"},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]},
}


def portal_of(objects):
    return [thing for thing in objects if thing["metadata"]["name"] == NAME]


def args_of(values):
    deployment = only(render({"portal": values}), "Deployment", NAME)
    return deployment["spec"]["template"]["spec"]["containers"][0]["args"]


def test_it_is_off_by_default():
    assert portal_of(render()) == []
    assert "apitoken-portal" not in yaml.safe_dump_all(render())


def test_switched_on_it_adds_and_changes_nothing_else():
    with_portal = by_name(render({"portal": ON}))
    without = by_name(render())
    assert {key: with_portal[key] for key in without} == without
    assert {kind for kind, _, name in set(with_portal) - set(without)} == {
        "ServiceAccount",
        "Deployment",
        "Service",
        "NetworkPolicy",
        "PodMonitor",
        "Pod",
    }


def test_helm_test_connects_to_the_portal():
    """By its Service, which leads to ready pods alone."""
    for values, port in (({}, "443"), ({"service": {"port": 8444}}, "8444")):
        pod = only(render({"portal": {**ON, **values}}), "Pod", f"{NAME}-test")
        assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
        assert f"{NAME} {port}" in pod["spec"]["containers"][0]["args"][0]
        assert pod["spec"]["automountServiceAccountToken"] is False
    assert names(render({"portal": ON, "test": {"enabled": False}}), "Pod") == []
    assert f"{NAME}-test" not in names(render(), "Pod")


def test_the_manifests_are_the_same():
    """But for what asks Prometheus to look."""
    values = {"portal": ON, "serviceMonitor": {"enabled": False}}
    assert by_name(portal_of(render(values))) == by_name(kustomized("portal"))


def test_prometheus_finds_its_pod_and_not_the_operators():
    objects = render({"portal": ON, "serviceMonitor": {"labels": {"release": "prometheus"}}})
    monitor = only(objects, "PodMonitor", NAME)
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    chosen = monitor["spec"]["selector"]["matchLabels"]
    deployments = {
        thing["metadata"]["name"]: thing["spec"]["template"]
        for thing in objects
        if thing["kind"] == "Deployment"
    }
    assert [
        name
        for name, pod in deployments.items()
        if chosen.items() <= pod["metadata"]["labels"].items()
    ] == [NAME]
    ports = {p["name"] for p in deployments[NAME]["spec"]["containers"][0]["ports"]}
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] in ports
    by_pods = {"podMonitor": {"enabled": True, "namespace": "obs"}}
    by_pods |= {"portal": ON, "serviceMonitor": {"enabled": False}}
    assert only(render(by_pods), "PodMonitor", NAME)["metadata"]["namespace"] == "obs"
    for values in ({"metrics": {"enabled": False}}, {"serviceMonitor": {"enabled": False}}):
        assert NAME not in names(render({"portal": ON, **values}), "PodMonitor")


def test_its_account_has_no_permissions_and_its_pod_no_token():
    objects = render({"portal": ON})
    assert only(objects, "ServiceAccount", NAME)["automountServiceAccountToken"] is False
    pod = only(objects, "Deployment", NAME)["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False and pod["serviceAccountName"] == NAME
    assert NAME not in names(objects, "ClusterRole")
    bound = [
        subject["name"]
        for thing in objects
        if thing["kind"] in ("ClusterRoleBinding", "RoleBinding")
        for subject in thing["subjects"]
    ]
    assert NAME not in bound


def test_with_discovery_it_may_list_namespaces_and_nothing_else():
    objects = render({"portal": {**ON, "discoverNamespaces": True}})
    assert only(objects, "ClusterRole", NAME)["rules"] == [
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}
    ]
    binding = only(objects, "ClusterRoleBinding", NAME)
    assert binding["roleRef"]["name"] == NAME
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}]
    pod = only(objects, "Deployment", NAME)["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is True
    assert "--discover-namespaces" in pod["containers"][0]["args"]


def test_the_pod_is_as_restricted_as_the_operators():
    objects = render({"portal": ON})
    mine, operators = (
        only(objects, "Deployment", name)["spec"]["template"]["spec"] for name in (NAME, RELEASE)
    )
    assert mine["securityContext"] == operators["securityContext"]
    mine, operators = mine["containers"][0], operators["containers"][0]
    assert mine["securityContext"] == operators["securityContext"]
    assert mine["image"] == operators["image"]
    assert mine["command"] == ["/usr/bin/apitoken-portal"]
    assert mine["securityContext"]["readOnlyRootFilesystem"] is True


def test_no_service_or_policy_of_the_operator_selects_the_portal():
    objects = render({"portal": ON, "podDisruptionBudget": {"enabled": True}})
    pod = only(objects, "Deployment", NAME)["spec"]["template"]["metadata"]["labels"]
    selectors = {
        (thing["kind"], thing["metadata"]["name"]): at(thing, path)
        for kind, path in (
            ("Service", "spec/selector"),
            ("NetworkPolicy", "spec/podSelector/matchLabels"),
            ("Deployment", "spec/selector/matchLabels"),
            ("PodDisruptionBudget", "spec/selector/matchLabels"),
        )
        for thing in objects
        if thing["kind"] == kind
    }
    choosing = {key for key, labels in selectors.items() if labels.items() <= pod.items()}
    assert choosing == {(kind, NAME) for kind in ("Service", "NetworkPolicy", "Deployment")}


def test_its_network_policy_lets_in_to_its_ports():
    peer = [{"namespaceSelector": {"matchLabels": {"name": "ingress-nginx"}}}]
    objects = render({"portal": ON, "networkPolicy": {"portalFrom": peer}})
    rules = only(objects, "NetworkPolicy", NAME)["spec"]["ingress"]
    assert [(rule["ports"][0]["port"], rule.get("from")) for rule in rules] == [
        (8081, None),
        (8080, None),
        (8444, peer),
    ]
    values = {"portal": OIDC, "networkPolicy": {"restrictEgress": True, "issuerPorts": [8443]}}
    (rule,) = only(render(values), "NetworkPolicy", NAME)["spec"]["egress"]
    assert {port["port"] for port in rule["ports"]} == {53, 443, 6443, 8443}


def test_ingress_and_route_lead_to_its_service():
    objects = render({"portal": EVERYTHING})
    service = only(objects, "Service", NAME)["spec"]["ports"][0]
    rule = only(objects, "Ingress", NAME)["spec"]["rules"][0]
    assert rule["host"] == "tokens.example.com"
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": NAME, "port": {"name": service["name"]}}
    route = only(objects, "HTTPRoute", NAME)["spec"]
    assert route["parentRefs"] == [{"name": "public"}]
    assert route["rules"][0]["backendRefs"] == [{"name": NAME, "port": service["port"]}]


ROWS = [
    ({"publicURL": "https://tokens.example.com"}, "--public-url=https://tokens.example.com"),
    ({"auth": ["header", "token"]}, "--auth=header,token"),
    ({"session": "4h"}, "--session=4h"),
    ({"idle": "30m"}, "--idle=30m"),
    ({"sessionsMax": 100000}, "--sessions-max=100000"),
    ({"homeNamespaces": ["a", "b"]}, "--home-namespaces=a,b"),
    ({"clusterName": "prod: eu"}, "--cluster-name=prod: eu"),
    ({"temporaryToken": False}, "--temporary-token=off"),
    ({"port": 9444}, "--bind-address=:9444"),
    ({"tlsSecret": "t"}, "--tls-private-key-file=/etc/apitoken-portal/tls/tls.key"),
    ({"extraArgs": ["--plain-http"]}, "--plain-http"),
    (OIDC, "--oidc-issuer=https://login.example.com/realms/main"),
    (OIDC, "--oidc-client-id=apitoken-portal"),
    (EVERYTHING, "--oidc-scopes=openid email"),
    (EVERYTHING, "--oidc-ca-file=/etc/apitoken-portal/oidc-ca/ca.crt"),
    (EVERYTHING, "--oidc-client-secret-file=/etc/apitoken-portal/oidc-client/client-secret"),
]


@pytest.mark.parametrize("values, flag", ROWS, ids=[flag[:40] for _, flag in ROWS])
def test_each_value_becomes_its_flag(values, flag):
    assert flag in args_of({**ON, **values})
    assert flag not in args_of(ON) or values == {}


def test_each_file_that_a_flag_names_is_mounted():
    pod = only(render({"portal": EVERYTHING}), "Deployment", NAME)["spec"]["template"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    volumes = {volume["name"] for volume in pod["volumes"]}
    for arg in pod["containers"][0]["args"]:
        if found := re.search(r"=(/etc/\S+)/[^/]+$", arg):
            assert mounts.pop(found[1], None) in volumes or arg.startswith("--tls-private"), arg
    assert not mounts


# Each value of the portal beside those of EVERYTHING, and another than its own.
OTHERS = {
    "enabled": False,
    "auth": ["token"],
    "publicURL": "https://other.example.com",
    "oidc.issuer": "https://other.example.com",
    "oidc.clientID": "other",
    "oidc.clientSecret": "other",
    "oidc.caSecret": "other",
    "oidc.scopes": "openid",
    "session": "1h",
    "idle": "1m",
    "sessionsMax": 7,
    "discoverNamespaces": False,
    "homeNamespaces": [],
    "clusterName": "other",
    "temporaryToken": True,
    "port": 9444,
    "tlsSecret": "other",
    "service.type": "NodePort",
    "service.port": 8444,
    "service.annotations": {"a": "b"},
    "ingress.enabled": False,
    "ingress.className": "other",
    "ingress.host": "other.example.com",
    "ingress.tlsSecret": "other",
    "ingress.annotations": {"a": "b"},
    "httpRoute.enabled": False,
    "httpRoute.parentRefs": [{"name": "other"}],
    "httpRoute.hostnames": ["other.example.com"],
    "httpRoute.annotations": {"a": "b"},
    "resources.requests.cpu": "1",
    "resources.requests.memory": "1Gi",
    "resources.limits.memory": "1Gi",
    "podAnnotations": {"a": "b"},
    "extraArgs": ["--log-level=debug"],
}


def test_every_value_of_the_portal_does_something():
    shipped = yaml.safe_load((CHART / "values.yaml").read_text())["portal"]
    assert set(OTHERS) == set(leaves(shipped))
    before = render({"portal": EVERYTHING})
    for name, value in OTHERS.items():
        changed = copy.deepcopy(EVERYTHING)
        *path, last = name.split(".")
        place = changed
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
        assert render({"portal": changed}) != before, name


REFUSED = [
    ({"auth": []}, "auth"),
    ({"auth": ["ldap"]}, "auth"),
    ({"auth": ["oidc"]}, "portal.oidc.issuer"),
    ({**OIDC, "publicURL": ""}, "portal.publicURL"),
    ({**OIDC, "oidc": {"issuer": "https://a"}}, "portal.oidc.clientID"),
    ({"publicURL": "http://a"}, "publicURL"),
    ({"publicURL": "https://a/b"}, "publicURL"),
    ({"publicURL": "https://a/"}, "publicURL"),
    ({"oidc": {"issuer": "http://a"}}, "issuer"),
    ({"oidc": {"scopes": "email"}}, "scopes"),
    ({"session": "8"}, "session"),
    ({"sessionsMax": 0}, "sessionsMax"),
    ({"homeNamespaces": ["Team"]}, "homeNamespaces"),
    ({"port": 8080}, "portal.port: 8080 is metrics.port too"),
    ({"port": 8081}, "portal.port: 8081 is healthPort too"),
    ({"ingress": {"enabled": True}}, "portal.ingress.host"),
    ({"httpRoute": {"enabled": True}}, "portal.httpRoute.parentRefs"),
    ({"extraArgs": ["plain-http"]}, "extraArgs"),
    ({"replicas": 2}, "replicas"),
]


@pytest.mark.parametrize("major", ["3", "4"])
@pytest.mark.parametrize("values, message", REFUSED, ids=[str(values) for values, _ in REFUSED])
def test_a_wrong_value_is_refused_by_its_name(values, message, major):
    assert message in render({"portal": {**ON, **values}}, major=major, check=False)


def test_the_values_of_the_page_render():
    page = (ROOT / "docs/portal.md").read_text()
    shown = re.search(r"^```yaml\n(# portal-values.yaml.*?)^```$", page, re.M | re.S)[1]
    objects = render(yaml.safe_load(shown))
    assert only(objects, "Ingress", NAME)["spec"]["tls"][0]["hosts"] == ["tokens.example.com"]


def test_the_program_takes_the_charts_flags(tmp_path):
    """It reads every flag before it looks at a file: it then misses the file, and no flag."""
    program = ROOT / "build" / "dev" / "apitoken-portal"
    if not program.exists():
        pytest.skip("apitoken-portal is not built; tests/portal runs it")
    for values in ({}, OIDC, EVERYTHING):
        args = args_of({**ON, **values})
        done = subprocess.run([program, *args], text=True, capture_output=True, timeout=60)
        assert done.returncode == 1, done.stderr
