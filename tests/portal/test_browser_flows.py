"""What people do, in a real browser against the real operator and API server, through
`kubectl apitoken web`."""

import http.server
import json
import re
import threading
import time

import pytest
from selenium.webdriver.common.keys import Keys
from whole import WHOLE

from testbed.tokens import well_formed
from testbed.verifying import auth, is_valid
from testbed.waiting import eventually, let_pass, wait_for

STORES = """return JSON.stringify([document.documentElement.outerHTML, {...localStorage},
  {...sessionStorage}, history.state, document.cookie, location.href,
  [...document.querySelectorAll('input')].map((i) => i.value)])"""
IN_BOTH = pytest.mark.parametrize("browser", ["chromium", "firefox"], indirect=True)
PASTE = """arguments[0].value = arguments[1];
  arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"""


@pytest.fixture(autouse=True)
def _operator(operator):
    """Every flow needs somebody who mints."""


def make(browser, name, start="Create a new token"):
    """From the list through the pane; the value that the window shows."""
    browser.click(start)
    browser.fill("Token Name", name)
    browser.click("Create")
    return browser.value_shown()


@IN_BOTH
def test_one_press_copies_a_temporary_token_of_the_viewer(door, operator, cluster):
    browser = door("owner@example.com", "/profile")
    browser.wait_text("Temporary API token")
    browser.click("Copy temporary token")
    browser.wait_text("Copied. It works until", timeout=20)
    value = browser.clipboard()
    assert well_formed(value)
    answer = auth(operator, value)
    assert answer.status_code == 200
    assert answer.headers["X-Auth-Request-User"] == "owner@example.com"
    mine = [
        t
        for t in cluster.api.get("/apis/apitoken.dev/v1alpha1/namespaces/team-a/apitokens")["items"]
        if t["metadata"]["name"].startswith("portal-owner-")
    ]
    assert len(mine) == 1 and mine[0]["spec"]["type"] == "Temporary"
    assert mine[0]["spec"]["ttlAfterExpired"] == "1h"

    browser.js("navigator.clipboard.writeText('something else')")
    browser.click("Copy temporary token")
    wait_for(lambda: browser.clipboard() == value, 10, "the second press copies another value")
    path = f"/apis/apitoken.dev/v1alpha1/namespaces/team-a/apitokens/{mine[0]['metadata']['name']}"
    assert cluster.api.get(path)["status"]["revision"] == 1

    browser.click("End it now")
    browser.wait_text("The temporary token was ended.")
    wait_for(lambda: not is_valid(operator, value), 5, "the ended token still works")


@IN_BOTH
def test_a_token_is_made_from_the_page_of_its_user_and_shown_once(door, operator, unique):
    user, name = f"{unique('bob')}@example.com", unique("ci")
    browser = door("admin@example.com", f"/users/{user}")
    browser.wait_text(f"No token speaks for {user} yet.")
    browser.sent()
    value = make(browser, name, start="Add")
    assert well_formed(value) and is_valid(operator, value)
    for fact in (user, "Expires", "Warnings", "30 days before"):
        browser.wait_text(fact, "dialog")
    browser.click("Copy")
    browser.wait_text("Copied.")
    assert browser.clipboard() == value
    browser.click("I have stored it")
    browser.wait_text(name, ".rows")
    assert value not in browser.js(STORES), "the value is still on the page or in a store"
    assert not [s for s in browser.sent() if value in s[1] + s[2]], "the value was sent"
    answer = browser.web.get(f"/api/tokens/team-a/{name}")
    assert value not in json.dumps(answer)
    browser.driver.refresh()
    browser.wait_text(name, ".rows")
    assert value not in browser.js(STORES)


def test_nothing_but_the_tab_can_read_a_shown_value(door, cluster, secret_objects, unique):
    browser, name = door("user@example.com", "/profile"), unique("sealed")
    browser.wait_text("My tokens")
    browser.sent()
    browser.js(
        "const made = crypto.subtle.generateKey.bind(crypto.subtle);"
        "crypto.subtle.generateKey = async (...a) => (window.__pair = await made(...a))"
    )
    value = make(browser, name, start="Add")
    asked = [url for _, url, _ in browser.sent()]
    assert not [url for url in asked if url.endswith("/value")], "a Secret was asked for"
    secret = secret_objects.get(name)
    assert "token" not in secret["data"] and "token.jwe" in secret["data"]
    stored = cluster.api.get(f"/apis/apitoken.dev/v1alpha1/namespaces/team-a/apitokens/{name}")
    assert value not in json.dumps([secret, stored])
    extractable = browser.js_async(
        "return crypto.subtle.exportKey('jwk', window.__pair.privateKey)"
        ".then(() => 'yes', () => 'no')"
    )
    assert extractable == "no"
    browser.click("I have stored it")


def test_permanent_tokens_are_not_offered_to_those_who_may_not_make_them(door):
    browser = door("user@example.com", "/profile/new")
    browser.wait_text("Create a new token", "dialog")
    wait_for(
        lambda: "mint-permanent" in browser.text("#type-why"),
        10,
        lambda: browser.text("dialog"),
    )
    radio = browser.one("input[name=type]")
    assert not radio.is_enabled()
    assert radio.get_attribute("aria-describedby") == "type-why"


@IN_BOTH
def test_a_viewer_sees_one_namespace_and_may_change_nothing(door, tokens, unique):
    name = unique("seen")
    tokens.create(name, {"user": "alice@example.com"})
    browser = door("viewer@example.com", "/tokens")
    browser.wait_text(name, ".rows")
    assert "team-b" not in browser.js("return document.body.textContent")
    browser.driver.get(f"{browser.web.url}/tokens/team-a/{name}")
    browser.wait_text("Works")
    for words in ("Renew", "Revoke"):
        wait_for(
            lambda words=words: "apitoken-user" in browser.disabled_why(words),
            10,
            lambda words=words: browser.disabled_why(words),
        )
    before = tokens.get(name)["metadata"]["resourceVersion"]
    browser.js("arguments[0].click()", browser.control("Revoke"))
    browser.settle()
    assert not browser.all("dialog[open]")
    forced = browser.web.request(
        "POST", f"/api/tokens/team-a/{name}/revoke", {"uid": tokens.get(name)["metadata"]["uid"]}
    )
    assert forced.status_code == 403
    assert tokens.get(name)["metadata"]["resourceVersion"] == before
    browser.click("Tokens")
    wait_for(
        lambda: "apitoken-user" in browser.disabled_why("Create a new token"),
        10,
        "making a token is offered",
    )
    browser.driver.get(f"{browser.web.url}/tokens/new")
    wait_for(lambda: "team-a" in browser.disabled_why("Create"), 10, "Create is offered")


def test_a_namespace_of_others_is_refused_in_every_list(door):
    browser = door("viewer@example.com", "/tokens?ns=team-b")
    browser.expected = ("403",)
    for page in ("Tokens", "Users", "Faults…", "Profile"):
        browser.click(page)
        browser.wait_text("You may not list tokens in team-b.", "main")
        assert "Ask for the role apitoken-viewer" in browser.text("main"), page
    browser.click("What the server said", "summary")
    browser.wait_text("viewer@example.com", ".problem details")
    assert not browser.all(".empty"), browser.text("main")


def test_the_menu_of_a_row_says_what_the_viewer_may_not_do(door, tokens, unique):
    name = unique("seen")
    tokens.create(name, {"user": "alice@example.com", "type": "Temporary"})
    browser = door("viewer@example.com", "/tokens")
    browser.wait_text(name, ".rows")
    browser.click(f"Actions for {name}")
    browser.wait_text("You may not delete tokens in team-a. The role apitoken-user", ".pop")
    browser.wait_text("You may not renew, revoke or change tokens in team-a.", ".pop")
    blocked = "return [...document.querySelectorAll('.pop [aria-disabled]')].map(e => e.innerText)"
    assert [text.split()[0] for text in browser.js(blocked)] == ["Renew", "Revoke", "Delete"]
    tokens.delete(name)


def test_permissions_taken_away_are_said_and_nobody_is_signed_out(door, cluster, tokens, unique):
    person, name = "nobody@example.com", unique("kept")
    tokens.create(name, {"user": person, "type": "Temporary"})
    cluster.grants.grant(person, "apitoken-user")
    binding = cluster.grants.made[-1]
    cluster.grants.in_force()
    browser = door(person, "/tokens")
    browser.wait_text(name, ".rows")
    browser.js("document.querySelector(`[data-row][href$='/${arguments[0]}']`).click()", name)
    browser.wait_text("Works")
    browser.click("Revoke")
    wait_for(lambda: not browser.disabled_why("Revoke"), 10, "Revoke is not offered")
    cluster.api.delete(binding)
    cluster.grants.in_force()
    browser.expected = ("403",)
    browser.js("[...document.querySelectorAll('dialog .button.main')].at(-1).click()")
    browser.wait_text("Ask somebody who manages permissions in this cluster", "dialog")
    assert person in browser.text("dialog"), "the API server's own words are missing"
    browser.click("Cancel")
    browser.click("Tokens")
    browser.wait_text(name, ".rows")
    before = len(cluster.audited("kubectl-apitoken-web"))
    let_pass(2)
    assert len(cluster.audited("kubectl-apitoken-web")) - before < 6, "the page asks in a loop"
    assert name in browser.names() and not tokens.get(name)["spec"].get("revoked")


def test_another_users_name_is_refused_at_its_field(door, unique):
    browser = door("user@example.com", "/tokens/new")
    browser.fill("Token Name", unique("foreign"))
    browser.fill("For user", "ceo@example.com")
    browser.expected = ("403",)
    browser.click("Create")
    browser.wait_text("For user:", ".summary")
    error = browser.one("#f-user-e").text
    assert "ceo@example.com" in error, error
    assert browser.one("#f-user").get_attribute("aria-invalid") == "true"
    assert browser.one("#f-user").get_attribute("value") == "ceo@example.com"


def test_a_renewal_says_both_expiries_and_gives_a_new_value(door, operator, tokens, unique):
    browser, name = door(), unique("renew")
    browser.wait_text("Tokens")
    old = make(browser, name)
    browser.click("I have stored it")
    browser.driver.get(f"{browser.web.url}/tokens/team-a/{name}")
    browser.wait_text("Works")
    browser.click("Renew")
    browser.wait_text("New expiry:", "dialog")
    assert "(was " in browser.text("dialog") and "overlap" in browser.text("dialog")
    browser.js("[...document.querySelectorAll('dialog .button.main')].at(-1).click()")
    new = browser.value_shown()
    assert new != old and well_formed(new)
    assert is_valid(operator, new)
    assert is_valid(operator, old), "the previous value must work until the overlap ends"
    browser.click("I have stored it")
    wait_for(lambda: tokens.get(name)["status"]["revision"] == 2, 10, "no second revision")


def test_a_revoked_token_stops_within_a_second_and_is_not_renewed(door, operator, tokens, unique):
    browser, name = door(), unique("revoke")
    browser.wait_text("Tokens")
    value = make(browser, name)
    browser.click("I have stored it")
    assert is_valid(operator, value)  # and so it was used today
    wait_for(lambda: tokens.get(name)["status"].get("lastUsedAt"), 20, "no use was recorded")
    browser.driver.get(f"{browser.web.url}/tokens/team-a/{name}")
    browser.wait_text("Last used")
    browser.click("Revoke")
    browser.wait_text("It is in use.", "dialog")
    assert browser.disabled_why("Revoke")
    browser.fill(f"It is in use. Type {name} to go on", name)
    browser.js("[...document.querySelectorAll('dialog .button.main')].at(-1).click()")
    browser.wait_text("Revoked at")
    wait_for(lambda: not is_valid(operator, value), 3, "a revoked token works")
    browser.wait_text("Revoked", ".badge")
    assert "cannot be renewed" in browser.disabled_why("Renew")


def test_bad_input_is_refused_at_its_field_and_kept(door, tokens, unique):
    taken = unique("taken")
    tokens.create(taken, {"user": "alice@example.com"})
    browser = door("owner@example.com", "/tokens/new")
    browser.click("Create")
    browser.wait_text("Token Name: Give it a name.", ".summary")
    assert browser.js("return document.activeElement.className") == "summary"
    browser.fill("Token Name", "CI Deploy")
    browser.click("Create")
    browser.wait_text("small letters", "#f-name-e")
    browser.click("ci-deploy")
    assert browser.field("Token Name").get_attribute("value") == "ci-deploy"
    browser.fill("Token Name", taken)
    browser.expected = ("409", "403", "422")
    browser.keys(Keys.TAB)
    browser.wait_text("exists in team-a already", "#f-name-e")
    browser.click("Create")
    browser.wait_text("exists in team-a already", "#f-name-e")
    assert browser.field("Token Name").get_attribute("value") == taken

    browser.fill("Token Name", unique("bad"))
    browser.fill("What is it for?", "x" * 300)
    browser.click("Create")
    browser.wait_text("At most 256 characters; this has 300.")
    browser.fill("What is it for?", "")
    browser.js("document.getElementById('f-ttl').click()")
    date = browser.field("Date and time")
    browser.js(
        "arguments[0].value = '2020-01-01T00:00'; arguments[0].dispatchEvent(new Event('input', "
        "{bubbles: true}))",
        date,
    )
    browser.click("Create")
    browser.wait_text("Choose a time after")
    browser.js("document.querySelectorAll('input[name=ttl]')[0].click()")

    browser.click("More", "summary")
    browser.fill("Groups", "not-mine")
    browser.click("Create")
    browser.wait_text("Groups:", ".summary")
    browser.fill("Groups", "")

    browser.js("document.querySelectorAll('input[name=way]')[2].click()")
    browser.sent()
    box = browser.one("textarea")
    private = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----"
    browser.js(PASTE, box, private)
    browser.wait_text("This is a private key. It was not sent.")
    assert browser.one("textarea").get_attribute("value") == ""
    browser.js(
        PASTE, browser.one("textarea"), '{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"SECRET"}'
    )
    browser.wait_text("This is a private key. It was not sent.")
    assert not [b for _, _, b in browser.sent() if "PRIVATE KEY" in b or "SECRET" in b]
    browser.js(PASTE, browser.one("textarea"), '{"kty":"RSA","n":"' + "A" * 170 + '","e":"AQAB"}')
    browser.click("Create")
    browser.wait_text("Certificate (PEM) or public JWK:", ".summary")


def test_a_ceiling_is_offered_and_held(door, settings, tokens, unique):
    name = unique("ceiling")
    config = unique("cfg")
    settings.create(config, {"warnBeforeDays": 5, "lifetimes": {"permanent": {"max": "720h"}}})
    browser = door("admin@example.com", "/tokens/new")
    browser.wait_text(f"TokenExpiryConfig {config} allows 30 days.")
    choices = {c.text: c for c in browser.all(".choice")}
    disabled = {
        text: c.find_element("css selector", "input").get_attribute("disabled")
        for text, c in choices.items()
    }
    assert disabled["90 days"] and disabled["1 year"] and not disabled["30 days"]
    browser.fill("Token Name", name)
    browser.js("document.getElementById('f-ttl').click()")
    beyond = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 40 * 86400))
    browser.js(PASTE, browser.field("Date and time"), beyond)
    browser.sent()
    browser.click("Create")
    browser.wait_text("At most 30 days from now.")
    assert not [u for method, u, _ in browser.sent() if method == "POST" and "/api/tokens/" in u]
    choices["30 days"].click()
    browser.wait_text("Expires ")
    browser.click("Create")
    browser.value_shown()
    assert tokens.get(name)["status"]["ttl"].startswith("720h")
    browser.click("I have stored it")


def test_leaving_a_shown_value_asks_and_a_refused_copy_is_said(door, unique):
    browser, name = door(), unique("leave")
    browser.wait_text("Tokens")
    value = make(browser, name)
    browser.allow_clipboard(browser.web.url, allowed=False)
    browser.click("Copy")
    browser.wait_text("Your browser did not allow it. Select the text and press Ctrl+C.")
    chosen = browser.js(
        "const f = document.getElementById('value'); return f.value.slice(f.selectionStart, "
        "f.selectionEnd)"
    )
    assert chosen == value
    browser.keys(Keys.ESCAPE)
    browser.wait_text("Have you stored it?")
    browser.click("Not yet")
    assert browser.value_shown() == value
    asked = browser.js(
        "const e = new Event('beforeunload', {cancelable: true}); dispatchEvent(e); return "
        "e.defaultPrevented"
    )
    assert asked, "closing the tab does not ask"
    browser.click("I have stored it")
    wait_for(lambda: not browser.all("dialog[open]"), 5, "the window stays")


def test_many_are_revoked_at_once_and_the_refused_are_named(door, tokens, unique):
    stem, count, gone = unique("bulk"), 300 if WHOLE else 12, 3 if WHOLE else 1
    for i in range(count):
        tokens.create(f"{stem}-{i}", {"user": "alice@example.com"})
    tokens.create(unique("other"), {"user": "alice@example.com"})  # not found by the search
    browser = door("admin@example.com", f"/tokens?q={stem}")
    browser.wait_text(f"{count} of", ".tally")
    browser.js("document.querySelector('.header input[type=checkbox]').click()")
    browser.wait_text(f"{count} chosen")
    browser.click("Revoke")
    browser.wait_text(f"Type {count} to go on", "dialog")
    for i in range(gone):
        tokens.delete(f"{stem}-{i}")  # and so it is refused, by its uid
    browser.expected = ("404", "409", "429")  # the last is waited for
    browser.fill(f"Type {count} to go on", str(count))
    browser.js("[...document.querySelectorAll('dialog .button.main')].at(-1).click()")
    browser.wait_text(f"{count - gone} done, {gone} refused", "dialog", timeout=60)
    assert all(f"{stem}-{i} in team-a" in browser.text("dialog") for i in range(gone))
    browser.click("Close")
    wait_for(
        lambda: (
            sum(
                t["spec"].get("revoked", False)
                for t in tokens.list()
                if stem in t["metadata"]["name"]
            )
            == count - gone
        ),
        10,
        "not all are revoked",
    )


def check_badge_and_title(browser):
    """Both say the same number, read at one instant."""
    title, badge = browser.js(
        "return [document.title, document.querySelector('.top nav .count')?.textContent || '']"
    )
    assert re.match(rf"Faults \({badge}\) · apitoken", title), (title, badge)


@IN_BOTH
def test_settings_typed_into_the_form_warn_and_mail(door, settings, mail, tokens, unique):
    browser, name = door("admin@example.com", "/settings"), unique("warned")
    browser.wait_text("There are no settings named default yet")
    browser.fill("Warn this many days before a token expires", "7")
    browser.fill("Mail these addresses", "platform@example.com, security@example.com")
    browser.click("Make them semicolons")
    browser.wait_text("platform@example.com", ".chips")
    browser.click("Mail server", "summary")
    browser.fill("Server", mail.server)
    browser.fill("Sender", "API tokens <tokens@example.com>")
    browser.fill("Secret with the login, in the operator's namespace", "browser-smtp")
    browser.fill("Secret with the CA, if it is private", "browser-ca")
    browser.fill("Collect notices for", "0s")
    browser.click("Save")
    browser.wait_text("were saved at")
    spec = settings.get("default")["spec"]
    assert spec["warnBeforeDays"] == 7 and spec["smtp"]["server"] == mail.server
    assert [a.strip() for a in spec["emails"].split(";")] == [
        "platform@example.com",
        "security@example.com",
    ]

    tokens.create(name, {"user": "alice@example.com", "ttl": "20s"})  # past warnAt after 13 s
    browser.click("Faults…")
    browser.wait_text("Expires soon", "main", timeout=25)
    assert name in browser.text("main")
    found = mail.wait_mail(1, timeout=30)
    assert found[0].recipients == ["platform@example.com", "security@example.com"]
    eventually(lambda: check_badge_and_title(browser))

    browser.click("Settings")
    browser.click("Send a test mail")
    browser.wait_text("2 addresses accepted", timeout=30)
    subjects = [m["Subject"] for m in mail.wait_mail(len(found) + 1)]
    assert any("test" in s.lower() for s in subjects), subjects
    tokens.delete(name)


def test_a_selector_is_counted_before_it_is_saved(door, tokens, unique):
    name = unique("counted")
    for number in range(2):
        tokens.create(f"{name}-{number}", {"user": "alice@example.com"}, labels={"group": name})
    browser = door("admin@example.com", f"/settings/{name}")
    browser.click("Which tokens", "summary")
    browser.fill("Tokens with these labels", f"group={name}")
    browser.keys(Keys.TAB)
    browser.wait_text("2 tokens chosen", "main")
    browser.fill("Namespaces with these labels", "no-such-label")
    browser.keys(Keys.TAB)
    browser.wait_text("0 tokens chosen", "main")
    for number in range(2):
        tokens.delete(f"{name}-{number}")


def test_the_second_of_two_editors_sees_both_versions(door, settings):
    settings.create("default", {"warnBeforeDays": 30})
    browser = door("admin@example.com", "/settings")
    browser.fill("Warn this many days before a token expires", "20")
    settings.patch("default", {"spec": {"warnBeforeDays": 10, "emails": "other@example.com"}})
    browser.expected = ("409",)
    browser.settle(1)
    browser.click("Save")
    browser.wait_text("Somebody saved other settings meanwhile")
    both = browser.text("dialog[open]")
    assert (
        "warnBeforeDays: 20" in both
        and "warnBeforeDays: 10" in both
        and "other@example.com" in both
    )
    browser.click("Keep mine")
    browser.wait_text("were saved at")
    assert settings.get("default")["spec"] == {"warnBeforeDays": 20}


def test_the_words_of_the_seed_are_on_the_controls(door):
    browser = door("admin@example.com", "/profile")
    for words in ("Profile", "Users", "Tokens", "Add"):
        assert browser.control(words), words
    browser.click("Add")
    browser.wait_text("Create a new token", "dialog h2")
    assert browser.field("Token Name") and browser.control("Create")


def test_the_portal_opens_with_nothing_but_its_key(door):
    browser = door()
    browser.wait_text("Tokens")
    assert browser.js("return document.cookie") == ""
    assert "key=" not in browser.driver.current_url
    assert list(browser.js("return {...sessionStorage}")) == ["apitoken-key"]
    url = browser.web.url
    browser.blank()
    browser.expected = ("401",)
    browser.driver.get(f"{url}/tokens")
    browser.wait_text("kubectl apitoken web")


class Frame(http.server.BaseHTTPRequestHandler):
    """A page of another site, with the portal in a frame."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<link rel=icon href=data:,><iframe src={self.portal}></iframe>".encode())

    def log_message(self, *_):
        pass


def test_a_frame_of_another_site_shows_nothing(door):
    browser = door()
    handler = type("Around", (Frame,), {"portal": f"{browser.web.url}/tokens"})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser.expected = ("frame-ancestors", "X-Frame-Options", "framing")
    try:
        browser.driver.get(f"http://127.0.0.1:{server.server_port}/")
        browser.driver.switch_to.frame(browser.one("iframe"))
        wait_for(
            lambda: browser.js("return location.href").startswith("chrome-error:"),
            10,
            lambda: browser.js("return document.documentElement.outerHTML"),
        )
        assert not browser.all("main, .top")
    finally:
        browser.driver.switch_to.default_content()
        server.shutdown()
