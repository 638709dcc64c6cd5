"""Each value of the chart does what values.yaml says. tests/tables/chart_values.yaml names them
all; the last test fails for a value without an entry."""

import json
import re

import pytest
import yaml

from rendering import CHART, ROOT, at, names, only, render

LABELS = {"a": "b"}
PREFIXES = {"pod": "spec/template/spec", "operator": "spec/template/spec/containers/0"}
ROWS = yaml.safe_load((ROOT / "tests/tables/chart_values.yaml").read_text())


def nested(flat):
    values = {}
    for key, value in flat.items():
        *parents, last = key.split(".")
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return values


def value_of(row):
    return next(iter(row["set"]))


def look_up(thing, path):
    """What stands at a path of the table."""
    first, _, rest = path.partition("/")
    for part in (f"{PREFIXES[first]}/{rest}" if first in PREFIXES else path).split("/"):
        key = part.replace("~1", "/")
        thing = (thing or {}).get(key) if "/" in key else at(thing, key)
    return thing


def fits(found, expected):
    if isinstance(expected, dict) and set(expected) == {"has"}:
        return set(expected["has"]) <= set(found)
    if isinstance(expected, dict) and set(expected) == {"lacks"}:
        return not any(expected["lacks"] in one for one in found)
    return found == expected


@pytest.mark.parametrize("row", ROWS, ids=value_of)
def test_a_value_does_what_it_says(row):
    objects = render(nested(row["set"]))
    for what, expected in row.items():
        kind, _, name = what.partition("/")
        if what == "set":
            continue
        if isinstance(expected, list):
            assert names(objects, kind) == expected, what
            continue
        thing = only(objects, kind, name or None)
        for path, value in expected.items():
            found = look_up(thing, path)
            assert fits(found, value), f"{what}: {path} is {found}"


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
        ("ApiTokenRotationStuck", "> 900", "> 7201"),
        ("ApiTokenNoticesFailing", "> 900", "> 7201"),
        ("ApiTokenOperatorStalled", "> 600", "> 7201"),
        ("ApiTokenClockSkew", "> 300", "> 7201"),
    ],
)
def test_a_threshold_replaces_the_number_in_its_alert(alert, previous, wanted):
    assert {name for name, values in ALERTS.items() if "threshold" in values} == {
        "ApiTokenExpiringCritical",
        "ApiTokenRotationStuck",
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


def test_the_fleets_stuck_rotations_wait_for_the_threshold_too():
    shipped, changed = (
        next(
            r
            for r in rules_of(alerts)
            if r["alert"] == "ApiTokenRotationStuck" and "scope" in r["labels"]
        )
        for alerts in ({}, {"ApiTokenRotationStuck": {"threshold": 7201}})
    )
    assert (shipped["for"], changed["for"]) == ("15m", "7201s")
    assert "15 minutes" in shipped["annotations"]["summary"]
    assert "unfinished for 7201 seconds" in changed["annotations"]["summary"]


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
    tested = set(map(value_of, ROWS)) | TESTED_APART
    assert wanted - tested == set()
    assert tested - wanted == set()
