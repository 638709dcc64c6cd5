"""An API server, or a proxy before it, that gives broken answers: the operator never crashes,
never loops without pause, and recovers."""

import contextlib
import json
import time

import pytest

from testbed.proxy import CUT, Proxy
from testbed.tokens import condition, status_and_reason
from testbed.waiting import eventually, let_pass, wait_for


@pytest.fixture
def through_proxy(cluster, start_operator, tmp_path):
    """through_proxy(spoil_watch=, spoil_answer=): (operator, proxy), the operator behind the
    proxy."""
    proxies = []

    def start(wait_ready=True, **spoilers):
        proxy = Proxy(cluster, **spoilers)
        proxies.append(proxy)
        path = cluster.changed_kubeconfig(
            tmp_path / "proxied", lambda c: c["clusters"][0]["cluster"].update(server=proxy.url)
        )
        return start_operator(kubeconfig=path, wait_ready=wait_ready), proxy

    yield start
    for proxy in proxies:
        proxy.stop()


class Once:
    """Spoils the first watch event about the ApiToken `bad`, and passes on everything else."""

    def __init__(self, spoil):
        self.spoil = spoil
        self.times = 0

    def __call__(self, path, line):
        if self.times or not path.endswith("/apitokens") or b'"name":"bad"' not in line:
            return line
        self.times += 1
        return self.spoil(line)


def with_change(change):
    def spoil(line):
        event = json.loads(line)
        change(event["object"])
        return json.dumps(event).encode() + b"\n"

    return spoil


BAD_EVENTS = {
    "no JSON": lambda line: b"<html>502 Bad Gateway</html>\n",
    "half a line": lambda line: line[: len(line) // 2] + b"\n",
    "no UTF-8": lambda line: line.replace(b"alice", b"al\xff\xfe"),
    "a NUL": lambda line: line.replace(b"alice", b"al\x00ce"),
    "an empty line": lambda line: b"\n" + line,
    "deep nesting": lambda line: (
        b'{"type":"ADDED","object":' + b"[" * 100000 + b"]" * 100000 + b"}\n"
    ),
    "an unknown event": lambda line: line.replace(b'"ADDED"', b'"RENAMED"'),
    "a null object": lambda line: b'{"type":"ADDED","object":null}\n',
    "a cut chunk": lambda line: CUT,
    "gone": lambda line: (
        b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired",'
        b'"message":"too old"}}\n'
    ),
    "an error": lambda line: (
        b'{"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcd is unwell"}}\n'
    ),
}


@pytest.mark.parametrize("spoil", BAD_EVENTS.values(), ids=BAD_EVENTS.keys())
def test_a_bad_watch_event_is_survived_and_made_up_for(namespace, through_proxy, spoil):
    once = Once(spoil)
    operator, proxy = through_proxy(spoil_watch=once)
    namespace.token("bad")
    wait_for(lambda: once.times, 10, "the event did not pass")
    namespace.token("good")
    namespace.ready("good", timeout=20)
    assert operator.running()
    namespace.tokens.patch(
        "bad", {"spec": {"description": "changed, so that a lost event is made up for"}}
    )
    namespace.ready("bad", timeout=20)
    namespace.check_consistent("bad")
    assert len(proxy.seen) < 60, f"{len(proxy.seen)} requests"


BAD_OBJECTS = {
    "five megabytes": lambda o: o["spec"].update(description="x" * 5_000_000),
    "an unknown type": lambda o: o["spec"].update(type="Eternal"),
    "absurd dates": lambda o: o["metadata"].update(creationTimestamp="99999-13-45T99:99:99Z"),
    "an absurd expiry": lambda o: o.setdefault("status", {}).update(
        expiresAt="0000-00-00T00:00:00Z", tokenHash="sha256:00"
    ),
    "wrong types": lambda o: o["spec"].update(
        user=7, ttl={"hours": 3}, secret="name", revoked="perhaps"
    ),
    "no spec": lambda o: o.pop("spec"),
    "labels that are numbers": lambda o: o["metadata"].update(labels={"a": 1}),
    "a huge number": lambda o: o["metadata"].update(generation=10**30),
}


@pytest.mark.parametrize("change", BAD_OBJECTS.values(), ids=BAD_OBJECTS.keys())
def test_an_absurd_object_keeps_nobody_else_from_theirs(namespace, through_proxy, change):
    once = Once(with_change(change))
    operator, proxy = through_proxy(spoil_watch=once)
    namespace.token("bad")
    wait_for(lambda: once.times, 10, "the event did not pass")
    namespace.token("good")
    namespace.ready("good", timeout=20)
    namespace.tokens.patch("bad", {"spec": {"description": "and now as it really is"}})
    namespace.ready("bad", timeout=30)
    namespace.check_consistent("bad")
    assert operator.running()
    assert len(proxy.seen) < 60, f"{len(proxy.seen)} requests"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"null",
        b"<html></html>",
        b'{"items":7}',
        b'{"items":[7,null,{}],"metadata":{}}',
        CUT,
    ],
    ids=["empty", "array", "null", "HTML", "items 7", "odd items", "cut"],
)
def test_a_broken_list_is_retried_with_backoff(namespace, through_proxy, answer):
    until = time.monotonic() + 6

    def spoil(method, path, body):
        return (
            answer
            if method == "GET" and path.endswith("/apitokens") and time.monotonic() < until
            else body
        )

    namespace.token("ci")
    operator, proxy = through_proxy(spoil_answer=spoil, wait_ready=False)
    let_pass(5)
    assert operator.running()
    lists = [path for method, path in proxy.seen if "/apitokens?" in path]
    assert 1 <= len(lists) <= 15, f"{len(lists)} requests in 5 s"
    assert len([line for line in operator.log().splitlines() if "apitokens" in line]) <= 4


def test_an_answer_that_gets_lost_mints_no_second_token(namespace, through_proxy):
    """The Secret is created, but the operator sees only a broken connection: the next pass reads
    before it writes."""
    lost = []

    def spoil(method, path, body):
        if method == "POST" and path.endswith("/secrets") and not lost:
            lost.append(path)
            return CUT
        return body

    operator, _ = through_proxy(spoil_answer=spoil)
    namespace.token("ci")
    namespace.ready("ci", timeout=30)
    assert lost
    eventually(lambda: namespace.check_consistent("ci"))
    assert len(namespace.secrets.list()) == 1
    assert operator.running()


def test_a_status_write_whose_answer_gets_lost_is_seen_in_the_watch(namespace, through_proxy):
    lost = []

    def spoil(method, path, body):
        if method == "PATCH" and path.endswith("/ci/status") and not lost:
            lost.append(path)
            return CUT
        return body

    through_proxy(spoil_answer=spoil)
    namespace.token("ci")
    namespace.ready("ci", timeout=30)
    wait_for(lambda: lost, 10, "the proxy has not seen the answer")
    eventually(lambda: namespace.check_consistent("ci"))


def test_a_view_that_stays_stale_is_listed_again_counted_and_said(namespace, through_proxy):
    """The watch is alive and silent about a change: its bookmarks come, so that a new watch would
    begin after the change too."""
    hides = []

    def spoil(path, line):
        hidden = hides and path.endswith("/apitokens") and b'"type":"BOOKMARK"' not in line
        return b"\n" if hidden else line

    operator, _ = through_proxy(spoil_watch=spoil)
    namespace.token("ci")
    namespace.ready("ci")
    hides.append(True)
    namespace.tokens.patch("ci", {"spec": {"description": "the operator does not see this"}})
    namespace.secrets.delete("ci")
    eventually(lambda: namespace.check_consistent("ci"), 60)
    assert operator.metrics().value("apitoken_stale_views_total", controller="apitoken") >= 1
    said = [line for line in operator.log().splitlines() if "stays out of date" in line]
    assert "ci" in said[0] and "look for a webhook" in said[0]
    assert [line for line in said if " WARN " in line] == said[:1]


def test_a_refused_status_of_a_config_is_said_once(namespace, through_proxy):
    def refuse(method, path):
        return (403, {}) if method == "PATCH" and "/tokenexpiryconfigs/" in path else None

    operator, proxy = through_proxy(refuse=refuse)
    name = namespace.config("mail", warnBeforeDays=10)
    tries = f"/tokenexpiryconfigs/{name}/status"
    wait_for(
        lambda: sum(tries in path for _, path in proxy.seen) >= 3, 20, "the status is not written"
    )
    said = [
        line
        for line in operator.log().splitlines()
        if "status of a TokenExpiryConfig not written" in line
    ]
    assert len(said) == 1 and name in said[0], operator.log()


HUGE = 99999999999999999999  # more than 64 bits hold


@pytest.fixture
def without_rules(namespace):
    """Both CRDs without a schema, as before there were rules: anything is stored."""
    with contextlib.ExitStack() as stack:
        for collection in (namespace.tokens, namespace.configs):
            stack.enter_context(namespace.cluster.without_rules(collection))
        yield


@pytest.mark.usefixtures("without_rules")
def test_a_huge_number_stored_before_a_rule_existed_spoils_its_object_alone(
    namespace, start_operator
):
    """Fast JSON parsers refuse a whole page of objects, or an event, for one such number."""
    namespace.token("listed", ttl=HUGE)
    listed = namespace.config("listed", warnBeforeDays=HUGE, emails="platform@example.com")
    operator = start_operator()
    namespace.token("watched", ttl=HUGE)
    watched = namespace.config("watched", warnBeforeDays=HUGE)
    namespace.token("good")
    namespace.ready("good")
    for name in ("listed", "watched"):
        stalled = namespace.wait_condition(name, "Ready", "False", "InvalidSpec")
        assert "spec.ttl: must be a string" in condition(stalled, "Ready")["message"]
        namespace.wait_event(name, "InvalidSpec")
    for name in (listed, watched):
        found = namespace.wait_config(
            name, lambda c: status_and_reason(c, "Ready") == ("False", "InvalidSpec")
        )
        assert "spec.warnBeforeDays: must be a whole number" in condition(found, "Ready")["message"]
        (event,) = wait_for(
            lambda name=name: namespace.config_events(name, "InvalidSpec"),
            10,
            "no InvalidSpec Event",
        )
        assert event["type"] == "Warning" and event["note"] == condition(found, "Ready")["message"]
    assert "malformed JSON" not in operator.log()
    namespace.configs.patch(listed, {"spec": {"warnBeforeDays": 10}})
    namespace.wait_config(listed, lambda c: status_and_reason(c, "Ready") == ("True", "Accepted"))
