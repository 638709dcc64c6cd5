"""The portal has no authority of its own: every request is the viewer's, and RBAC and the mint
policy decide."""

import http.client

import pytest
from people import PEOPLE

AGENT = "kubectl-apitoken-web"
TRICKS = [
    "..",
    "%2e%2e",
    "a%2fb",
    "..%2f..%2fsecrets",
    "a%3fb",
    "a%23b",
    "a%00b",
    "A",
    "x" * 300,
    "a%0ab",
]


def form(name, **more):
    return {"name": name, "user": "user@example.com", "type": "Temporary", "ttl": "1h", **more}


def test_the_session_is_the_one_that_the_api_server_sees(web, operator):
    session = web("user@example.com").get("/api/session")
    assert session["user"] == "user@example.com" and "shop" in session["groups"]
    assert session["mode"] == "local" and session["defaultNamespace"] == "team-a"
    assert session["serverTime"].endswith("Z") and "." in session["serverTime"]
    assert session["features"]["readOnly"] is False


def test_a_viewer_sees_one_namespace_and_no_other_name(web, cluster, operator):
    portal = web("viewer@example.com")
    asked = portal.request("GET", "/api/namespaces?typed=team-b,no-such")
    assert asked.json() == {
        "all": False,
        "names": ["team-a"],
        "updated": "live",
        "source": "kubeconfig",
    }
    assert "team-b" not in asked.text and "no-such" not in asked.text
    assert portal.get("/api/tokens?ns=team-b", 403)["namespace"] == "team-b"
    assert portal.get("/api/tokens?scope=all", 403)["reason"] == "Forbidden"


def test_a_typed_namespace_counts_where_it_is_allowed(web, operator):
    found = web("viewer@example.com", namespace="team-b").get("/api/namespaces?typed=team-a")
    assert found["names"] == ["team-a"] and found["source"] == "typed"


def test_without_any_namespace_none_is_named(web, operator):
    found = web("nobody@example.com").get("/api/namespaces?typed=team-a,team-b")
    assert found["names"] == [] and found["all"] is False


def test_an_administrator_sees_all(web, operator):
    found = web("admin@example.com").get("/api/namespaces")
    assert found["all"] is True and {"team-a", "team-b"} <= set(found["names"])


def test_permissions_are_those_of_the_roles(web, operator):
    def allowed(person, ns="team-a"):
        answer = web(person).get(f"/api/rights?ns={ns}")
        assert all(r["role"] for group in ("tokens", "cluster") for r in answer[group].values())
        return {
            name
            for group in ("tokens", "cluster")
            for name, right in answer[group].items()
            if right["allowed"]
        }

    assert allowed("viewer@example.com") == {"list"}
    assert allowed("user@example.com") == {"list", "create", "patch", "delete"}
    assert "mintPermanent" in allowed("minter@example.com")
    assert allowed("nobody@example.com") == set()
    assert {"settingsRead", "settingsWrite", "settingsDelete"} <= allowed("settings@example.com")
    assert "impersonateUsers" in allowed("admin@example.com")
    assert allowed("viewer@example.com", "team-b") == set()


# What the page calls a permission, and what the API server is asked: (verb, group, resource).
OURS = "apitoken.dev"
IN_NAMESPACE = {
    "list": ("list", OURS, "apitokens"),
    "create": ("create", OURS, "apitokens"),
    "patch": ("patch", OURS, "apitokens"),
    "delete": ("delete", OURS, "apitokens"),
    "mintPermanent": ("mint-permanent", OURS, "apitokens"),
    "getSecrets": ("get", "", "secrets"),
    "listEvents": ("list", "events.k8s.io", "events"),
}
IN_CLUSTER = {
    "settingsRead": ("list", OURS, "tokenexpiryconfigs"),
    "settingsDelete": ("delete", OURS, "tokenexpiryconfigs"),
}


def may(api, verb, group, resource, ns="", name=""):
    """The API server's own word for one question."""
    asked = {"verb": verb, "group": group, "resource": resource, "namespace": ns, "name": name}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    made = api.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    return made["status"]["allowed"]


@pytest.mark.parametrize("person", PEOPLE)
def test_permissions_by_rules_are_those_of_a_review_each(web, cluster, operator, person):
    portal, api = web(person), cluster.api.impersonating(person)
    for ns, name in [("team-a", ""), ("team-a", "kept"), ("team-a", "other"), ("team-b", "")]:
        found = portal.get(f"/api/rights?ns={ns}&name={name}")
        said = {key: right["allowed"] for key, right in found["tokens"].items()}
        assert said == {
            key: may(api, *asked, ns, name if key == "getSecrets" else "")
            for key, asked in IN_NAMESPACE.items()
        }, (ns, name)
        for key, asked in IN_CLUSTER.items():
            assert found["cluster"][key]["allowed"] == may(api, *asked), key
        writes = [may(api, verb, OURS, "tokenexpiryconfigs") for verb in ("update", "create")]
        assert found["cluster"]["settingsWrite"]["allowed"] == all(writes)


def test_what_a_viewer_may_not_do_changes_nothing(web, tokens, operator, unique):
    name = unique()
    made = tokens.create(name, {"user": "somebody@example.com", "type": "Temporary"})
    uid = made["metadata"]["uid"]
    portal = web("viewer@example.com")
    path = f"/api/tokens/team-a/{name}"
    refused = [
        portal.send("POST", "/api/tokens/team-a", form(unique()), 403),
        portal.send("POST", f"{path}/revoke", {"uid": uid}, 403),
        portal.send("POST", f"{path}/rotate", {"uid": uid}, 403),
        portal.send("PATCH", path, {"uid": uid, "description": "mine"}, 403),
        portal.send("DELETE", f"{path}?uid={uid}", None, 403),
        portal.send("POST", f"{path}/value", {"uid": uid, "revision": None}, 403),
        portal.send("PUT", "/api/settings/mine", {"resourceVersion": "", "spec": {}}, 403),
    ]
    for problem in refused:
        assert problem["status"] == 403 and problem["remedy"] and problem["message"]
    after = tokens.get(name)
    assert after["spec"] == made["spec"] and "annotations" not in after["metadata"]
    tokens.delete(name)


def test_the_policys_sentence_stands_at_the_users_field(web, operator, unique):
    portal = web("user@example.com")
    other = portal.request("POST", "/api/tokens/team-a", form(unique(), user="bob@example.com"))
    assert other.status_code in (403, 422)
    (cause,) = other.json()["causes"]
    assert cause["field"] == "user" and "bob@example.com" in cause["message"]
    permanent = portal.request("POST", "/api/tokens/team-a", form(unique(), type="Permanent"))
    assert permanent.json()["causes"][0]["field"] == "type"


@pytest.mark.parametrize("trick", TRICKS)
def test_path_tricks_reach_no_api_server(web, cluster, operator, trick):
    portal = web("admin@example.com")
    before = len(cluster.audited(AGENT))
    for method, path in [
        ("GET", f"/api/tokens/{trick}/ci"),
        ("GET", f"/api/tokens/team-a/{trick}"),
        ("POST", f"/api/tokens/{trick}"),
        ("DELETE", f"/api/tokens/team-a/{trick}?uid=x"),
        ("POST", f"/api/tokens/team-a/{trick}/value"),
        ("PUT", f"/api/settings/{trick}"),
        ("GET", f"/api/tokens?ns={trick}"),
        ("GET", f"/api/namespaces?typed={trick}"),
        ("GET", f"/api/rights?ns={trick}"),
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=30)
        headers = portal.headers(**{"Content-Type": "application/json"})
        connection.request(method, path, body="{}" if method != "GET" else None, headers=headers)
        answer = connection.getresponse()
        assert answer.status == 400, f"{method} {path}: {answer.status}"
        answer.read()
    assert len(cluster.audited(AGENT)) == before


def test_the_audit_log_names_the_viewer_and_nobody_else(web, cluster, operator, unique):
    portal = web("user@example.com")
    name = unique()
    before = len(cluster.audited(AGENT))
    made = portal.send("POST", "/api/tokens/team-a", form(name), 201)["object"]
    portal.get(f"/api/tokens/team-a/{name}")
    portal.get("/api/namespaces")
    portal.get("/api/rights?ns=team-a")
    portal.send("DELETE", f"/api/tokens/team-a/{name}?uid={made['metadata']['uid']}")
    events = cluster.wait_audited(AGENT, before + 5)[before:]
    assert {event["user"]["username"] for event in events} == {"user@example.com"}
    assert not any("impersonatedUser" in event for event in events)
    assert not any(e.get("objectRef", {}).get("resource") == "secrets" for e in events)
    writes = [e for e in events if e["verb"] == "create" and "apitokens" in e["requestURI"]]
    assert writes and all(f"fieldManager={AGENT}" in e["requestURI"] for e in writes)


def test_impersonation_headers_of_the_browser_go_nowhere(web, cluster, operator):
    portal = web("viewer@example.com")
    headers = portal.headers(**{"Impersonate-User": "admin@example.com"})
    answer = portal.request("GET", "/api/session", headers=headers)
    assert answer.json()["user"] == "viewer@example.com"


def test_read_only_refuses_all_that_changes_something(web, tokens, operator, unique):
    portal = web("admin@example.com", "--read-only")
    assert portal.get("/api/session")["features"]["readOnly"] is True
    for method, path, body in [
        ("POST", "/api/tokens/team-a", form(unique())),
        ("PATCH", "/api/tokens/team-a/x", {"uid": "x"}),
        ("DELETE", "/api/tokens/team-a/x?uid=x", None),
        ("POST", "/api/tokens/team-a/x/revoke", {"uid": "x"}),
        ("POST", "/api/tokens/team-a/x/rotate", {"uid": "x"}),
        ("PUT", "/api/settings/x", {"spec": {}}),
        ("DELETE", "/api/settings/x?uid=x", None),
        ("POST", "/api/settings/x/test-mail", {}),
    ]:
        assert portal.send(method, path, body, 403)["reason"] == "ReadOnly", path
