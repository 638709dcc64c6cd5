"""Lists that follow the cluster: rows, changes, what is gone; and a watch that breaks."""

import re
import threading

import pytest
import requests
from web import Web

from testbed.api import ApiError, apitokens
from testbed.cluster import exports_of
from testbed.proxy import Exchange, Proxy
from testbed.waiting import wait_for


@pytest.fixture
def portal(web, operator):
    return web("user@example.com")


def temporary(user="user@example.com", **more):
    return {"user": user, "type": "Temporary", **more}


def test_rows_follow_what_is_made_changed_and_deleted(portal, tokens, unique):
    name = unique()
    live = portal.stream("/api/tokens?ns=team-a").synced()
    assert live.columns[:3] == ["ns", "name", "uid"] and live.columns[-1] == "createdAt"
    tokens.create(name, temporary(description="first"))
    row = live.wait_row(name, lambda row: row["reason"] == "Issued")
    assert row["ns"] == "team-a" and row["type"] == "Temporary" and row["revision"] == 1
    assert row["hint"] and row["tokenID"] and row["expiresAt"].endswith("Z")
    tokens.patch(name, {"spec": {"description": "second"}})
    live.wait_row(name, lambda row: row["description"] == "second")
    tokens.delete(name)
    wait_for(lambda: live.named(name) is None, 20, f"{name} stays in the list")
    live.close()


def test_a_users_list_has_that_users_tokens_alone(portal, tokens, unique):
    mine, other = unique("mine"), unique("other")
    tokens.create(mine, temporary("a,b=c\\d@example.com"))
    tokens.create(other, temporary("bob@example.com"))
    live = portal.stream("/api/tokens?ns=team-a&user=a%2Cb%3Dc%5Cd%40example.com").synced()
    assert live.names() == [mine]
    live.close()
    for name in (mine, other):
        tokens.delete(name)


def test_a_hash_finds_its_token_and_ends(portal, tokens, unique):
    name = unique()
    tokens.create(name, temporary())
    digest = wait_for(
        lambda: tokens.get(name).get("status", {}).get("tokenHash"), 20, f"{name} has no value"
    )
    live = portal.stream(f"/api/tokens?ns=team-a&hash={digest}").synced()
    wait_for(lambda: live.ended, 10, "the answer does not end")
    assert live.names() == [name]
    nothing = portal.stream(f"/api/tokens?ns=team-a&hash=sha256:{'0' * 64}").synced()
    assert nothing.names() == []
    tokens.delete(name)


@pytest.mark.parametrize(
    "query",
    ["", "scope=some", "scope=all&ns=team-a", "ns=", "ns=team-a&hash=x", "ns=team-a&user=a%00b"],
)
def test_a_wrong_question_is_refused(portal, query):
    assert portal.request("GET", f"/api/tokens?{query}").status_code == 400


def test_several_namespaces_come_in_one_list(web, operator, cluster, tokens, unique):
    elsewhere = apitokens(cluster.api, "team-b")
    here, there = unique("here"), unique("there")
    tokens.create(here, temporary())
    live = web("admin@example.com").stream("/api/tokens?ns=team-a&ns=team-b").synced()
    elsewhere.create(there, temporary())
    assert live.wait_row(there)["ns"] == "team-b" and live.named(here)["ns"] == "team-a"
    live.close()
    tokens.delete(here)
    elsewhere.delete(there)


def test_a_fifth_page_of_a_session_is_asked_to_poll(portal):
    live = [portal.stream("/api/tokens?ns=team-a").synced() for _ in range(4)]
    fifth = portal.request("GET", "/api/tokens?ns=team-a")
    assert fifth.status_code == 503 and fifth.json()["reason"] == "TooManyStreams"
    assert int(fifth.headers["Retry-After"]) > 0
    for one in live:
        one.close()
    # Closed pages make room at once, not at the next ping.
    portal.stream("/api/tokens?ns=team-a").synced().close()


def test_a_restart_of_the_api_server_costs_no_row(portal, tokens, cluster, unique):
    before, after = unique("before"), unique("after")
    tokens.create(before, temporary())
    live = portal.stream("/api/tokens?ns=team-a").synced()
    live.wait_row(before)
    cluster.controlplane("stop-apiserver")
    wait_for(live.errors, 30, "the page does not hear that the watch broke")
    assert live.errors()[0]["status"] == 503
    cluster.controlplane("start-apiserver")
    tokens.create(after, temporary())
    live.wait_row(after, timeout=60)
    wait_for(lambda: live.syncs >= 2, 60, "not synced again")
    assert live.named(before)
    assert any("restart" in line for line in live.lines)
    names = [row["name"] for row in live.rows.values()]
    assert len(names) == len(set(names))
    live.close()
    wait_for(lambda: can_patch(tokens, after), 60, "the policies do not work again")
    for name in (before, after):
        tokens.delete(name)


def remove_history(cluster):
    """No watch can begin at a version of before: etcd is compacted, and the API server's cache is
    a new one."""
    etcd = exports_of(cluster.controlplane("env"))["ETCD_URL"]
    newest = requests.post(f"{etcd}/v3/kv/range", json={"key": "AA=="}, timeout=10).json()
    revision = newest["header"]["revision"]
    cluster.controlplane("stop-apiserver")
    compacted = requests.post(
        f"{etcd}/v3/kv/compaction", json={"revision": revision, "physical": True}, timeout=30
    )
    assert compacted.ok, compacted.text
    cluster.controlplane("start-apiserver")


class ShortWatches(Exchange):
    def parse_request(self):
        parsed = super().parse_request()
        if parsed:
            self.path = re.sub(r"timeoutSeconds=\d+", "timeoutSeconds=3", self.path)
        return parsed


def test_a_watch_that_is_too_old_lists_again_without_an_error(
    web, operator, tokens, cluster, unique, tmp_path
):
    stays, goes, comes = unique("stays"), unique("goes"), unique("comes")
    for name in (stays, goes):
        tokens.create(name, temporary())
    held, refusals = threading.Event(), []

    def hold(_, path):
        """The second watch reaches the API server when its version is too old."""
        if path.endswith("/apitokens") and len(watches()) > 1:
            held.wait(120)

    def watches():
        return [path for _, path in proxy.seen if "apitokens?" in path and "watch=" in path]

    def is_too_old(path):
        """A restarted API server first answers that it does not know the kind, or is busy."""
        try:
            return '"code":410' in cluster.api.request("GET", path).text
        except ApiError as error:
            return error.code == 410

    def look(path, line):
        if b'"code":410' in line:
            refusals.append(line)
        return line

    proxy = Proxy(cluster, refuse=hold, spoil_watch=look)
    proxy.server.RequestHandlerClass = type("Handler", (ShortWatches,), {"proxy": proxy})
    config = cluster.kubeconfig_of("admin@example.com", tmp_path)
    text = config.read_text()
    config.write_text(text.replace(cluster.url, proxy.url))
    web_through_proxy = Web(config, tmp_path / "proxied.log")
    try:
        live = web_through_proxy.stream("/api/tokens?ns=team-a").synced()
        wait_for(lambda: len(watches()) > 1, 20, "the watch does not begin again")
        tokens.delete(goes)
        tokens.create(comes, temporary())
        remove_history(cluster)
        wait_for(lambda: can_patch(tokens, comes), 60, "the policies do not work again")
        wait_for(lambda: is_too_old(watches()[1]), 60, "the version is known again")
        held.set()
        live.synced(times=2, timeout=60)
        assert refusals, "no watch was too old"
        assert {stays, comes} <= set(live.names()) and goes not in live.names()
        assert not live.errors() and len(live.names()) == len(set(live.names()))
        live.close()
    finally:
        held.set()
        web_through_proxy.stop()
        proxy.stop()
    for name in (stays, comes):
        tokens.delete(name)


def can_patch(tokens, name):
    """A restarted API server refuses writes until it knows what its policies refer to."""
    try:
        return tokens.patch(name, {"spec": {"description": "again"}})
    except ApiError:
        return False


def test_ten_changes_a_second_are_all_seen(portal, tokens, unique):
    name = unique()
    tokens.create(name, temporary())
    live = portal.stream("/api/tokens?ns=team-a").synced()
    for number in range(50):
        tokens.patch(name, {"spec": {"description": f"change {number}"}})
    live.wait_row(name, lambda row: row["description"] == "change 49")
    live.close()
    tokens.delete(name)


def test_pings_carry_the_servers_clock(portal):
    live = portal.stream("/api/tokens?ns=team-a").synced()
    wait_for(lambda: any("ping" in line for line in live.lines), 25, "no ping within 25 s")
    live.close()


def test_settings_are_followed(web, operator, settings, unique):
    name = unique("config")
    live = web("settings@example.com").stream("/api/settings?follow=1")
    wait_for(lambda: live.lines, 10, "no list")
    settings.create(name, {"warnBeforeDays": 5})

    def listed():
        items = [line["items"] for line in live.lines if "items" in line][-1]
        return any(item["metadata"]["name"] == name for item in items)

    wait_for(listed, 20, f"{name} is not in the list")
    settings.delete(name)
    wait_for(lambda: not listed(), 20, f"{name} stays in the list")
    assert all(
        "managedFields" not in item["metadata"]
        for line in live.lines
        if "items" in line
        for item in line["items"]
    )
    live.close()


def test_a_stream_ends_with_the_program(web, operator):
    portal = web("user@example.com")
    live = portal.stream("/api/tokens?ns=team-a").synced()
    portal.stop()
    wait_for(lambda: live.ended, 10, "the stream goes on")
