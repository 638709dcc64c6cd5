"""Settings: saved, by two people at once too, deleted, previewed, and tried by a test mail."""

import json

import pytest

from testbed.waiting import wait_for

SMTP = {"server": "smtp.example.com:587", "from": "tokens@example.com"}


@pytest.fixture
def portal(web, operator):
    return web("settings@example.com")


def put(portal, name, spec, version="", status=200):
    return portal.send(
        "PUT", f"/api/settings/{name}", {"resourceVersion": version, "spec": spec}, status
    )


def test_settings_are_made_changed_and_deleted(portal, settings, unique):
    name = unique("config")
    made = put(
        portal, name, {"warnBeforeDays": 30, "emails": "a@example.com; b@example.com"}, status=201
    )
    meta = made["object"]["metadata"]
    changed = put(portal, name, {"warnBeforeDays": 7}, meta["resourceVersion"])["object"]
    assert changed["spec"] == {"warnBeforeDays": 7}
    listed = portal.get("/api/settings")
    assert listed["rights"]["write"]["allowed"] and listed["rights"]["delete"]["allowed"]
    assert any(item["metadata"]["name"] == name for item in listed["items"])
    assert portal.send("DELETE", f"/api/settings/{name}?uid=other", None, 409)
    assert portal.send("DELETE", f"/api/settings/{name}?uid={meta['uid']}") == {"deleted": True}
    assert settings.get(name) is None


def test_the_second_of_two_editors_gets_both_versions(portal, settings, unique):
    name = unique("config")
    put(portal, name, {"warnBeforeDays": 30}, status=201)
    version = settings.get(name)["metadata"]["resourceVersion"]
    settings.patch(name, {"spec": {"warnBeforeDays": 14}, "metadata": {"labels": {"kept": "yes"}}})
    refused = put(portal, name, {"warnBeforeDays": 7}, version, 409)
    assert refused["present"]["spec"]["warnBeforeDays"] == 14
    present = refused["present"]["metadata"]["resourceVersion"]
    mine = put(portal, name, {"warnBeforeDays": 7}, present)["object"]
    assert mine["spec"]["warnBeforeDays"] == 7 and mine["metadata"]["labels"] == {"kept": "yes"}
    taken = put(portal, name, {"warnBeforeDays": 1}, "", 409)
    assert taken["present"]["spec"]["warnBeforeDays"] == 7


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"emails": "a@example.com; not an address"}, "emails"),
        ({"warnBeforeDays": 0}, "warnBeforeDays"),
        ({"reminders": ["24h", "168h"]}, "reminders"),
        ({"lifetimes": {"permanent": {"max": "9999h"}}}, "lifetimes.permanent.max"),
        ({"digest": "soon"}, "digest"),
        ({"smtp": {"server": "nowhere", "from": "a@example.com"}}, "smtp.server"),
    ],
)
def test_each_mistake_is_named_at_its_field(portal, settings, unique, spec, field):
    name = unique("config")
    for method, path in [("PUT", f"/api/settings/{name}"), ("POST", "/api/settings/preview")]:
        body = {"name": name, "resourceVersion": "", "spec": spec}
        problem = portal.send(method, path, body, 422)
        assert field in [cause["field"] for cause in problem["causes"]], problem
    assert settings.get(name) is None


def test_who_may_only_look_may_not_save(web, operator, unique):
    portal = web("admin@example.com")
    assert portal.get("/api/settings")["items"] is not None
    assert web("viewer@example.com").get("/api/settings", 403)["reason"] == "Forbidden"


def test_a_preview_says_what_people_would_get(portal, tokens, settings, unique):
    name, config = unique(), unique("config")
    tokens.create(
        name,
        {"user": "bob@example.com", "ttl": "480h"},
        labels={"preview": name},
    )
    wait_for(lambda: tokens.get(name).get("status", {}).get("expiresAt"), 20, "not minted")
    spec = {
        "reminders": ["360h", "24h"],
        "emails": "ops@example.com",
        "emailTokenUser": True,
        "smtp": SMTP,
        "tokenSelector": {"matchLabels": {"preview": name}},
        "lifetimes": {"permanent": {"max": "240h"}},
    }
    text = portal.request("POST", "/api/settings/preview", {"name": config, "spec": spec})
    lines = [json.loads(line) for line in text.text.splitlines()]
    summary = lines[0]["summary"]
    assert summary["tokens"] >= 1 and summary["truncated"] is False
    assert summary["then"]["ownMail"] == 1 and summary["then"]["ceiling"] == 1
    assert summary["then"]["within7days"] == summary["now"]["within7days"] + 1
    assert lines[-1] == {"done": True}
    own = [row for line in lines if "changes" in line for row in line["changes"] if row[1] == name]
    new = [row for row in own if row[6] == "New"]
    assert [row[4] for row in new] == ["360h", "24h", ""]
    assert {row[5] for row in new} == {"ops@example.com;bob@example.com"}
    assert any(row[6] == "Gone" for row in own), "the built-in 30 days no longer warn"
    assert settings.get(config) is None
    tokens.delete(name)


def test_a_preview_of_a_token_says_when_it_ends(portal, web, settings, unique):
    config = unique("config")
    settings.create(
        config,
        {
            "lifetimes": {"temporary": {"max": "2h"}},
            "reminders": ["1h"],
            "emails": "a@example.com",
            "smtp": SMTP,
        },
    )
    form = {
        "namespace": "team-a",
        "name": "x",
        "user": "bob@example.com",
        "type": "Temporary",
        "ttl": "8h",
    }
    shown = portal.send("POST", "/api/preview-token", form)
    assert shown["ceiling"] == {"ttl": "2h", "config": config} and shown["visible"] is True
    assert [w["before"] for w in shown["warnings"] if w["config"] == config] == ["1h", ""]
    blind = web("user@example.com").send("POST", "/api/preview-token", form)
    assert blind["visible"] is False and blind["warnings"] is None and blind["ceiling"] is None
    wrong = portal.send("POST", "/api/preview-token", {**form, "ttl": "x"}, 422)
    assert wrong["causes"][0]["field"] == "ttl"


def test_a_test_mail_is_asked_for_by_annotation(portal, settings, unique):
    name = unique("config")
    settings.create(name, {"emails": "a@example.com;b@example.com"})
    asked = portal.send("POST", f"/api/settings/{name}/test-mail", {})
    assert asked["recipients"] == ["a@example.com", "b@example.com"]
    annotations = settings.get(name)["metadata"]["annotations"]
    assert annotations["apitoken.dev/test-mail-requested-at"] == asked["requestedAt"]

    def answered():
        mail = settings.get(name).get("status", {}).get("testMail") or {}
        return mail.get("requestedAt") == asked["requestedAt"] and mail

    assert "smtp" in wait_for(answered, 30, "the operator does not answer")["error"]


def test_about_names_versions_and_licences(portal):
    about = portal.get("/api/about")
    assert about["kubernetes"].startswith("v1.") and about["portal"]
    assert {crd["name"] for crd in about["crds"]} == {
        "apitokens.apitoken.dev",
        "tokenexpiryconfigs.apitoken.dev",
    }
    assert all(crd["missing"] == crd["unknown"] == [] for crd in about["crds"])
