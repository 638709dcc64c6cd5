"""Each value of the chart does what values.yaml says. The table names them all; the last test
fails for a value without a row."""

import json
import re

import pytest
import yaml

from rendering import CHART, at, names, only, render

POD = "spec/template/spec"
OPERATOR = f"{POD}/containers/0"
WATCHED = "monitoring.coreos.com/v1"


def flag(*expected):
    return lambda found: all(text in found for text in expected)


def lacks(text):
    return lambda found: not any(text in one for one in found)


ON = {"enabled": True}
LABELS = {"a": "b"}
NODE = {"nodeSelector": {"disk": "ssd"}}
PEER = [{"namespaceSelector": {"matchLabels": {"team": "obs"}}}]
# value, what it is set to (with what else), kind/name, path in it, what stands there: a value, or a
# check of it
POD_MONITOR = {"podMonitor.enabled": True, "serviceMonitor.enabled": False}
OPERATOR_IMAGE = "apitoken-dev/apitoken-operator:0.1.0"
HOSTS = [{"ip": "10.0.0.1", "hostnames": ["mail.example.com"]}]
SIDECAR = [{"name": "side", "image": "example.com/side:1"}]
SECRET_KEY = {"secretKeyRef": {"name": "s", "key": "k"}}
ROWS = [
    # False is refused: see test_chart.py.
    ("enabled", True, {}, "Deployment", None, ["apitoken-operator"]),
    *[
        ("global.imageRegistry", registry, others, kind, f"{at}/image", f"{registry}/{image}")
        for registry in ("mirror.example.com:5000", "mirror.example.com/cache")
        for others in ({}, {"image.registry": "other.example.com"})
        for kind, at, image in (
            ("Deployment", OPERATOR, OPERATOR_IMAGE),
            ("Pod", "spec/containers/0", "library/busybox:1.37"),
        )
    ],
    *[
        (
            "global.imagePullSecrets",
            ["a", {"name": "b"}],
            {"imagePullSecrets": [{"name": "b"}, {"name": "c"}]},
            kind,
            path,
            [{"name": "a"}, {"name": "b"}, {"name": "c"}],
        )
        for kind, path in (
            ("Deployment", f"{POD}/imagePullSecrets"),
            ("Pod", "spec/imagePullSecrets"),
        )
    ],
    *[
        (
            "image.registry",
            "mirror.example.com",
            {"image.repository": repository},
            "Deployment",
            f"{OPERATOR}/image",
            "mirror.example.com/team/op:0.1.0",
        )
        for repository in (
            "team/op",
            "ghcr.io/team/op",
            "localhost/team/op",
            "localhost:5000/team/op",
        )
    ],
    (
        "image.registry",
        "mirror.example.com",
        {"image.repository": "op"},
        "Deployment",
        f"{OPERATOR}/image",
        "mirror.example.com/op:0.1.0",
    ),
    ("deploymentAnnotations", LABELS, {}, "Deployment", "metadata/annotations", LABELS),
    *[
        (
            f"strategy.rollingUpdate.{field}",
            given,
            {},
            "Deployment",
            f"spec/strategy/rollingUpdate/{field}",
            given,
        )
        for field in ("maxSurge", "maxUnavailable")
        for given in (0, "50%")
    ],
    ("strategy.type", "Recreate", {}, "Deployment", "spec/strategy", {"type": "Recreate"}),
    ("runtimeClassName", "gvisor", {}, "Deployment", f"{POD}/runtimeClassName", "gvisor"),
    ("hostAliases", HOSTS, {}, "Deployment", f"{POD}/hostAliases", HOSTS),
    ("dnsPolicy", "Default", {}, "Deployment", f"{POD}/dnsPolicy", "Default"),
    (
        "dnsPolicy",
        "Default",
        {"hostNetwork": True},
        "Deployment",
        f"{POD}/dnsPolicy",
        "Default",
    ),
    *[
        (
            "dnsConfig",
            {"nameservers": ["10.0.0.2"], "options": [{"name": "ndots", "value": "2"}]},
            {"dnsPolicy": "None"},
            kind,
            f"{pod}/dnsConfig/nameservers",
            ["10.0.0.2"],
        )
        for kind, pod in (("Deployment", POD), ("Pod", "spec"))
    ],
    ("hostNetwork", True, {}, "Deployment", f"{POD}/hostNetwork", True),
    ("hostNetwork", True, {}, "Deployment", f"{POD}/dnsPolicy", "ClusterFirstWithHostNet"),
    ("hostNetwork", False, {}, "Deployment", f"{POD}/dnsPolicy", None),
    *[
        (
            "automountServiceAccountToken",
            given,
            {},
            "Deployment",
            f"{POD}/automountServiceAccountToken",
            given,
        )
        for given in (True, False)
    ],
    *[
        (
            "serviceAccount.automountServiceAccountToken",
            False,
            {},
            kind,
            path,
            expected,
        )
        for kind, path, expected in (
            ("ServiceAccount", "automountServiceAccountToken", False),
            # The operator needs one all the same.
            ("Deployment", f"{POD}/automountServiceAccountToken", True),
        )
    ],
    (
        "serviceAccount.automountServiceAccountToken",
        True,
        {},
        "ServiceAccount",
        "automountServiceAccountToken",
        None,
    ),
    *[
        ("namespaceOverride", "tokens", others, kind, path, expected)
        for others, kind, path, expected in (
            ({}, "Deployment", "metadata/namespace", "tokens"),
            ({}, "ClusterRoleBinding", "subjects/0/namespace", "tokens"),
            (
                {},
                "Deployment",
                f"{OPERATOR}/args",
                flag("--issuer=https://apitoken-operator.tokens.svc:8443"),
            ),
            (
                {},
                "ValidatingAdmissionPolicy/apitoken-fence",
                "spec/matchConditions/0/expression",
                "request.userInfo.username == 'system:serviceaccount:tokens:apitoken-operator'",
            ),
            (
                {"metrics.secure": True, "verify.tlsSecret": "tls"},
                "ServiceMonitor",
                "spec/endpoints/0/tlsConfig/serverName",
                "apitoken-operator.tokens.svc",
            ),
        )
    ],
    ("serviceMonitor.namespace", "obs", {}, "ServiceMonitor", "metadata/namespace", "obs"),
    (
        "serviceMonitor.namespace",
        "obs",
        {},
        "ServiceMonitor",
        "spec/namespaceSelector/matchNames",
        ["apitoken-system"],
    ),
    ("serviceMonitor.namespace", "", {}, "ServiceMonitor", "spec/namespaceSelector", None),
    *[
        (
            "serviceMonitor.honorLabels",
            honored,
            {},
            "ServiceMonitor",
            "spec/endpoints/0/honorLabels",
            honored,
        )
        for honored in (True, False)
    ],
    ("prometheusRule.namespace", "obs", {}, "PrometheusRule", "metadata/namespace", "obs"),
    ("podMonitor.enabled", False, {}, "PodMonitor", None, []),
    ("podMonitor.enabled", True, POD_MONITOR, "PodMonitor", None, ["apitoken-operator"]),
    (
        "podMonitor.enabled",
        True,
        {**POD_MONITOR, "metrics.enabled": False},
        "PodMonitor",
        None,
        [],
    ),
    *[
        (f"podMonitor.{name}", setting, {**POD_MONITOR, **others}, "PodMonitor", path, expected)
        for name, setting, others, path, expected in (
            ("namespace", "obs", {}, "metadata/namespace", "obs"),
            ("namespace", "obs", {}, "spec/namespaceSelector/matchNames", ["apitoken-system"]),
            ("namespace", "", {}, "spec/namespaceSelector", None),
            ("labels", {"release": "prom"}, {}, "metadata/labels/release", "prom"),
            ("honorLabels", True, {}, "spec/podMetricsEndpoints/0/honorLabels", True),
            ("honorLabels", False, {}, "spec/podMetricsEndpoints/0/honorLabels", False),
            ("interval", "1m", {}, "spec/podMetricsEndpoints/0/interval", "1m"),
            ("scrapeTimeout", "5s", {}, "spec/podMetricsEndpoints/0/scrapeTimeout", "5s"),
            (
                "authorization",
                {"credentials": {"name": "s", "key": "token"}},
                {"metrics.secure": True},
                "spec/podMetricsEndpoints/0/authorization/credentials/name",
                "s",
            ),
            (
                "authorization",
                {"credentials": {"name": "s", "key": "token"}},
                {"metrics.secure": True, "verify.tlsSecret": "tls"},
                "spec/podMetricsEndpoints/0/tlsConfig/ca/secret/name",
                "tls",
            ),
            *[
                (
                    name,
                    [{"action": "labeldrop", "regex": "pod"}],
                    {},
                    f"spec/podMetricsEndpoints/0/{name}/0/regex",
                    "pod",
                )
                for name in ("relabelings", "metricRelabelings")
            ],
        )
    ],
    *[
        ("extraEnv", {"TZ": "UTC", "B": block}, {}, "Deployment", f"{OPERATOR}/env/{n}", expected)
        for block, n, expected in (
            ("00123", 1, {"name": "B", "value": "00123"}),
            ({"value": "true"}, 1, {"name": "B", "value": "true"}),
            ({"valueFrom": SECRET_KEY}, 1, {"name": "B", "valueFrom": SECRET_KEY}),
            ("x", 2, {"name": "TZ", "value": "UTC"}),
        )
    ],
    ("extraContainers", SIDECAR, {}, "Deployment", f"{POD}/containers/1", SIDECAR[0]),
    ("extraContainers", SIDECAR, {}, "Deployment", f"{OPERATOR}/name", "operator"),
    # A map is taken as it is, with braces; a string is a template.
    (
        "extraObjects",
        [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "m"},
                "data": {"text": "{{ $labels.name }}"},
            }
        ],
        {},
        "ConfigMap/m",
        "data/text",
        "{{ $labels.name }}",
    ),
    (
        "extraObjects",
        [
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n"
            '  name: {{ include "apitoken.fullname" . }}-extra\n'
        ],
        {},
        "ConfigMap",
        None,
        ["apitoken-operator-extra"],
    ),
    ("replicaCount", 3, {}, "Deployment", "spec/replicas", 3),
    (
        "image.repository",
        "mirror.example.com:5000/op",
        {},
        "Deployment",
        f"{OPERATOR}/image",
        "mirror.example.com:5000/op:0.1.0",
    ),
    (
        "image.tag",
        "9.9.9",
        {},
        "Deployment",
        f"{OPERATOR}/image",
        "ghcr.io/apitoken-dev/apitoken-operator:9.9.9",
    ),
    (
        "image.digest",
        "sha256:" + "a" * 64,
        {"image.tag": "x"},
        "Deployment",
        f"{OPERATOR}/image",
        "ghcr.io/apitoken-dev/apitoken-operator@sha256:" + "a" * 64,
    ),
    ("image.pullPolicy", "Always", {}, "Deployment", f"{OPERATOR}/imagePullPolicy", "Always"),
    (
        "imagePullSecrets",
        [{"name": "pull"}],
        {},
        "Deployment",
        f"{POD}/imagePullSecrets",
        [{"name": "pull"}],
    ),
    (
        "nameOverride",
        "tokens",
        {},
        "Deployment",
        "spec/selector/matchLabels/app.kubernetes.io~1name",
        "tokens",
    ),
    ("fullnameOverride", "tokens", {}, "Deployment/tokens", "metadata/name", "tokens"),
    ("commonLabels", LABELS, {}, "ServiceAccount", "metadata/labels/a", "b"),
    (
        "commonLabels",
        LABELS,
        {},
        "CustomResourceDefinition/apitokens.apitoken.dev",
        "metadata/labels/a",
        "b",
    ),
    ("crds.enabled", False, {}, "CustomResourceDefinition", None, []),
    (
        "crds.keep",
        True,
        {},
        "CustomResourceDefinition/apitokens.apitoken.dev",
        "metadata/annotations/helm.sh~1resource-policy",
        "keep",
    ),
    (
        "crds.keep",
        False,
        {},
        "CustomResourceDefinition/apitokens.apitoken.dev",
        "metadata/annotations",
        None,
    ),
    ("rbac.create", False, {"roles.create": False}, "ClusterRole", None, []),
    ("rbac.create", False, {}, "RoleBinding", None, []),
    ("roles.create", False, {}, "ClusterRole", None, ["apitoken-operator"]),
    (
        "roles.aggregate",
        True,
        {},
        "ClusterRole/apitoken-user",
        "metadata/labels/rbac.authorization.k8s.io~1aggregate-to-edit",
        "true",
    ),
    *[
        (
            "roles.aggregate",
            False,
            {},
            f"ClusterRole/apitoken-{role}",
            f"metadata/labels/rbac.authorization.k8s.io~1aggregate-to-{joined}",
            None,
        )
        for role, joined in (("viewer", "view"), ("user", "edit"), ("minter", "admin"))
    ],
    *[
        (
            "policy.enabled",
            False,
            {f"roles.{value}": False},
            "ValidatingAdmissionPolicy",
            None,
            ["apitoken-fence", "apitoken-lifetimes", "apitoken-status"],
        )
        for value in ("create", "aggregate")
    ],
    (
        "policy.reservedGroups",
        ["ops", "a\"b'c"],
        {},
        "ValidatingAdmissionPolicy/apitoken-mint",
        "spec/variables/0",
        {"name": "reservedGroups", "expression": '["ops","a\\"b\'c"]'},
    ),
    (
        "policy.reservedGroups",
        [],
        {},
        "ValidatingAdmissionPolicy/apitoken-mint",
        "spec/variables/0/expression",
        "[]",
    ),
    (
        "policy.reservedGroups",
        ["ops: all", "a\"b'c"],
        {},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--reserved-groups=ops: all,a\"b'c"),
    ),
    ("policy.reservedGroups", [], {}, "Deployment", f"{OPERATOR}/args", flag("--reserved-groups=")),
    (
        "policy.status.enabled",
        False,
        {},
        "ValidatingAdmissionPolicyBinding",
        None,
        ["apitoken-fence", "apitoken-lifetimes", "apitoken-mint", "apitoken-mint-labels"],
    ),
    (
        "policy.status.writers",
        ["system:serviceaccount:velero:velero"],
        {"serviceAccount.name": "me"},
        "ValidatingAdmissionPolicy/apitoken-status",
        "spec/variables/0/expression",
        '["system:serviceaccount:apitoken-system:me","system:serviceaccount:velero:velero"]',
    ),
    (
        "policy.fence.enabled",
        False,
        {},
        "ValidatingAdmissionPolicyBinding",
        None,
        ["apitoken-lifetimes", "apitoken-mint", "apitoken-mint-labels", "apitoken-status"],
    ),
    (
        "policy.fence.enabled",
        True,
        {"fullnameOverride": "tokens"},
        "ValidatingAdmissionPolicy/apitoken-fence",
        "spec/matchConditions/0/expression",
        "request.userInfo.username == 'system:serviceaccount:apitoken-system:tokens'",
    ),
    (
        "policy.lifetimes",
        "Warn",
        {},
        "ValidatingAdmissionPolicyBinding/apitoken-lifetimes",
        "spec/validationActions",
        ["Warn", "Audit"],
    ),
    (
        "policy.lifetimes",
        "Deny",
        {},
        "ValidatingAdmissionPolicyBinding/apitoken-lifetimes",
        "spec/validationActions",
        ["Deny"],
    ),
    (
        "policy.lifetimes",
        "Deny",
        {},
        "ValidatingAdmissionPolicyBinding/apitoken-mint",
        "spec/validationActions",
        ["Deny", "Audit"],
    ),
    (
        "policy.lifetimes",
        "Off",
        {},
        "ValidatingAdmissionPolicyBinding",
        None,
        ["apitoken-fence", "apitoken-mint", "apitoken-mint-labels", "apitoken-status"],
    ),
    ("serviceAccount.create", False, {}, "ServiceAccount", None, []),
    ("serviceAccount.create", False, {}, "Deployment", f"{POD}/serviceAccountName", "default"),
    ("serviceAccount.name", "tokens", {}, "Deployment", f"{POD}/serviceAccountName", "tokens"),
    ("serviceAccount.name", "tokens", {}, "ClusterRoleBinding", "subjects/0/name", "tokens"),
    ("serviceAccount.annotations", LABELS, {}, "ServiceAccount", "metadata/annotations", LABELS),
    (
        "leaderElection.enabled",
        False,
        {},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--leader-elect=false"),
    ),
    ("leaderElection.enabled", False, {}, "Role", None, []),
    ("namespaces", ["a", "b"], {}, "Deployment", f"{OPERATOR}/args", flag("--namespaces=a,b")),
    ("workers", 2, {}, "Deployment", f"{OPERATOR}/args", flag("--workers=2")),
    ("log.level", "debug", {}, "Deployment", f"{OPERATOR}/args", flag("--log-level=debug")),
    ("log.format", "text", {}, "Deployment", f"{OPERATOR}/args", flag("--log-format=text")),
    (
        "clusterName",
        "eu/prod:1",
        {},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--cluster-name=eu/prod:1"),
    ),
    ("clusterName", "", {}, "Deployment", f"{OPERATOR}/args", lacks("--cluster-name")),
    (
        "portalURL",
        "https://portal.example.com",
        {},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--portal-url=https://portal.example.com"),
    ),
    ("portalURL", "", {}, "Deployment", f"{OPERATOR}/args", lacks("--portal-url")),
    (
        "issuer",
        "https://t.example.com",
        {},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--issuer=https://t.example.com"),
    ),
    (
        "issuer",
        "",
        {"verify.enabled": True},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--issuer=https://apitoken-operator.apitoken-system.svc:8443"),
    ),
    ("issuer", "", {"verify.enabled": False}, "Deployment", f"{OPERATOR}/args", lacks("--issuer")),
    ("jwtKeyRotation", "48h", {}, "Deployment", f"{OPERATOR}/args", flag("--jwt-key-rotation=48h")),
    (
        "verify.enabled",
        False,
        {},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--verify-bind-address=0"),
    ),
    ("verify.enabled", False, {}, "Service/apitoken-operator", None, ["apitoken-operator-metrics"]),
    ("verify.enabled", True, {}, "Deployment", f"{OPERATOR}/ports/2/containerPort", 8443),
    (
        "verify.port",
        9443,
        {"verify.enabled": True},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--verify-bind-address=:9443"),
    ),
    (
        "verify.tlsSecret",
        "tls",
        {"verify.enabled": True},
        "Deployment",
        f"{POD}/volumes/0/secret/secretName",
        "tls",
    ),
    (
        "verify.tlsSecret",
        "tls",
        {"verify.enabled": True},
        "Deployment",
        f"{OPERATOR}/volumeMounts/0/readOnly",
        True,
    ),
    (
        "verify.tlsSecret",
        "tls",
        {"verify.enabled": True},
        "Deployment",
        f"{OPERATOR}/args",
        flag(
            "--verify-tls-cert-file=/etc/apitoken-operator/tls/tls.crt",
            "--verify-tls-key-file=/etc/apitoken-operator/tls/tls.key",
        ),
    ),
    (
        "verify.clientCASecret",
        "ca",
        {"verify.enabled": True},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--verify-client-ca-file=/etc/apitoken-operator/client-ca/ca.crt"),
    ),
    (
        "verify.clientCASecret",
        "ca",
        {"verify.enabled": True, "verify.tlsSecret": "tls"},
        "Deployment",
        f"{OPERATOR}/volumeMounts/1/mountPath",
        "/etc/apitoken-operator/client-ca",
    ),
    (
        "verify.service.type",
        "LoadBalancer",
        {"verify.enabled": True},
        "Service/apitoken-operator",
        "spec/type",
        "LoadBalancer",
    ),
    (
        "verify.service.port",
        443,
        {"verify.enabled": True},
        "Service/apitoken-operator",
        "spec/ports/0/port",
        443,
    ),
    (
        "verify.service.annotations",
        LABELS,
        {"verify.enabled": True},
        "Service/apitoken-operator",
        "metadata/annotations",
        LABELS,
    ),
    (
        "metrics.enabled",
        False,
        {},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--metrics-bind-address=0"),
    ),
    ("metrics.enabled", False, {}, "Service", None, ["apitoken-operator"]),
    *[
        ("metrics.enabled", False, {}, kind, None, [])
        for kind in ("ServiceMonitor", "PrometheusRule", "Pod")
    ],
    (
        "metrics.port",
        9090,
        {},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--metrics-bind-address=:9090"),
    ),
    ("metrics.port", 9090, {}, "Service/apitoken-operator-metrics", "spec/ports/0/port", 9090),
    (
        "metrics.perToken",
        False,
        {},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--per-token-metrics=false"),
    ),
    ("metrics.secure", True, {}, "Deployment", f"{OPERATOR}/args", flag("--metrics-secure")),
    (
        "metrics.secure",
        True,
        {"verify.enabled": False, "verify.tlsSecret": "tls"},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--verify-tls-cert-file=/etc/apitoken-operator/tls/tls.crt"),
    ),
    ("metrics.secure", True, {}, "ServiceMonitor", "spec/endpoints/0/scheme", "https"),
    (
        "metrics.secure",
        True,
        {},
        "ServiceMonitor",
        "spec/endpoints/0/tlsConfig",
        {"insecureSkipVerify": True},
    ),
    (
        "metrics.secure",
        True,
        {"verify.tlsSecret": "tls"},
        "ServiceMonitor",
        "spec/endpoints/0/tlsConfig/ca/secret/name",
        "tls",
    ),
    ("metrics.secure", True, {}, "Pod", None, []),
    (
        "metrics.service.annotations",
        LABELS,
        {},
        "Service/apitoken-operator-metrics",
        "metadata/annotations",
        LABELS,
    ),
    (
        "healthPort",
        9091,
        {},
        "Deployment",
        f"{OPERATOR}/args",
        flag("--health-probe-bind-address=:9091"),
    ),
    ("healthPort", 9091, {}, "Deployment", f"{OPERATOR}/ports/0/containerPort", 9091),
    ("serviceMonitor.enabled", False, {}, "ServiceMonitor", None, []),
    (
        "serviceMonitor.labels",
        {"release": "prom"},
        {},
        "ServiceMonitor",
        "metadata/labels/release",
        "prom",
    ),
    ("serviceMonitor.interval", "1m", {}, "ServiceMonitor", "spec/endpoints/0/interval", "1m"),
    (
        "serviceMonitor.scrapeTimeout",
        "5s",
        {},
        "ServiceMonitor",
        "spec/endpoints/0/scrapeTimeout",
        "5s",
    ),
    *[
        (
            f"serviceMonitor.{name}",
            [{"action": "labeldrop", "regex": "pod"}],
            {},
            "ServiceMonitor",
            f"spec/endpoints/0/{name}/0/regex",
            "pod",
        )
        for name in ("relabelings", "metricRelabelings")
    ],
    ("prometheusRule.enabled", False, {}, "PrometheusRule", None, []),
    (
        "prometheusRule.labels",
        {"release": "prom"},
        {},
        "PrometheusRule",
        "metadata/labels/release",
        "prom",
    ),
    (
        "prometheusRule.extraGroups",
        [{"name": "ours", "rules": []}],
        {},
        "PrometheusRule",
        "spec/groups/3/name",
        "ours",
    ),
    ("grafanaDashboard.enabled", False, {}, "ConfigMap", None, []),
    ("networkPolicy.enabled", False, {}, "NetworkPolicy", None, []),
    ("networkPolicy.enabled", True, {}, "NetworkPolicy", "spec/policyTypes", ["Ingress"]),
    ("networkPolicy.restrictEgress", False, {}, "NetworkPolicy", "spec/egress", None),
    (
        "networkPolicy.restrictEgress",
        True,
        {},
        "NetworkPolicy",
        "spec/policyTypes",
        ["Ingress", "Egress"],
    ),
    ("networkPolicy.metricsFrom", PEER, {}, "NetworkPolicy", "spec/ingress/1/from", PEER),
    ("networkPolicy.verifyFrom", PEER, {}, "NetworkPolicy", "spec/ingress/2/from", PEER),
    (
        "networkPolicy.apiServerPorts",
        [16443],
        {"networkPolicy.restrictEgress": True},
        "NetworkPolicy",
        "spec/egress/0/ports/2/port",
        16443,
    ),
    (
        "networkPolicy.mailPorts",
        [2525],
        {"networkPolicy.restrictEgress": True},
        "NetworkPolicy",
        "spec/egress/0/ports/4/port",
        2525,
    ),
    (
        "networkPolicy.extraIngress",
        [{"from": PEER}],
        {},
        "NetworkPolicy",
        "spec/ingress/3/from",
        PEER,
    ),
    (
        "networkPolicy.extraEgress",
        [{"to": PEER}],
        {"networkPolicy.restrictEgress": True},
        "NetworkPolicy",
        "spec/egress/1/to",
        PEER,
    ),
    ("podDisruptionBudget.enabled", False, {}, "PodDisruptionBudget", None, []),
    ("podDisruptionBudget.enabled", True, {}, "PodDisruptionBudget", "spec/maxUnavailable", 1),
    (
        "podDisruptionBudget.minAvailable",
        "50%",
        {"podDisruptionBudget.enabled": True},
        "PodDisruptionBudget",
        "spec/minAvailable",
        "50%",
    ),
    (
        "podDisruptionBudget.minAvailable",
        1,
        {"podDisruptionBudget.enabled": True},
        "PodDisruptionBudget",
        "spec/maxUnavailable",
        None,
    ),
    (
        "podDisruptionBudget.maxUnavailable",
        2,
        {"podDisruptionBudget.enabled": True},
        "PodDisruptionBudget",
        "spec/maxUnavailable",
        2,
    ),
    ("resources.requests.cpu", "1", {}, "Deployment", f"{OPERATOR}/resources/requests/cpu", "1"),
    (
        "resources.requests.memory",
        "1Gi",
        {},
        "Deployment",
        f"{OPERATOR}/resources/requests/memory",
        "1Gi",
    ),
    (
        "resources.limits.memory",
        "1Gi",
        {},
        "Deployment",
        f"{OPERATOR}/resources/limits/memory",
        "1Gi",
    ),
    *[
        (f"podSecurityContext.{key}", 1234, {}, "Deployment", f"{POD}/securityContext/{key}", 1234)
        for key in ("runAsUser", "runAsGroup", "fsGroup")
    ],
    (
        "podSecurityContext.runAsNonRoot",
        True,
        {},
        "Deployment",
        f"{POD}/securityContext/runAsNonRoot",
        True,
    ),
    (
        "podSecurityContext.seccompProfile.type",
        "Unconfined",
        {},
        "Deployment",
        f"{POD}/securityContext/seccompProfile/type",
        "Unconfined",
    ),
    (
        "securityContext.allowPrivilegeEscalation",
        False,
        {},
        "Deployment",
        f"{OPERATOR}/securityContext/allowPrivilegeEscalation",
        False,
    ),
    (
        "securityContext.readOnlyRootFilesystem",
        True,
        {},
        "Deployment",
        f"{OPERATOR}/securityContext/readOnlyRootFilesystem",
        True,
    ),
    (
        "securityContext.capabilities.drop",
        ["NET_RAW"],
        {},
        "Deployment",
        f"{OPERATOR}/securityContext/capabilities/drop",
        ["NET_RAW"],
    ),
    *[
        (f"{probe}.{key}", 7, {}, "Deployment", f"{OPERATOR}/{probe}/{key}", 7)
        for probe in ("livenessProbe", "readinessProbe")
        for key in ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")
    ],
    ("podAnnotations", LABELS, {}, "Deployment", "spec/template/metadata/annotations/a", "b"),
    ("podLabels", LABELS, {}, "Deployment", "spec/template/metadata/labels/a", "b"),
    ("nodeSelector", LABELS, {}, "Deployment", f"{POD}/nodeSelector", LABELS),
    (
        "tolerations",
        [{"operator": "Exists"}],
        {},
        "Deployment",
        f"{POD}/tolerations",
        [{"operator": "Exists"}],
    ),
    (
        "affinity",
        {"podAntiAffinity": {}},
        {},
        "Deployment",
        f"{POD}/affinity",
        {"podAntiAffinity": {}},
    ),
    (
        "topologySpreadConstraints",
        [{"maxSkew": 1}],
        {},
        "Deployment",
        f"{POD}/topologySpreadConstraints",
        [{"maxSkew": 1}],
    ),
    ("priorityClassName", "high", {}, "Deployment", f"{POD}/priorityClassName", "high"),
    (
        "terminationGracePeriodSeconds",
        60,
        {},
        "Deployment",
        f"{POD}/terminationGracePeriodSeconds",
        60,
    ),
    ("revisionHistoryLimit", 1, {}, "Deployment", "spec/revisionHistoryLimit", 1),
    ("extraArgs", ["--dry-run"], {}, "Deployment", f"{OPERATOR}/args", flag("--dry-run")),
    (
        "extraEnv",
        [{"name": "TZ", "value": "UTC"}],
        {},
        "Deployment",
        f"{OPERATOR}/env/1/name",
        "TZ",
    ),
    (
        "extraVolumes",
        [{"name": "v", "emptyDir": {}}],
        {},
        "Deployment",
        f"{POD}/volumes/0/name",
        "v",
    ),
    (
        "extraVolumeMounts",
        [{"name": "v", "mountPath": "/v"}],
        {},
        "Deployment",
        f"{OPERATOR}/volumeMounts/0/name",
        "v",
    ),
    ("test.enabled", False, {}, "Pod", None, []),
    (
        "test.image",
        "mirror.example.com/busybox",
        {},
        "Pod",
        "spec/containers/0/image",
        "mirror.example.com/busybox",
    ),
]


def nested(flat):
    values = {}
    for key, value in flat.items():
        *parents, last = key.split(".")
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return values


@pytest.mark.parametrize(
    "value, setting, others, what, path, expected",
    ROWS,
    ids=[f"{row[0]}-{i}" for i, row in enumerate(ROWS)],
)
def test_a_value_does_what_it_says(value, setting, others, what, path, expected):
    objects = render(nested({**others, value: setting}))
    kind, _, name = what.partition("/")
    if path is None:
        assert names(objects, kind) == expected
        return
    parts = [part.replace("~1", "/") for part in path.split("/")]
    found = only(objects, kind, name or None)
    for part in parts:
        found = at(found, part) if "/" not in part else (found or {}).get(part)
    assert expected(found) if callable(expected) else found == expected, found


ALERTS = yaml.safe_load((CHART / "values.yaml").read_text())["prometheusRule"]["alerts"]


def rules_of(alerts):
    found = only(render({"prometheusRule": {"alerts": alerts}}), "PrometheusRule")
    return [rule for group in found["spec"]["groups"] for rule in group["rules"]]


def test_by_default_the_alerts_are_those_of_rules_yaml():
    shipped = yaml.safe_load((CHART / "files/rules.yaml").read_text())["groups"]
    assert only(render(), "PrometheusRule")["spec"]["groups"] == shipped
    assert {rule["alert"] for group in shipped for rule in group["rules"]} == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_can_be_left_out_and_changed(alert):
    assert alert not in {rule["alert"] for rule in rules_of({alert: {"enabled": False}})}
    changed = rules_of({alert: {"severity": "page", "for": "33m"}})
    assert {
        (rule["labels"]["severity"], rule["for"]) for rule in changed if rule["alert"] == alert
    } == {("page", "33m")}
    assert not any(
        rule["labels"]["severity"] == "page" for rule in changed if rule["alert"] != alert
    )
    assert not any(
        "10 minutes" in rule["annotations"]["summary"] for rule in changed if rule["alert"] == alert
    )


@pytest.mark.parametrize(
    "alert, previous, wanted",
    [
        ("ApiTokenExpiringCritical", "86400", "7201"),
        ("ApiTokenNoticesFailing", "> 900", "> 7201"),
        ("ApiTokenOperatorStalled", "> 600", "> 7201"),
        ("ApiTokenClockSkew", "> 300", "> 7201"),
    ],
)
def test_a_threshold_replaces_the_number_in_its_alert(alert, previous, wanted):
    assert {name for name, values in ALERTS.items() if "threshold" in values} == {
        "ApiTokenExpiringCritical",
        "ApiTokenNoticesFailing",
        "ApiTokenOperatorStalled",
        "ApiTokenClockSkew",
    }
    before, after = (
        [r["expr"] for r in rules_of(alerts) if r["alert"] == alert and "scope" not in r["labels"]]
        for alerts in ({}, {alert: {"threshold": 7201}})
    )
    assert before and all(previous in expr and wanted not in expr for expr in before)
    assert all(previous not in expr and wanted in expr for expr in after)


@pytest.mark.parametrize(
    "critical, waiting, stalled",
    [(600, 600, 1800), (900, 1800, 900), (86400, 86400, 86400), (60, 3600, 300)],
)
def test_a_threshold_leaves_the_other_alerts_alone(critical, waiting, stalled):
    thresholds = {
        "ApiTokenExpiringCritical": critical,
        "ApiTokenNoticesFailing": waiting,
        "ApiTokenOperatorStalled": stalled,
    }
    shipped = {(r["alert"], r["labels"].get("scope")): r["expr"] for r in rules_of({})}
    for rule in rules_of({alert: {"threshold": number} for alert, number in thresholds.items()}):
        key = rule["alert"], rule["labels"].get("scope")
        wanted = {
            ("ApiTokenExpiringSoon", None): [(">= 86400", f">= {critical}")],
            ("ApiTokenExpiringCritical", None): [("< 86400", f"< {critical}")],
            ("ApiTokenNoticesFailing", None): [("> 900", f"> {waiting}")],
            ("ApiTokenOperatorStalled", None): [
                ("> 600", f"> {stalled}"),
                ("[10m]", f"[{stalled}s]"),
            ],
        }.get(key, [])
        expected = shipped[key]
        for previous, number in wanted:
            assert previous in expected
            expected = expected.replace(previous, number)
        assert rule["expr"] == expected, key


def test_soon_and_critical_meet_at_one_threshold():
    exprs = {
        r["alert"]: r["expr"]
        for r in reversed(rules_of({"ApiTokenExpiringCritical": {"threshold": 7201}}))
    }
    assert (
        ">= 7201" in exprs["ApiTokenExpiringSoon"] and "< 7201" in exprs["ApiTokenExpiringCritical"]
    )


def test_the_dashboard_is_loaded_where_the_chart_has_one():
    path = CHART / "dashboards/apitoken-operator.json"
    objects = render(
        {"grafanaDashboard": {"enabled": True, "labels": {"folder": "x"}, "annotations": LABELS}}
    )
    if not path.exists():
        assert names(objects, "ConfigMap") == []
        return
    found = only(objects, "ConfigMap")
    assert json.loads(found["data"]["apitoken-operator.json"]) == json.loads(path.read_text())
    assert (
        found["metadata"]["labels"]["folder"] == "x"
        and found["metadata"]["labels"]["grafana_dashboard"] == "1"
    )
    assert found["metadata"]["annotations"] == LABELS


TESTED_APART = {
    "grafanaDashboard.labels",
    "grafanaDashboard.annotations",
    # test_portal.py
    "networkPolicy.portalFrom",
    "networkPolicy.issuerPorts",
}


def leaves(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict) and value and key not in ("labels",):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def test_the_readme_explains_each_value():
    rows = re.findall(
        r"^\| `([\w.]+)` \| .* \| (\S.*) \|$", (CHART / "README.md").read_text(), re.M
    )
    documented = {name for name, meaning in rows}
    for leaf in leaves(yaml.safe_load((CHART / "values.yaml").read_text())):
        parts = leaf.split(".")
        assert any(".".join(parts[:end]) in documented for end in range(1, len(parts) + 1)), leaf
    assert {
        "workers",
        "log.level",
        "healthPort",
        "nameOverride",
        "podAnnotations",
        "livenessProbe",
        "priorityClassName",
    } <= documented


def test_each_value_has_a_row():
    wanted = {
        leaf
        for leaf in leaves(yaml.safe_load((CHART / "values.yaml").read_text()))
        if not leaf.startswith(("prometheusRule.alerts.", "portal."))  # test_portal.py
    }
    tested = {row[0] for row in ROWS} | TESTED_APART
    assert wanted - tested == set()
    assert tested - wanted == set()
