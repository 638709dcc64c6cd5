"""All pages in a real browser, over the stand-in: what hostile texts do, what the page says when
something is not as it should be, and whether everybody can use it."""

import time

import axe
import double as doubles
import pytest
from selenium.webdriver.common.keys import Keys

from testbed.waiting import wait_for

PATHS = (
    "/tokens",
    "/profile",
    "/users",
    "/users/alice@example.com",
    "/faults",
    "/settings",
    "/about",
    "/tokens/team-a/ci-deploy",
    "/tokens/team-a/ci-deploy?tab=timeline",
    "/tokens/team-a/ci-deploy?tab=yaml",
    "/tokens/new",
    "/nowhere",
)
HOSTILE = (
    "<script>window.__xss=1</script>",
    '"><img src=x onerror=window.__xss=1>',
    "<svg onload=window.__xss=1>",
    "<svg><animate onbegin=window.__xss=1 attributeName=x dur=1s>",
    "javascript:window.__xss=1",
    "JaVaScRiPt:window.__xss=1//",
    "data:text/html,<script>parent.__xss=1</script>",
    "${window.__xss=1}",
    "{{constructor.constructor('window.__xss=1')()}}",
    "`);window.__xss=1;//",
    "'-window.__xss=1-'",
    "</title><script>window.__xss=1</script>",
    "</textarea><script>window.__xss=1</script>",
    "</style><script>window.__xss=1</script>",
    "<iframe srcdoc='<script>parent.__xss=1</script>'>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.__xss=1>",
    "<a href='javascript:window.__xss=1'>x</a>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=javascript:window.__xss=1'>",
    "<template><script>window.__xss=1</script></template>",
    "<details open ontoggle=window.__xss=1>",
    "<input autofocus onfocus=window.__xss=1>",
    "<object data='javascript:window.__xss=1'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "\u202egnp.exe",
    "a\u0000b\u0007c",
    "zero\u200bwidth\ufeff",
    "\U0001f600\U0001f4a9",
    "lone \ud800 surrogate",
    "=HYPERLINK(1)",
    "<b>bold</b>&amp;&lt;",
    "%3Cscript%3E..%2F?#",
)


def hostile_state(double):
    rows = doubles.sample_rows(len(HOSTILE))
    for row, text in zip(rows, HOSTILE):
        row.update(user=text, description=text, message=text, reason="SecretConflict")
        row.update(type="Permanent", hint=text, tokenID=text, secretName=text)
    state = double(rows=rows)
    state.configs = [
        {
            **doubles.CONFIG,
            "metadata": {"name": f"c{i}", "uid": f"c{i}", "resourceVersion": "1"},
            "spec": {**doubles.CONFIG["spec"], "emails": text},
            "status": {
                "conditions": [
                    {"type": "Ready", "status": "False", "reason": text, "message": text}
                ],
                "testMail": {
                    "requestedAt": doubles.instant(time.time()),
                    "at": doubles.instant(time.time()),
                    "refused": [{"address": text, "reason": text}],
                },
            },
        }
        for i, text in enumerate(HOSTILE)
    ]
    state.session["user"] = HOSTILE[1]
    state.session["groups"] = list(HOSTILE)
    state.session["cluster"] = HOSTILE[0]
    state.note = HOSTILE[2]
    return state


def test_hostile_texts_are_shown_as_texts(double, look):
    state = hostile_state(double)
    paths = [
        "/tokens?plain=1",
        "/users",
        "/faults",
        "/settings",
        "/settings/c3",
        "/profile",
        "/about",
    ]
    paths += [f"/tokens/{r['ns']}/{r['name']}" for r in list(state.rows.values())[:6]]
    paths += ["/users/%3Cimg%20src=x%20onerror=window.__xss=1%3E?q=%3Cscript%3E#%3Cscript%3E"]
    paths += [
        "/%3Cscript%3Ewindow.__xss=1%3C/script%3E",
        "/tokens?ns=%22%3E%3Cscript%3E&sort=__proto__",
    ]
    for path in paths:
        browser = look(state, path.partition("#")[0])
        browser.settle(0.1)
        assert browser.js("return window.__xss") is None, path
        foreign = browser.js(
            "return [...document.querySelectorAll('script:not([type=module][src]), img, iframe, "
            "base, object, meta[http-equiv],"
            " a[href^=javascript i], a[href^=data i], [onerror], [onload], [onfocus]')].map((e) "
            "=> e.outerHTML)"
        )
        assert not foreign, (path, foreign)
    browser = look(state, "/tokens")
    browser.size(1280, 4000)
    browser.settle()
    shown = browser.js("return document.querySelector('.table').textContent")
    assert "<script>window.__xss=1</script>" in shown
    assert "\\u202egnp.exe" in shown and "\u202e" not in shown
    assert "a\\u0000b\\u0007c" in shown and "zero\\u200bwidth" in shown
    assert "\U0001f600\U0001f4a9" in shown


def test_a_server_that_goes_and_comes_leaves_the_list_and_says_so(double, look):
    state = double(30)
    browser = look(state)
    browser.wait_text("30 tokens", ".tally")
    browser.expected = ("ERR_", "Failed to load")
    state.down = True
    browser.wait_text("Not updated since", timeout=20)
    assert browser.names() and browser.tally() == "30 tokens"
    uid, row = next(iter(state.rows.items()))
    del state.rows[uid]
    state.down = False
    browser.wait_no_text("Not updated since", timeout=30)
    browser.wait_text("29 tokens", ".tally")
    assert row["name"] not in browser.names()


def test_the_page_says_what_is_missing(double, look):
    state = double(0, rows=None)
    state.rows = {}
    browser = look(state)
    browser.wait_text("There are no tokens yet")
    browser.control("Create the first one")
    browser = look(state, "/faults")
    browser.wait_text("Nothing needs you")
    browser = look(state, "/users/bob@example.com")
    browser.wait_text("No token speaks for bob@example.com yet.")
    state.crd_missing = True
    browser.expected = ("404",)
    browser = look(state)
    browser.wait_text("This cluster has no ApiTokens")
    assert "helm install" in browser.text()


def test_an_operator_that_answers_nothing_is_named(double, look):
    rows = doubles.sample_rows(2)
    for row in rows:
        row.update(reason="Pending", expiresAt="", issuedAt="", warnAt="")
        row["createdAt"] = doubles.instant(time.time() - 130)
    browser = look(double(rows=rows))
    browser.wait_text(
        "The operator has not answered for 2 minutes. Tokens that exist go on working."
    )
    browser.wait_text("Waiting", ".rows")


def test_each_kind_of_fault_is_shown_until_it_is_mended(double, look):
    now, day = time.time(), 86400
    rows = doubles.sample_rows(6)
    quiet = {"type": "Permanent", "reason": "Issued", "warnAt": "", "rotateAt": "", "message": ""}
    for row in rows:
        row.update(quiet, expiresAt=doubles.instant(now + 90 * day))
    rows[0].update(expiresAt=doubles.instant(now - day), reason="Expired")
    rows[1].update(expiresAt=doubles.instant(now + day), warnAt=doubles.instant(now - day))
    rows[2].update(reason="InvalidSpec", message="spec.ttl: too long")
    rows[3].update(reason="Pending", expiresAt="", createdAt=doubles.instant(now - 120))
    rows[4].update(rotateAt=doubles.instant(now - 30 * day))
    state = double(rows=rows)
    bad = [
        {
            "type": "Ready",
            "status": "False",
            "reason": "InvalidAddress",
            "message": "x is no address",
        },
        {"type": "EmailDelivery", "status": "False", "reason": "Refused", "message": "550 no"},
    ]
    state.configs = [{**doubles.CONFIG, "status": {"conditions": bad}}]
    browser = look(state, "/faults")
    kinds = (
        "Expired",
        "Expires soon",
        "Cannot be made",
        "Mail not delivered",
        "Settings that do not work",
        "Operator silent",
        "Rotation overdue",
    )
    for kind in kinds:
        browser.wait_text(kind, ".faults")
    assert browser.text(".top nav .count") == "7"
    assert browser.js("return document.title").startswith("Faults (7) · apitoken")
    for row in rows:
        row.update(quiet, expiresAt=doubles.instant(now + 90 * day), message="")
        state.push({"rows": [[row[c] for c in doubles.COLUMNS]]})
    state.push({"items": [doubles.CONFIG]})
    browser.wait_text("Nothing needs you")
    assert not browser.all(".top nav .count")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(double, look, theme):
    state = double(60)
    for path in PATHS:
        browser = look(state, path)
        browser.media(prefers_color_scheme=theme, prefers_reduced_motion="reduce")
        if "new" in path:
            browser.one("dialog[open]")
        browser.settle(0.4)
        assert not axe.violations(browser), (path, theme)
    for width in (320, 768):
        for path in ("/tokens", "/settings", "/tokens/new"):
            browser = look(state, path)
            browser.size(width)
            browser.settle(0.4)
            assert not axe.violations(browser), (path, theme, width)
        browser.size(1280)


def test_axe_finds_nothing_in_dialogs_and_forced_colours(double, look):
    state = double(60)
    browser = look(state, "/tokens/team-a/ci-deploy")
    browser.wait_text("Its life")
    for words in ("Renew", "Revoke"):
        browser.click(words)
        browser.one("dialog[open]")
        browser.settle()
        assert not axe.violations(browser), words
        browser.keys(Keys.ESCAPE)
        wait_for(lambda: not browser.all("dialog[open]"), 5, "Esc does not close")
        assert browser.js("return document.activeElement.textContent").strip() == words
    browser.click("More")
    browser.one("[role=menu]")
    assert not axe.violations(browser), "the menu"
    browser.media(forced_colors="active")
    browser.keys(Keys.ESCAPE)
    browser = look(state, "/tokens")
    browser.settle()
    assert not axe.violations(browser), "forced colours"
    browser.media()


def test_names_roles_and_headers_are_there_for_those_who_listen(double, look):
    browser = look(double(30))
    browser.wait_text("30 tokens", ".tally")
    tree = browser.tree()
    headings = [(role, name) for role, name, p in tree if role == "heading" and p.get("level") == 1]
    assert headings == [("heading", "Tokens")]
    roles = {role for role, _, _ in tree}
    assert {"banner", "navigation", "main", "table", "row", "columnheader", "rowheader"} <= roles
    acting = ("button", "link", "textbox", "searchbox", "checkbox", "combobox", "menuitem")
    nameless = [(role, p) for role, name, p in tree if role in acting and not name.strip()]
    assert not nameless
    assert browser.one("[role=table]").get_attribute("aria-rowcount") == "31"
    assert browser.one(".live").get_attribute("aria-live") == "polite"
    browser.click("Faults…")
    wait_for(
        lambda: browser.js("return document.activeElement.tagName") == "H1",
        5,
        "the heading has no focus",
    )


def test_everything_is_reached_with_the_tab_key_and_the_focus_is_seen(double, look):
    browser = look(double(3))
    browser.wait_text("3 tokens", ".tally")
    browser.js("document.activeElement.blur()")
    seen = []
    for _ in range(60):
        browser.keys(Keys.TAB)
        found = browser.js(
            "const e = document.activeElement, s = getComputedStyle(e);"
            "return [e.tagName, (e.ariaLabel || e.textContent || '').trim().slice(0, 30),"
            " s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0, "
            "e.getBoundingClientRect().height]"
        )
        if found[0] == "BODY":
            break
        seen.append(found)
    words = " ".join(text for _, text, _, _ in seen)
    for control in (
        "Skip to the page",
        "Profile",
        "Columns",
        "Create a new token",
        "Search tokens",
        "Actions for",
    ):
        assert control in words, (control, words)
    assert all(visible for _, _, visible, _ in seen), [s for s in seen if not s[2]]
    browser.js("document.querySelector('.head .button.main').focus()")
    browser.keys(Keys.ENTER)
    browser.one("dialog[open]")
    for _ in range(40):
        browser.keys(Keys.TAB)
        inside = browser.js(
            "return !!document.activeElement.closest('dialog') || document.activeElement === "
            "document.body"
        )
        assert inside, "the focus left the dialog"


def test_controls_are_large_enough_and_nothing_moves_for_those_who_want_no_motion(double, look):
    state = double(10)
    for path in ("/tokens", "/settings", "/profile"):
        browser = look(state, path)
        browser.settle()
        small = browser.js(
            "return [...document.querySelectorAll('button, select, input:not([type=checkbox], "
            "[type=radio])')]"
            ".filter((e) => e.checkVisibility() && !e.closest('.unseen')).map((e) => "
            "[e.outerHTML.slice(0, 80), e.getBoundingClientRect().width,"
            " e.getBoundingClientRect().height]).filter(([, w, h]) => w < 24 || h < 24)"
        )
        assert not small, (path, small)
    browser.media(prefers_reduced_motion="reduce")
    moving = browser.js(
        "return [...document.querySelectorAll('*')].filter((e) => { const s = getComputedStyle(e);"
        " return s.animationName !== 'none' || s.transitionDuration !== '0s'; }).length"
    )
    assert moving == 0
    before = browser.js("return getComputedStyle(document.body).backgroundColor")
    browser.media(prefers_color_scheme="dark")
    wait_for(
        lambda: browser.js("return getComputedStyle(document.body).backgroundColor") != before,
        5,
        "the theme does not follow the system",
    )


def test_permissions_taken_away_are_said_in_words(double, look):
    state = double(5)
    state.refused = {"patch": "apitoken-user", "delete": "apitoken-user", "create": "apitoken-user"}
    browser = look(state, "/tokens/team-a/ci-deploy")
    wait_for(lambda: "apitoken-user" in browser.disabled_why("Renew"), 10, "no reason is said")
    browser = look(state, "/tokens/new")
    browser.expected = ("403",)
    wait_for(lambda: "apitoken-user" in browser.disabled_why("Create"), 10, "Create is offered")


def test_a_temporary_token_lives_as_the_settings_say_but_not_beyond_the_session(double, look):
    for life, session, least, most in ((3600, 7200, 0, 0), (28800, 7200, 7100, 7200)):
        state = double(1)
        state.life, state.session["endsAt"] = life, doubles.instant(time.time() + session)
        browser = look(state, "/profile")
        browser.expected = ("403",)
        browser.click("Copy temporary token")
        form = wait_for(
            lambda state=state: [
                b for m, path, b in state.requests if m == "POST" and path.startswith("/api/tokens")
            ],
            10,
            "no token was asked for",
        )[0]
        # Empty: the operator gives it the life of the settings.
        assert least <= int(form["ttl"].removesuffix("s") or 0) <= most, (life, form["ttl"])
