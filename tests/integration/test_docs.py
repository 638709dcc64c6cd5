"""The documentation says what is true: flags, metrics, runbooks, links and examples are compared with the program, the
rules and a real API server."""

import re
import subprocess

import pytest
import yaml

from bed.cluster import ROOT
from bed.process import BINARY

PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
OPERATIONS = (ROOT / "docs/operations.md").read_text()
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
YAML_BLOCK = re.compile(r"^```ya?ml\n(.*?)^```", re.M | re.S)
KINDS = ("ApiToken", "TokenExpiryConfig")


def title(page):
    return str(page.relative_to(ROOT))


def without_code(text):
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.M | re.S)


def anchors(page):
    """As GitHub makes them from headings."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_named(name):
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", OPERATIONS)


def examples():
    for page in PAGES:
        for block in YAML_BLOCK.findall(page.read_text()):
            for thing in yaml.safe_load_all(block):
                if isinstance(thing, dict) and thing.get("kind") in KINDS:
                    yield pytest.param(thing, id=f"{title(page)}-{thing['kind']}")


def test_every_flag_is_documented():
    helped = subprocess.run(
        [BINARY, "--help"], text=True, capture_output=True, timeout=30, check=True
    ).stdout
    flags = re.findall(r"^  (--[\w-]+)", helped, re.M)
    assert len(flags) > 10
    assert [flag for flag in flags if not is_named(flag)] == []


def test_no_flag_is_documented_that_does_not_exist():
    helped = subprocess.run(
        [BINARY, "--help"], text=True, capture_output=True, timeout=30, check=True
    ).stdout
    documented = re.findall(r"^\| `(--[\w-]+)", OPERATIONS, re.M)
    assert [flag for flag in documented if not re.search(rf"^  {flag}\b", helped, re.M)] == []


def test_every_metric_is_documented(operator, space):
    space.token("one")
    space.ready("one")
    metrics = re.findall(r"^# TYPE (\S+)", operator.metrics().text, re.M)
    assert "apitoken_expiration_timestamp_seconds" in metrics and "workqueue_depth" in metrics
    assert [metric for metric in metrics if not is_named(metric)] == []


def test_every_alert_has_a_runbook_and_a_line():
    rules = yaml.safe_load((ROOT / "manifests/prometheus/rules.yaml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    runbooks = {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")}
    assert alerts == runbooks
    assert [alert for alert in alerts if not is_named(alert)] == []


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_relative_links_lead_somewhere(page):
    broken = []
    for link in LINK.findall(without_code(page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("example", examples())
def test_an_example_is_accepted_by_the_api_server(cluster, example):
    cluster.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-f", "-", input=yaml.safe_dump(example)
    )
