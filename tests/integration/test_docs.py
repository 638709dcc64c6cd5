"""The docs are true: flags, metrics, runbooks, links and examples are compared with the program,
the rules and a real API server. Each code block is run by a test, or says why not."""

import html.parser
import re
import subprocess

import pytest
import yaml

from testbed.cluster import ROOT
from testbed.faults import FAULTS
from testbed.pages import blocks
from testbed.process import BINARY
from testbed.waiting import wait_for

PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "charts/apitoken-operator/README.md",
    }
)
OPERATIONS = (ROOT / "docs/operations.md").read_text()
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
# Output and pictures, which nobody runs.
SHOWN = ("text", "mermaid")
SERVED = ("apitoken.dev/v1alpha1", "v1", "apps/v1", "rbac.authorization.k8s.io/v1")
RUN_PAGE = re.compile(r"^<!-- blocks are run by (tests/\S+) -->$", re.M)
NOT_RUN_PAGE = re.compile(r"^<!-- blocks are not run: .+ -->$", re.M)
RUN_BLOCK = re.compile(r"run by (tests/[\w/]+\.py)")


def title(page):
    return str(page.relative_to(ROOT))


def without_code(text):
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.M | re.S)


def anchors(page):
    """The anchors that GitHub makes from the headings."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_named(name):
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", OPERATIONS)


def examples():
    """The objects in YAML blocks whose kinds the API server of the tests knows."""
    for page in PAGES:
        for block in blocks(page):
            if block.language in ("yaml", "yml"):
                for thing in yaml.safe_load_all(block.text):
                    if is_served(thing):
                        yield pytest.param(thing, id=f"{title(page)}-{block.line}-{thing['kind']}")


def is_served(thing):
    """Whether it is an object of the API server, and not a kubeconfig or a file of values."""
    return (
        isinstance(thing, dict)
        and thing.get("apiVersion") in SERVED
        and {"kind", "metadata"} <= set(thing)
    )


def is_example(block):
    if block.language not in ("yaml", "yml"):
        return False
    things = list(yaml.safe_load_all(block.text))
    return all(is_served(thing) for thing in things)


def unaccounted(page):
    """Code blocks of a page that no test runs and that do not say why."""
    text = page.read_text()
    runner = RUN_PAGE.search(text) or NOT_RUN_PAGE.search(text)
    for block in blocks(page):
        marked = "not run:" in block.mark or "run by " in block.mark
        shown = block.language in SHOWN or is_example(block)
        if not (shown or marked or runner):
            yield f"line {block.line}: {block.text.splitlines()[0]}"


def test_the_badges_of_the_readme_are_true():
    """Each says, in the picture and beside it, what the file that decides says."""
    chart = yaml.safe_load((ROOT / "charts/apitoken-operator/Chart.yaml").read_text())
    (kubernetes,) = re.findall(r"^>=(\d+\.\d+)\.0-0$", chart["kubeVersion"])
    licence = " ".join((ROOT / "LICENSE").read_text().split()[:4])
    (standard,) = re.findall(r"CMAKE_CXX_STANDARD (\d+)", (ROOT / "CMakeLists.txt").read_text())
    assert licence == "Apache License Version 2.0,"
    assert (ROOT / "docs/images/logo.svg").read_text() == (ROOT / "portal/icon.svg").read_text()
    said = re.findall(
        r"\[!\[([^]]+)\]\((docs/images/badge-\S+)\)\]", (ROOT / "README.md").read_text()
    )
    assert [text for text, _ in said] == [
        f"Kubernetes: {kubernetes} or newer",
        "licence: Apache 2.0",
        f"C++: {standard}",
    ]
    for text, picture in said:
        svg = (ROOT / picture).read_text()
        assert f"<title>{text}</title>" in svg and f'aria-label="{text}"' in svg
        assert re.findall(r"<text [^>]*>([^<]+)<", svg) == text.split(": ")


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


def test_every_metric_is_documented(operator, namespace):
    namespace.token("one")
    namespace.ready("one")

    def types():
        return re.findall(r"^# TYPE (\S+)", operator.metrics().text, re.M)

    wait_for(lambda: "apitoken_expiration_timestamp_seconds" in types(), 10, "no series of a token")
    metrics = types()
    assert "workqueue_depth" in metrics
    assert [metric for metric in metrics if not is_named(metric)] == []


def test_every_alert_has_a_runbook_and_a_line():
    rules = yaml.safe_load((ROOT / "manifests/prometheus/rules.yaml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    runbooks = {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")}
    assert alerts == runbooks
    assert [alert for alert in alerts if not is_named(alert)] == []


def test_the_page_on_reliability_has_a_row_for_each_fault():
    rows = re.findall(r"^\| ([\w-]+) \|", (ROOT / "docs/reliability.md").read_text(), re.M)
    assert set(FAULTS) <= set(rows)


def test_the_index_lists_every_page():
    index = (ROOT / "docs/README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages) if f"({page})" not in index] == []


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


class Html(html.parser.HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.loaded = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given["id"]} if "id" in given else set()
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if "src" in given:
            self.loaded.append(given["src"])
        if tag == "link" and given.get("rel") != "canonical":
            self.loaded.append(given["href"])


def test_the_site_has_every_page_and_loads_nothing_from_elsewhere(tmp_path):
    done = subprocess.run(
        [ROOT / "hack/site.sh", tmp_path], text=True, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {page: Html(page.read_text()) for page in tmp_path.rglob("*.html")}
    assert len(pages) > len(list((ROOT / "docs").rglob("*.md")))
    broken = []
    for page, read in pages.items():
        for link in read.links + read.loaded:
            path, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", link):
                if link in read.loaded:
                    broken.append((page.name, link))
                continue
            root = tmp_path if path.startswith("/") else page.parent
            target = (root / path.lstrip("/")).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (
                anchor and target in pages and anchor not in pages[target].anchors
            ):
                broken.append((page.name, link))
    assert broken == []


@pytest.mark.parametrize("example", examples())
def test_an_example_is_accepted_by_the_api_server(namespace, example):
    example["metadata"].pop("namespace", None)
    namespace.cluster.kubectl(
        "apply",
        "-n",
        namespace.name,
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-",
        input=yaml.safe_dump(example),
    )


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_each_code_block_is_run_by_a_test_or_says_why_not(page):
    assert list(unaccounted(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_the_test_that_runs_a_page_reads_that_page(page):
    text = page.read_text()
    for test in {*RUN_PAGE.findall(text), *RUN_BLOCK.findall(text)}:
        assert page.stem in (ROOT / test).read_text(), f"{test} does not read {page.name}"
