"""What the portal says when something fails: sentences.yaml against the sources, and against the
answers of a portal."""

import re

import pytest
import yaml
from web import Web

from testbed.cluster import ROOT

LIST = yaml.safe_load((ROOT / "tests/portal/sentences.yaml").read_text())
# What an entry without `do` must hold: a sentence that tells people what to do.
TELLS = re.compile(
    r"\b(choose|give|paste|name|use|select|replace|write|correct|look|fill in|at most|between)\b",
    re.I,
)
# Not said to people in an answer: flags, metrics and the log of a start.
OTHER_FILES = {"config.cpp", "portal_metrics.cpp"}
CPP_TEXT = r'"((?:[^"\\\n]|\\.)*)"'
JS_TEXT = r"""'((?:[^'\\\n]|\\.)*)'|`([^`]*)`|"([^"\n]*)\""""
# Where an error begins in a module of the pages, and the texts that follow.
JS_BEGIN = r"(?:\bmessage:|\bremedy:|\bremedy \|\||setError\(|\bError\(|STEPS\[[\w.]+\] \|\|)"
JS_PART = r"""'(?:[^'\\\n]|\\.)*'|`[^`]*`|"[^"\n]*"|[^;'"`\n]|\n(?=\s*['"`?:])"""
JS_ERRORS = re.compile(rf"{JS_BEGIN}\s*((?:{JS_PART})*)")
# Checks of fields, and the table of what can happen at a sign-in.
JS_TABLES = re.compile(r"\bcheck\(([^;]*);|\bSTEPS = (\{.*?\n\};)", re.S)


def plain(text):
    """Without what varies, and without the end that the code adds to a text."""
    text = re.sub(r"\$?\{[^{}]*\}", "", text.replace("\\", ""))
    return re.sub(r"\s+", " ", text).strip(" .").lower()


def is_sentence(text):
    return bool(re.search(r"[a-z]{2,} [a-z]", text))


def cpp_texts(path):
    source = re.sub(r"^\s*//.*", "", path.read_text(), flags=re.M)
    return re.findall(CPP_TEXT, re.sub(r'"\s*\n\s*"', "", source))


def js_texts(source):
    return ["".join(found) for found in re.findall(JS_TEXT, source)]


def sources():
    """(texts that are shown as errors, all texts)."""
    errors, texts = set(), set()
    server = [*(ROOT / "controller/portal").glob("*.cpp"), ROOT / "controller/cli/local_door.cpp"]
    for path in server:
        found = cpp_texts(path)
        texts |= {plain(text) for text in found}
        if path.name not in OTHER_FILES:
            shown = {t for t in found if re.match(r"[A-Z].*(\.|: |\{\})$", t) and is_sentence(t)}
            errors |= {plain(text) for text in shown}
    for path in (ROOT / "portal").rglob("*.js"):
        if "vendor" not in path.parts:
            source = re.sub(r"(['`])\s*\+\s*\1", "", path.read_text())
            inside = [*js_texts(source), *source.split("`"), *re.findall(r"'([^'\n]*)'", source)]
            texts |= {plain(text) for text in inside}
            tables = ["".join(found) for found in JS_TABLES.findall(source)]
            for part in [*JS_ERRORS.findall(source), *tables]:
                errors |= {plain(t) for t in js_texts(part) if is_sentence(t)}
    return errors, texts


ERRORS, TEXTS = sources()


def test_the_list_holds_every_error_of_the_sources():
    listed = {plain(entry.get(part, "")) for entry in LIST for part in ("says", "do")}
    assert len(ERRORS) > 80, "the sources are written otherwise than this test reads them"
    assert not ERRORS - listed, "missing in sentences.yaml"


@pytest.mark.parametrize("entry", LIST, ids=lambda entry: entry.get("says") or entry["of"])
def test_each_error_has_what_why_and_what_to_do(entry):
    assert entry["why"]
    assert "of" in entry or plain(entry["says"]) in TEXTS, "the sentence is said nowhere"
    if "do" in entry:
        assert plain(entry["do"]) in TEXTS, "no page says what to do"
    else:
        assert TELLS.search(entry["says"]), "says nobody what to do"


REFUSED = (
    ("GET", "/api/nothing", None, {}),
    ("GET", "/nothing", None, {}),
    ("POST", "/api/about", {}, {}),
    ("GET", "/api/session", None, {"Authorization": None}),
    ("GET", "/api/session", None, {"X-Apitoken-Portal": None}),
    ("GET", "/api/session", None, {"Sec-Fetch-Site": "cross-site"}),
    ("GET", "/api/session", None, {"Host": "evil.example"}),
    ("POST", "/api/tokens/team-a", [], {}),
    ("POST", "/api/tokens/team-a", {}, {}),
    ("POST", "/api/tokens/team-a", {}, {"Content-Type": "text/plain"}),
    ("POST", "/api/tokens/team-a", {"name": "a", "expiresAt": "soon"}, {}),
    ("PATCH", "/api/tokens/team-a/nobody", {"uid": "u"}, {}),
    ("GET", "/api/tokens/team-a/nobody", None, {}),
    ("GET", "/api/tokens/Team_A/x", None, {}),
    ("DELETE", "/api/tokens/team-a/nobody?uid=", None, {}),
    ("GET", "/api/tokens?scope=some", None, {}),
    ("PUT", "/api/settings/x", {"spec": []}, {}),
    ("PUT", "/api/settings/x", {"resourceVersion": "", "spec": {"emails": "nobody"}}, {}),
)


@pytest.mark.parametrize("method, path, body, headers", REFUSED)
def test_an_answer_of_each_kind_says_what_to_do(web_of_viewer, method, path, body, headers):
    answer = web_of_viewer.request(method, path, body, web_of_viewer.headers(**headers))
    assert 400 <= answer.status_code < 500
    problem = answer.json()
    assert is_sentence(problem["message"]) and " " in problem["remedy"], problem
    assert plain(problem["remedy"]) in {plain(entry.get("do", "")) for entry in LIST}


@pytest.fixture(scope="module")
def web_of_viewer(cluster, tmp_path_factory):
    directory = tmp_path_factory.mktemp("sentences")
    config = cluster.kubeconfig_of("viewer@example.com", directory)
    served = Web(config, directory / "web.log")
    yield served
    served.stop()
