"""The Grafana dashboard. A real Prometheus scrapes the operator and runs each query; each must
find something. Each metric in a query is one that the operator serves. The operator is scraped as
two clusters, whose tokens are namesakes: none may hide another."""

import json
import re
import subprocess

import pytest
import yaml

from testbed.cluster import ROOT
from testbed.namespace import TestNamespace
from testbed.process import Operator
from testbed.prometheus import Prometheus
from testbed.waiting import wait_for

DASHBOARD = json.loads(
    (ROOT / "charts/apitoken-operator/dashboards/apitoken-operator.json").read_text()
)
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]
# What Grafana would fill in for a dashboard that shows the last minutes of a Prometheus that
# scrapes each second.
VARIABLES = {"$namespace": ".*", "$__rate_interval": "4s", "$__interval": "1s"}
WORDS = {"and", "or", "unless", "by", "on", "bool"}


# What an operator in apitoken-system shows of two tokens and a namesake, in two clusters of one
# Prometheus that scrapes without honor_labels. Each has two replicas.
TOKENS = {("a", "team-a"): 1, ("a", "team-b"): 100, ("b", "team-a"): 1000}  # days left


def filled_in(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression.replace('"$1"', ""), (
        f"a variable that this test does not know: {expression}"
    )
    return expression


def metrics_in(expression):
    """The names in it that are no function, label, keyword or string."""
    bare = re.sub(
        r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(by|on|without|ignoring)\s*\([^)]*\)', " ", expression
    )
    return set(re.findall(r"\b[a-zA-Z_]\w*\b(?!\s*\()", bare)) - WORDS


@pytest.fixture(scope="module")
def seen(cluster, tmp_path_factory):
    """(operator, Prometheus) after the samples were minted and scraped for a while."""
    folder = tmp_path_factory.mktemp("dashboard")
    cluster.kubectl("create", "namespace", "dashboard")
    operator = Operator(
        [
            "--kubeconfig",
            str(cluster.kubeconfig),
            "--namespaces",
            "dashboard",
            "--operator-namespace",
            "dashboard",
        ],
        folder / "operator.log",
        {},
    )
    prometheus = None
    try:
        operator.wait_ready()
        prometheus = Prometheus(
            folder / "prometheus", {"a": operator.metrics_port, "b": operator.metrics_port}
        )
        wait_for(lambda: prometheus.query("apitokens"), 30, "the operator is not scraped")
        samples = ("-n", "dashboard", "-R", "-f", str(ROOT / "manifests/samples"))
        cluster.kubectl("apply", *samples)
        TestNamespace(cluster, "dashboard").wait_condition("legacy-export", "ExpiringSoon", "True")
        wait_for(
            lambda: prometheus.query('ALERTS{alertstate="firing", name="legacy-export"}'),
            30,
            "no alert fires",
        )
        yield operator, prometheus
        cluster.kubectl("delete", *samples)
    finally:
        operator.stop()
        if prometheus:
            prometheus.stop()
        cluster.kubectl("delete", "namespace", "dashboard", "--wait=false")


@pytest.mark.parametrize("expression", QUERIES)
def test_a_query_finds_something(seen, expression):
    _, prometheus = seen
    wait_for(
        lambda: prometheus.query(filled_in(expression)),
        10,
        f"nothing found by {filled_in(expression)}",
    )


def test_every_metric_that_it_names_is_served(seen):
    operator, _ = seen
    served = {name for name, _ in operator.metrics().series}
    named = set().union(
        *(metrics_in(target["expr"]) for panel in PANELS for target in panel["targets"])
    )
    assert (
        "apitoken_expiration_timestamp_seconds" in named
        and "controller_runtime_reconcile_time_seconds_bucket" in named
    )
    assert named - served == {"ALERTS"}  # Prometheus' own


def test_the_values_are_those_of_the_samples(seen):
    _, prometheus = seen
    by_title = {
        panel["title"]: [filled_in(target["expr"]) for target in panel["targets"]]
        for panel in PANELS
    }
    assert [float(found["value"][1]) for found in prometheus.query(by_title["Tokens"][0])] == [8]
    assert {
        found["metric"]["within"]: found["value"][1]
        for found in prometheus.query(by_title["Expire within"][0])
    } == {"1d": "4", "7d": "4", "30d": "4"}
    rows = prometheus.query(by_title["Next to expire"][0])
    left = {found["metric"]["name"]: float(found["value"][1]) for found in rows}
    assert sorted((found["metric"]["cluster"], found["metric"]["name"]) for found in rows) == [
        (cluster, name) for cluster in "ab" for name in sorted(left)
    ]
    assert left["ci-deploy"] == pytest.approx(365, abs=0.1) and left[
        "alice-session"
    ] == pytest.approx(8 / 24, abs=0.01)
    assert 0 < left["legacy-export"] < 20 / 60 / 24
    weeks = prometheus.query(by_title["What expires in which week"][0])
    assert sum(float(found["value"][1]) for found in weeks) == 8
    for found in weeks:
        assert int(found["metric"]["week"]) / 86400000 % 7 == 4  # a Monday, counted from a Thursday
    assert sorted(
        (found["metric"]["alertname"], found["metric"]["cluster"])
        for found in prometheus.query(by_title["Alerts firing"][0])
    ) == [("ApiTokenExpiringCritical", "a"), ("ApiTokenExpiringCritical", "b")]


def test_the_namespace_variable_narrows_it_down(seen):
    _, prometheus = seen
    for panel in PANELS:
        for target in panel["targets"]:
            if "$namespace" in target["expr"] and panel["type"] != "table":
                assert (
                    prometheus.query(filled_in(target["expr"].replace("$namespace", "elsewhere")))
                    == []
                ), panel["title"]


def series(metric, cluster, pod, **labels):
    scrape = {"cluster": cluster, "namespace": "apitoken-system", "pod": pod, "job": "o"}
    text = ", ".join(f'{name}="{value}"' for name, value in {**scrape, **labels}.items())
    return f"{metric}{{{text}}}"


def scraped():
    """promtool's input series of TOKENS."""
    for (cluster, namespace), days in TOKENS.items():
        for pod in ("p-1", "p-2"):
            own = {"exported_namespace": namespace, "name": "ci"}
            kind = {"type": "Permanent", "reason": "Issued", "format": "Opaque"}
            for metric, value, labels in (
                ("apitoken_expiration_timestamp_seconds", days * 86400, own),
                ("apitoken_info", 1, {**own, **kind}),
                ("ALERTS", 1, {**own, "alertname": "ApiTokenExpired", "alertstate": "firing"}),
            ):
                yield {"series": series(metric, cluster, pod, **labels), "values": f"{value}x5"}
    for cluster, count in (("a", 2), ("b", 1)):
        for pod in ("p-1", "p-2"):
            fleet = {"type": "Permanent", "reason": "Expired"}
            yield {"series": series("apitokens", cluster, pod, **fleet), "values": f"{count}x5"}
            fleet = {"within": "1d"}
            yield {
                "series": series("apitokens_expiring", cluster, pod, **fleet),
                "values": f"{count}x5",
            }


def shown(value_of, **labels):
    """promtool's samples of a query with a row for each token: the label namespace is the
    token's own namespace."""
    return [
        {
            "labels": series(
                "", cluster, "-", exported_namespace=namespace, name="ci", **labels
            ).replace('namespace="apitoken-system", pod="-", job="o"', f'namespace="{namespace}"'),
            "value": value_of(days),
        }
        for (cluster, namespace), days in TOKENS.items()
    ]


@pytest.mark.parametrize("chosen", [".*", "team-b"])
def test_no_namesake_hides_a_token_in_another_cluster_or_namespace(tmp_path, chosen):
    """With honor_labels false the label namespace is the operator's, the same for all tokens."""
    every = {
        "Tokens": [{"labels": "{}", "value": 3}],
        "Expired": [{"labels": "{}", "value": 3}],
        "Expire within": [{"labels": '{within="1d"}', "value": 3}],
        "Days left": shown(lambda days: days),
        "Next to expire": shown(lambda days: days),
        "Alerts firing": shown(lambda _: 1, alertname="ApiTokenExpired"),
    }
    tests = [
        {
            "expr": panel["targets"][0]["expr"].replace("$namespace", chosen),
            "eval_time": "0m",
            "exp_samples": [
                sample
                for sample in every[panel["title"]]
                if chosen == ".*" or "name=" not in sample["labels"] or chosen in sample["labels"]
            ],
        }
        for panel in PANELS
        if panel["title"] in every
    ]
    assert len(tests) == len(every)
    third = next(panel for panel in PANELS if panel["title"] == "Next to expire")["targets"][2]
    info = third["expr"].replace("$namespace", chosen)
    tests.append(
        {
            "expr": f"count({info})",
            "eval_time": "0m",
            "exp_samples": [{"labels": "{}", "value": 3 if chosen == ".*" else 1}],
        }
    )
    file = tmp_path / "dashboard_test.yaml"
    file.write_text(
        yaml.safe_dump({"tests": [{"input_series": list(scraped()), "promql_expr_test": tests}]})
    )
    done = subprocess.run(
        ["promtool", "test", "rules", file], text=True, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_panels_are_laid_out_without_overlap():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for box in [panel["gridPos"]]
        for x in range(box["x"], box["x"] + box["w"])
        for y in range(box["y"], box["y"] + box["h"])
    ]
    assert len(cells) == len(set(cells)) and all(0 <= x < 24 for x, _ in cells)
    assert all(
        panel["description"] and panel["datasource"]["uid"] == "${datasource}" for panel in PANELS
    )
