"""Door 2: signing in with an OpenID provider, with a token, and by a proxy's header; cookies, ends
and sign-out."""

import json
import subprocess
import time
import urllib.parse

import pytest
from whole import WHOLE

from portal import COOKIE, PORTAL, SIGN_IN_COOKIE, step_of
from testbed.waiting import SCALE, wait_for

VIEWER, USER = "viewer@example.com", "user@example.com"


def attributes(answer, name):
    """(value, attributes) of the cookie that an answer sets."""
    for line in answer.raw.headers.getlist("Set-Cookie"):
        first, *rest = line.split("; ")
        if first.split("=")[0] == name:
            return first.partition("=")[2], set(rest)
    raise AssertionError(f"{name} is not set: {answer.headers}")


# --- with the issuer ----------------------------------------------------------------------------


def test_people_sign_in_with_their_issuer(oidc_portal, cluster):
    browser = oidc_portal.browser()
    assert browser.get("/api/session", 401)["signIn"] == ["oidc", "token"]
    started = browser.start("/faults?sort=expiry")
    assert started.status_code == 302
    asked = dict(urllib.parse.parse_qsl(started.headers["Location"].partition("?")[2]))
    assert asked["code_challenge_method"] == "S256" and asked["response_type"] == "code"
    assert asked["redirect_uri"] == f"{oidc_portal.url}/signin/callback"
    done = browser.visit(browser.at_issuer(started.headers["Location"], VIEWER))
    assert done.status_code == 303 and done.headers["Location"] == "/faults?sort=expiry"
    session = browser.get("/api/session")
    assert session["user"] == VIEWER and session["mode"] == "cluster"
    assert "oidc:shop" in session["groups"] and session["features"]["signOut"]
    assert browser.get("/api/namespaces?typed=team-a,team-b")["names"] == ["team-a"]
    seen = cluster.wait_audited("apitoken-portal", 2)
    assert VIEWER in {event["user"]["username"] for event in seen}
    assert not any("impersonatedUser" in event for event in seen)


def test_the_cookies_say_how_they_are_to_be_kept(oidc_portal):
    browser = oidc_portal.browser()
    started = browser.start()
    value, kept = attributes(started, SIGN_IN_COOKIE)
    assert kept == {"Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=600"}
    asked = urllib.parse.parse_qs(started.headers["Location"].partition("?")[2])
    assert asked["state"][0] not in value and asked["nonce"][0] not in value
    done = browser.visit(browser.at_issuer(started.headers["Location"]))
    value, kept = attributes(done, COOKIE)
    assert kept == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} and len(value) == 43
    value, kept = attributes(done, SIGN_IN_COOKIE)
    assert value == "" and "Max-Age=0" in kept
    assert done.headers["Cache-Control"] == "no-store"


def test_each_sign_in_makes_a_new_session_and_ends_the_old_one(oidc_portal):
    browser = oidc_portal.browser()
    browser.http.cookies.set(COOKIE, "A" * 43, domain="127.0.0.1", path="/", secure=True)
    browser.oidc(VIEWER)
    first = browser.cookie
    assert first != "A" * 43
    browser.oidc(VIEWER)
    second = browser.cookie
    assert second != first and browser.get("/api/session")["user"] == VIEWER
    browser.http.cookies.set(COOKIE, first, domain="127.0.0.1", path="/", secure=True)
    browser.get("/api/session", 401)


def test_a_wrong_state_and_a_foreign_browser_are_refused(oidc_portal):
    browser, other = oidc_portal.browser(), oidc_portal.browser()
    callback = browser.at_issuer(browser.start().headers["Location"])
    assert step_of(other.visit(callback))[0] == "state"
    other.start()
    assert step_of(other.visit(callback))[0] == "state"
    wrong = callback.replace("state=", "state=x")
    assert step_of(browser.visit(wrong))[0] == "state"
    assert browser.cookie is None and other.cookie is None
    browser.get("/api/session", 401)


def test_a_code_and_a_cookie_are_good_once(oidc_portal):
    browser = oidc_portal.browser()
    started = browser.start()
    cookie, _ = attributes(started, SIGN_IN_COOKIE)
    callback = browser.at_issuer(started.headers["Location"])
    assert browser.visit(callback).headers["Location"] == "/"
    thief = oidc_portal.browser()
    thief.http.cookies.set(SIGN_IN_COOKIE, cookie, domain="127.0.0.1", path="/", secure=True)
    assert step_of(thief.visit(callback))[0] == "state"
    # The issuer refuses the code by itself, too.
    code = urllib.parse.parse_qs(callback.partition("?")[2])["code"][0]
    again = oidc_portal.browser()
    state = urllib.parse.parse_qs(again.start().headers["Location"].partition("?")[2])["state"][0]
    assert (
        step_of(again.visit(f"{oidc_portal.url}/signin/callback?code={code}&state={state}"))[0]
        == "code"
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"azp": "another-client"},
        {"iss": "https://evil.example"},
        {"exp": 1_000_000_000},
        {"sub": ""},
    ],
    ids=json.dumps,
)
def test_an_id_token_for_somebody_else_makes_no_session(oidc_portal, issuer, claims):
    issuer.claims = claims
    browser = oidc_portal.browser()
    step, incident = step_of(browser.oidc())
    assert step == "claims" and browser.cookie is None
    assert f"id={incident}" in oidc_portal.log()
    assert f"claim {next(iter(claims))}" in oidc_portal.log()
    browser.get("/api/session", 401)


def test_what_the_api_server_does_not_accept_makes_no_session(oidc_portal, issuer):
    issuer.claims = {"email_verified": False}
    browser = oidc_portal.browser()
    assert step_of(browser.oidc())[0] == "cluster"
    browser.get("/api/session", 401)


def test_a_refusal_differs_from_an_absent_issuer(oidc_portal, issuer):
    browser = oidc_portal.browser()
    issuer.refused = "access_denied"
    assert step_of(browser.oidc())[0] == "refused"
    issuer.reset()
    issuer.away = True
    assert step_of(browser.oidc())[0] == "issuer"
    assert browser.cookie is None


@pytest.mark.parametrize(
    "to",
    [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://evil.example/",
        "\\\\evil",
        "/\t/e",
    ],
)
def test_signing_in_leads_to_no_other_site(oidc_portal, to):
    assert oidc_portal.browser().oidc(to=to).headers["Location"] == "/"


def test_an_issuer_under_another_ca_is_not_trusted(make_portal, issuer, oidc_flags, tmp_path):
    from testbed.certificates import Authority

    other = Authority(tmp_path / "other", "other-ca")
    flags = [flag for flag in oidc_flags if not flag.startswith("--oidc-ca-file")]
    portal = make_portal(*flags, f"--oidc-ca-file={other.file}", oidc=True)
    assert step_of(portal.browser().start())[0] == "issuer"
    assert "certificate" in portal.log()


def test_a_confidential_client_shows_its_secret_to_the_issuer_alone(
    make_portal, issuer, oidc_flags, tmp_path
):
    secret = tmp_path / "client-secret"
    secret.write_text("c1ient:s3cret/+\n")
    issuer.require_secret = "c1ient:s3cret/+"
    portal = make_portal(*oidc_flags, f"--oidc-client-secret-file={secret}", oidc=True)
    assert portal.browser().oidc().headers["Location"] == "/"
    assert "s3cret" not in portal.log()


# --- ends ---------------------------------------------------------------------------------------


def test_a_short_id_token_is_renewed_without_a_visible_step(oidc_portal, issuer):
    issuer.lifetime, seconds = (60, 300) if WHOLE else (12, 26)
    browser = oidc_portal.browser()
    browser.oidc(VIEWER)
    issued = len(issuer.issued)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        session = browser.get("/api/session")
        assert session["user"] == VIEWER
        assert browser.get("/api/namespaces?typed=team-a")["names"] == ["team-a"]
        time.sleep(0.5)
    assert (
        len(issuer.issued) >= issued + 4
    )  # at least two renewals, each an id_token and a refresh token
    assert len(issuer.issued) <= issued + (24 if WHOLE else 10)


def test_without_refresh_the_session_ends_with_the_token_and_says_so_before(oidc_portal, issuer):
    issuer.refreshes, issuer.lifetime = "off", 8
    browser = oidc_portal.browser()
    browser.oidc(VIEWER)
    session = browser.get("/api/session")
    now = session["serverTime"][:19]
    assert session["warnAt"][:19] <= now < session["endsAt"][:19]
    wait_for(
        lambda: browser.request("GET", "/api/session").status_code == 401,
        20,
        "the session outlives its token",
    )


def test_an_issuer_that_sends_no_id_token_on_refresh_ends_the_session_with_the_last(
    oidc_portal, issuer
):
    issuer.refreshes, issuer.lifetime = "silent", 8
    browser = oidc_portal.browser()
    browser.oidc(VIEWER)
    browser.get("/api/session")
    wait_for(
        lambda: browser.request("GET", "/api/session").status_code == 401,
        20,
        "the session outlives its token",
    )


def test_a_renewal_for_somebody_else_is_refused(oidc_portal, issuer):
    issuer.lifetime = 5
    browser = oidc_portal.browser()
    browser.oidc(VIEWER)
    issuer.claims = {"sub": f"id-{USER}", "email": USER}
    seen = set()

    def over():
        answer = browser.request("GET", "/api/session")
        seen.add(answer.json().get("user"))
        return answer.status_code == 401

    wait_for(over, 20, "the session goes on")
    assert seen <= {VIEWER, None}


def test_signing_out_ends_the_session_at_once_and_leads_to_the_issuer(oidc_portal, issuer):
    browser = oidc_portal.browser()
    browser.oidc(VIEWER)
    cookie = browser.cookie
    answer = browser.request("DELETE", "/api/session", {})
    assert answer.status_code == 200
    following = answer.json()["next"]
    assert following.startswith(
        f"{issuer.url}/logout?client_id=apitoken-portal&post_logout_redirect_uri="
    )
    assert not any(secret in following for secret in issuer.issued)
    assert attributes(answer, COOKIE)[1] >= {"Max-Age=0", "Secure", "HttpOnly"}
    browser.http.cookies.set(COOKIE, cookie, domain="127.0.0.1", path="/", secure=True)
    for path in [
        "/api/session",
        "/api/namespaces",
        "/api/rights?ns=team-a",
        "/api/tokens?ns=team-a",
    ]:
        browser.get(path, 401)


def test_a_stream_ends_with_the_session(oidc_portal):
    browser = oidc_portal.browser()
    browser.oidc(VIEWER)
    stream = browser.http.get(
        f"{oidc_portal.url}/api/tokens?ns=team-a",
        headers=browser.page,
        stream=True,
        timeout=(10, 60 * SCALE),
    )
    lines = stream.iter_lines(chunk_size=1)
    assert "columns" in json.loads(next(lines))
    browser.send("DELETE", "/api/session", {})
    for _ in lines:  # to its end
        pass


def test_a_restart_ends_all_sessions_and_one_press_signs_in_again(make_portal, oidc_flags):
    portal = make_portal(*oidc_flags, oidc=True)
    browser = portal.browser()
    browser.oidc(VIEWER)
    portal.stop()
    again = make_portal(*oidc_flags, oidc=True, port=portal.port)
    browser.portal = again
    browser.get("/api/session", 401)
    browser.oidc(VIEWER)
    assert browser.get("/api/session")["user"] == VIEWER


# --- with a token -------------------------------------------------------------------------------


def test_a_token_of_the_cluster_signs_in(portal, cluster):
    browser = portal.browser()
    assert browser.get("/api/session", 401)["signIn"] == ["token"]
    answer = browser.sign_in(cluster.tokens[USER])
    assert answer.status_code == 200 and answer.json()["user"] == USER
    assert attributes(answer, COOKIE)[1] == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"}
    first = browser.cookie
    browser.sign_in(cluster.tokens[VIEWER])
    assert browser.get("/api/session")["user"] == VIEWER
    browser.http.cookies.set(COOKIE, first, domain="127.0.0.1", path="/", secure=True)
    browser.get("/api/session", 401)


def test_a_service_accounts_token_signs_in_until_its_end(portal, cluster):
    token = cluster.kubectl(
        "create", "token", "default", "-n", "team-a", "--duration=10m"
    ).stdout.strip()
    browser = portal.browser()
    session = browser.sign_in(token).json()
    assert session["user"] == "system:serviceaccount:team-a:default"
    ends = time.mktime(time.strptime(session["endsAt"], "%Y-%m-%dT%H:%M:%SZ"))
    now = time.mktime(time.strptime(session["serverTime"][:19], "%Y-%m-%dT%H:%M:%S"))
    assert 500 < ends - now <= 600
    portal.secrets.append(token)


def test_wrong_expired_and_empty_tokens_get_a_sentence_each(make_portal, cluster, issuer):
    browser = make_portal().browser()
    for token in ["wrong", f"apt_{'a' * 46}", issuer.bearer(VIEWER, lifetime=-60)]:
        answer = browser.sign_in(token)
        assert answer.status_code == 401
        assert answer.json()["message"].startswith(
            "The cluster does not know this token, or it has"
        )
    for token in ["", "   ", "two words", "new\nline", "ü"]:
        answer = browser.sign_in(token)
        assert answer.status_code == 400, token
        assert answer.json()["causes"][0]["field"] == "token"
    assert browser.cookie is None


@pytest.mark.parametrize("body", ["", "[]", '"x"', '{"token":1}', "{", '{"token":null}'])
def test_a_body_that_is_no_form_is_refused(make_portal, body):
    browser = make_portal().browser()
    answer = browser.request(
        "POST", "/api/session", headers={"Content-Type": "application/json"}, data=body
    )
    assert answer.status_code == 400, answer.text


def test_the_eleventh_try_in_a_minute_waits(make_portal, cluster):
    portal = make_portal()
    browser = portal.browser()
    for _ in range(10):
        assert browser.sign_in("wrong").status_code == 401
    answer = browser.sign_in(cluster.tokens[VIEWER])
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert browser.cookie is None


def test_too_many_sessions_are_refused_and_ones_own_oldest_goes(make_portal, cluster):
    portal = make_portal("--sessions-max=2")
    portal.signed_in(VIEWER), portal.signed_in(USER)
    assert portal.browser().sign_in(cluster.tokens["admin@example.com"]).status_code == 429
    assert portal.metrics().value("portal_sessions") == 2


# --- by a header --------------------------------------------------------------------------------


def test_a_proxys_header_is_passed_on_and_nothing_else_is_trusted(make_portal, cluster):
    portal = make_portal("--auth=header", "--plain-http")
    browser = portal.browser()
    assert browser.get("/api/session", 401)["signIn"] == ["header"]
    trusted_elsewhere = {
        "X-Remote-User": "admin@example.com",
        "X-Forwarded-User": "admin@example.com",
        "X-Auth-Request-Email": "admin@example.com",
        "Impersonate-User": "admin@example.com",
    }
    assert browser.request("GET", "/api/session", headers=trusted_elsewhere).status_code == 401
    for wrong in ["Basic YTpi", "Bearer ", "Bearer", cluster.tokens[VIEWER], "Portal x"]:
        answer = browser.request("GET", "/api/session", headers={"Authorization": wrong})
        assert answer.status_code == 401, wrong
    for person in (VIEWER, USER, VIEWER):
        bearer = {"Authorization": f"Bearer {cluster.tokens[person]}"} | trusted_elsewhere
        answer = browser.request("GET", "/api/session", headers=bearer)
        assert answer.status_code == 200 and answer.json()["user"] == person
        assert "Set-Cookie" not in answer.headers
    unknown = browser.request("GET", "/api/session", headers={"Authorization": "Bearer wrong"})
    assert unknown.status_code == 401
    assert browser.sign_in(cluster.tokens[VIEWER]).status_code == 404


def test_without_header_mode_an_authorization_header_is_nothing(portal, cluster):
    bearer = {"Authorization": f"Bearer {cluster.tokens[VIEWER]}"}
    assert portal.browser().request("GET", "/api/session", headers=bearer).status_code == 401


def test_plain_http_for_other_hosts_is_refused_at_start():
    for address in [":8444", "0.0.0.0:8444", "192.0.2.1:8444", "[::]:8444"]:
        done = subprocess.run(
            [PORTAL, "--auth=header", "--plain-http", f"--bind-address={address}"],
            text=True,
            capture_output=True,
            timeout=20 * SCALE,
        )
        assert (
            done.returncode == 2
            and "--plain-http needs a --bind-address on loopback" in done.stderr
        )
