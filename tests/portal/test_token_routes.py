"""Making, changing and ending ApiTokens by the routes, on the real operator."""

import datetime
import json

import pytest
from jwcrypto import jwe, jwk

from testbed.waiting import wait_for

ISO = "%Y-%m-%dT%H:%M:%SZ"


def form(name, **more):
    return {"name": name, "user": "user@example.com", "type": "Temporary", "ttl": "1h", **more}


@pytest.fixture
def portal(web, operator):
    return web("user@example.com")


@pytest.fixture
def admin(web, operator):
    return web("admin@example.com")


def make(portal, name, **more):
    return portal.send("POST", "/api/tokens/team-a", form(name, **more), 201)["object"]["metadata"]


def ready(portal, name, reason="Issued", timeout=20):
    def minted():
        shown = portal.get(f"/api/tokens/team-a/{name}")
        conditions = shown["object"].get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["reason"] == reason for c in conditions) and shown

    return wait_for(minted, timeout, f"{name} is not {reason}")


def test_a_token_is_made_shown_and_ended(portal, unique):
    name = unique()
    made = portal.send("POST", "/api/tokens/team-a", form(name, description="it's mine"), 201)
    assert made["yaml"].startswith("apiVersion: apitoken.dev/v1alpha1\nkind: ApiToken\n")
    assert made["command"] == (
        f"kubectl apitoken create {name} --namespace team-a --user user@example.com "
        "--description 'it'\\''s mine' --type Temporary --ttl 1h --keep"
    )
    assert "managedFields" not in made["object"]["metadata"]
    uid = made["object"]["metadata"]["uid"]
    shown = ready(portal, name)
    assert shown["secret"] == {"state": "forbidden", "revision": None}
    assert shown["events"] is None and shown["warnings"] is None
    writers = {w["manager"]: w["fields"] for w in shown["writers"]}
    assert "spec.ttl" in writers["kubectl-apitoken-web"]
    assert any(f.startswith("status.") for f in writers["apitoken-operator"])
    revoked = portal.send("POST", f"/api/tokens/team-a/{name}/revoke", {"uid": uid})
    assert revoked["object"]["spec"]["revoked"] is True
    ready(portal, name, "Revoked")
    assert portal.send("DELETE", f"/api/tokens/team-a/{name}?uid={uid}") == {"deleted": True}
    wait_for(
        lambda: portal.request("GET", f"/api/tokens/team-a/{name}").status_code == 404, 10, "stays"
    )


def test_a_dry_run_makes_nothing(portal, tokens, unique):
    name = unique()
    tried = portal.send("POST", "/api/tokens/team-a?dry=1", form(name))
    assert tried["object"]["metadata"]["name"] == name and tokens.get(name) is None


def test_a_date_becomes_a_ttl(portal, unique):
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=2)
    name = unique()
    body = form(name, expiresAt=end.strftime(ISO))
    body.pop("ttl")
    portal.send("POST", "/api/tokens/team-a", body, 201)
    expires = ready(portal, name)["object"]["status"]["expiresAt"]
    found = datetime.datetime.strptime(expires, ISO).replace(tzinfo=datetime.UTC)
    assert abs((found - end).total_seconds()) < 20


PAST = "2020-01-01T00:00:00Z"
PRIVATE = jwk.JWK.generate(kty="EC", crv="P-256")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "CI Deploy"}, "name"),
        ({"name": "x" * 254}, "name"),
        ({"user": ""}, "user"),
        ({"user": "system:admin"}, "user"),
        ({"ttl": "soon"}, "ttl"),
        ({"ttl": "1s"}, "ttl"),
        ({"ttl": "9000h"}, "ttl"),
        ({"ttl": "", "expiresAt": PAST}, "expiresAt"),
        ({"ttl": "", "expiresAt": "tomorrow"}, "expiresAt"),
        ({"ttl": "", "expiresAt": "2090-01-01T00:00:00Z"}, "expiresAt"),
        ({"ttl": "1h", "expiresAt": "2090-01-01T00:00:00Z"}, "expiresAt"),
        ({"description": "x" * 5000}, "description"),
        ({"type": "Eternal"}, "type"),
        ({"type": "Permanent", "format": "JWT"}, "format"),
        ({"groups": ["system:masters"]}, "groups"),
        ({"groups": "shop"}, "groups"),
        ({"user": 7}, "user"),
        ({"secret": {"encryptTo": PRIVATE.export()}}, "secret.encryptTo"),
        (
            {
                "secret": {
                    "encryptTo": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
                }
            },
            "secret.encryptTo",
        ),
        (
            {"secret": {"encryptTo": json.dumps({"kty": "RSA", "n": "AQAB", "e": "AQAB"})}},
            "secret.encryptTo",
        ),
        ({"secret": {"labels": {"a": 1}}}, "secret.labels"),
        ({"ttlAfterExpired": "never"}, "ttlAfterExpired"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else value,
)
def test_each_mistake_is_named_at_its_field(portal, tokens, unique, change, field):
    body = {**form(unique()), **change}
    answer = portal.request("POST", "/api/tokens/team-a", body)
    assert answer.status_code in (400, 403, 422), answer.text
    fields = [cause["field"] for cause in answer.json()["causes"]]
    assert field in fields, answer.text
    if body["name"] and len(body["name"]) < 200 and " " not in body["name"]:
        assert tokens.get(body["name"]) is None


def test_a_name_that_is_taken_is_said_at_the_name(portal, unique):
    name = unique()
    make(portal, name)
    for dry in ["", "?dry=1"]:
        problem = portal.send("POST", f"/api/tokens/team-a{dry}", form(name), 409)
        assert problem["reason"] == "AlreadyExists" and problem["causes"][0]["field"] == "name"


def test_what_is_no_form_is_refused(portal):
    for text in ["", "[]", "7", '"x"', "{", "null", '{"name":{"a":1}}', "{}"]:
        headers = portal.headers(**{"Content-Type": "application/json"})
        answer = portal.request("POST", "/api/tokens/team-a", headers=headers, data=text)
        assert answer.status_code in (400, 422), text


def test_a_sealed_value_is_had_without_a_right_to_secrets(portal, cluster, unique):
    key = jwk.JWK.generate(kty="EC", crv="P-256")
    name = unique()
    meta = make(portal, name, secret={"encryptTo": key.export_public(), "deleteAfter": "10m"})
    first = open_value(ready(portal, name), key)
    assert first.startswith("apt_") and len(first) == 50
    other = jwk.JWK.generate(kty="EC", crv="P-256")
    portal.send(
        "POST",
        f"/api/tokens/team-a/{name}/rotate",
        {"uid": meta["uid"], "encryptTo": other.export_public()},
    )
    second = open_value(ready(portal, name, "Rotated"), other)
    assert second.startswith("apt_") and second != first
    agent = [e for e in cluster.audited("kubectl-apitoken-web") if name in e["requestURI"]]
    assert agent and not any("/secrets/" in e["requestURI"] for e in agent)


def open_value(shown, key):
    box = jwe.JWE()
    box.deserialize(shown["object"]["status"]["encryptedValue"], key=key)
    return box.payload.decode()


def test_rotating_to_a_private_key_is_refused_at_its_field(portal, unique):
    name = unique()
    meta = make(portal, name)
    problem = portal.send(
        "POST",
        f"/api/tokens/team-a/{name}/rotate",
        {"uid": meta["uid"], "encryptTo": PRIVATE.export()},
        422,
    )
    assert problem["causes"][0]["field"] == "encryptTo"
    assert json.loads(PRIVATE.export())["d"] not in json.dumps(problem)


def test_the_value_of_a_kept_token_is_shown_to_whom_may_read_it(admin, portal, tokens, unique):
    name = unique()
    meta = make(portal, name)
    shown = ready(admin, name)
    assert shown["secret"]["state"] == "present" and shown["secret"]["revision"] == 1
    assert any(event["reason"] == "Issued" for event in ready(admin, name)["events"] or [])
    path = f"/api/tokens/team-a/{name}/value"
    got = admin.send("POST", path, {"uid": meta["uid"], "revision": 1})
    assert got["value"].startswith("apt_") and got["revision"] == 1
    assert portal.send("POST", path, {"uid": meta["uid"], "revision": 1}, 403)
    assert admin.send("POST", path, {"uid": meta["uid"], "revision": 2}, 409)
    assert admin.send("POST", path, {"uid": "another", "revision": 1}, 409)
    assert admin.request("GET", path).status_code == 405


def test_a_secret_of_somebody_else_is_never_shown(admin, tokens, secret_objects, unique):
    name = unique()
    secret_objects.api.create(
        secret_objects.path,
        {"metadata": {"name": name}, "type": "Opaque", "stringData": {"token": "not-yours"}},
    )
    made = tokens.create(name, {"user": "admin@example.com", "type": "Temporary"})
    answer = admin.request(
        "POST",
        f"/api/tokens/team-a/{name}/value",
        {"uid": made["metadata"]["uid"], "revision": None},
    )
    assert answer.status_code == 404 and "not-yours" not in answer.text
    assert admin.get(f"/api/tokens/team-a/{name}")["secret"]["state"] == "foreign"
    tokens.delete(name)
    secret_objects.delete(name)


def test_a_patch_changes_what_it_names_and_nothing_stale(portal, tokens, unique):
    name = unique()
    meta = make(portal, name, description="old", secret={"labels": {"a": "1", "b": "2"}})
    ready(portal, name)
    now = tokens.get(name)["metadata"]
    path = f"/api/tokens/team-a/{name}"
    body = {"uid": meta["uid"], "resourceVersion": now["resourceVersion"], "description": "new"}
    changed = portal.send("PATCH", path, {**body, "secretLabels": {"b": "3"}, "ttl": "2h"})[
        "object"
    ]
    assert changed["spec"]["description"] == "new" and changed["spec"]["ttl"] == "2h"
    assert changed["spec"]["secret"]["labels"] == {"b": "3"}
    # Status alone is newer: the form about the spec is still right.
    stale = {**body, "resourceVersion": changed["metadata"]["resourceVersion"]}
    tokens.api.patch(f"{tokens.path}/{name}", {"metadata": {"labels": {"a": "b"}}})
    again = portal.send("PATCH", path, {**stale, "description": "newer"})["object"]
    assert again["spec"]["description"] == "newer" and again["metadata"]["labels"] == {"a": "b"}
    assert portal.send("PATCH", path, body, 409)["reason"] == "Conflict"
    assert portal.send("PATCH", path, {"uid": "other", "description": "x"}, 409)
    assert portal.send("PATCH", path, {"uid": meta["uid"]}, 400)
    emptied = portal.send("PATCH", path, {"uid": meta["uid"], "description": ""})["object"]
    assert "description" not in emptied["spec"]


def test_an_object_that_was_made_again_is_not_ended(portal, tokens, unique):
    name = unique()
    first = make(portal, name)
    tokens.delete(name)
    wait_for(lambda: tokens.get(name) is None, 20, f"{name} stays")
    make(portal, name)
    path = f"/api/tokens/team-a/{name}"
    assert portal.send("POST", f"{path}/revoke", {"uid": first["uid"]}, 409)
    assert portal.send("DELETE", f"{path}?uid={first['uid']}", None, 409)
    assert portal.send("DELETE", path, None, 400)["causes"][0]["field"] == "uid"
    assert tokens.get(name)["spec"].get("revoked") is not True


def test_signing_out_ends_the_sessions_tokens(portal, unique):
    own, named, kept = unique("own"), unique("named"), unique("kept")
    make(portal, own, autoDeleteWithSession=True)
    other = make(portal, named)
    make(portal, kept)
    for name in (own, named, kept):
        ready(portal, name)
    left = portal.send(
        "DELETE",
        "/api/session",
        {"temporary": [{"namespace": "team-a", "name": named, "uid": other["uid"]}]},
    )
    assert left["next"] == "/signin"
    for name in (own, named):
        assert portal.get(f"/api/tokens/team-a/{name}")["object"]["spec"]["revoked"] is True
    assert "revoked" not in portal.get(f"/api/tokens/team-a/{kept}")["object"]["spec"]


def test_no_value_and_no_key_is_in_any_log(admin, unique, cluster):
    name = unique()
    meta = make(admin, name)
    ready(admin, name)
    value = admin.send(
        "POST", f"/api/tokens/team-a/{name}/value", {"uid": meta["uid"], "revision": 1}
    )["value"]
    assert value not in admin.log() and admin.key not in admin.log()
    assert value not in cluster.audit_log.read_text()
