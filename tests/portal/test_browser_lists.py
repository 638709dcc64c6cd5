"""Lists in a real browser, over the stand-in: ten thousand tokens, search, order, selection."""

import csv
import io
import itertools
import random
import time
import zlib

import double as doubles
from selenium.webdriver.common.keys import Keys

from testbed.tokens import base62
from testbed.waiting import SCALE, wait_for

MANY = 10_000


def attention(row, now):
    """The rank of the default order, by the words of the page on states."""
    expired = row["reason"] == "Expired" or (row["expires"] and row["expires"] <= now)
    if row["reason"] == "Revoked":
        return 5
    if expired:
        return 4.5 if row["type"] == "Temporary" and not row["warn"] else 1
    if row["reason"] in ("InvalidSpec", "SecretConflict", "MintFailed"):
        return 0
    if not row["expires"]:
        return 3
    return 2 if row["warn"] and row["warn"] <= now else 4


def modelled(rows):
    """Rows with their times in seconds, 0 where there is none."""
    times = {"expires": "expiresAt", "warn": "warnAt", "used": "lastUsedAt", "made": "createdAt"}
    return [
        {**r, **{short: doubles.seconds(r[long]) for short, long in times.items()}} for r in rows
    ]


def in_order(rows, sort, now):
    back, by = sort.startswith("-"), sort.lstrip("-")
    tie = [(r["ns"], r["name"]) for r in rows]
    ordered = [r for _, r in sorted(zip(tie, rows), key=lambda pair: pair[0])]
    if by in ("expires", "used", "made"):
        dated = sorted((r for r in ordered if r[by]), key=lambda r: -r[by] if back else r[by])
        return dated + [r for r in ordered if not r[by]]
    assert not by
    return sorted(ordered, key=lambda r: (attention(r, now), not r["expires"], r["expires"]))


def all_names(browser):
    """Every name of the list, from the top to the end."""
    total, seen = int(browser.one("[role=table]").get_attribute("aria-rowcount")) - 1, {}
    for step in itertools.count():
        browser.js("scrollTo(0, arguments[0])", step * 900)
        browser.settle(0)
        present = browser.js(
            "return [...document.querySelectorAll('.rows [role=row]')].map((r) =>"
            " [r.ariaRowIndex, r.querySelector('[data-row]').textContent])"
        )
        seen.update({int(index): name for index, name in present})
        if len(seen) >= total or step > 100:
            return [seen[i] for i in sorted(seen)]


def test_ten_thousand_tokens_come_within_the_budget(double, look):
    state = double(MANY)
    browser = look(state, "/about")
    browser.cdp("Performance.enable")
    began = time.monotonic()
    browser.driver.get(f"{state.url}/tokens")
    browser.one(".top")
    shell = time.monotonic() - began
    browser.one(".rows [role=row]")
    first = time.monotonic() - began
    wait_for(lambda: browser.tally() == "10,000 tokens", 20, browser.tally)
    whole = time.monotonic() - began
    browser.settle()
    print(f"shell {shell:.2f} s, first rows {first:.2f} s, all {whole:.2f} s")
    assert first < 1.5 * SCALE and whole < 4 * SCALE, (shell, first, whole)
    assert browser.js("return document.querySelectorAll('*').length") < 1500
    browser.cdp("HeapProfiler.collectGarbage")
    metrics = {m["name"]: m["value"] for m in browser.cdp("Performance.getMetrics")["metrics"]}
    print(f"heap {metrics['JSHeapUsedSize'] / 1e6:.1f} MB")
    assert metrics["JSHeapUsedSize"] < 30e6


def test_a_key_typed_into_the_search_is_answered_in_the_next_frames(double, look):
    browser = look(double(MANY))
    wait_for(lambda: browser.tally() == "10,000 tokens", 20, browser.tally)
    took = browser.js_async("""
      const field = document.querySelector('input[type=search]'), took = [];
      const texts = ['c', 'ci', 'ci-', 'ci-d', 'ci-de', 'ci-d', '', 'alice', 'team-b nightly'];
      for (const text of [...texts, 'zzz', 'g', 'gr', 'gra', '']) {
        for (let i = 0; i < 2; i++) {
          field.value = i ? text : text + 'x';
          const began = performance.now();
          field.dispatchEvent(new Event('input', {bubbles: true}));
          await new Promise((d) => requestAnimationFrame(() => setTimeout(d)));
          took.push(performance.now() - began);
          await new Promise((d) => setTimeout(d, 30));
        }
      }
      return took.sort((a, b) => a - b);""")
    p95 = took[int(len(took) * 0.95)]
    print(f"search to next frame: median {took[len(took) // 2]:.0f} ms, p95 {p95:.0f} ms")
    assert p95 < 60 * SCALE


def test_order_and_search_are_those_of_a_model(double, look):
    dice, rows = random.Random(7), doubles.sample_rows(300, seed=7)
    for row in rows:
        if dice.random() < 0.2:
            row.update(expiresAt="", warnAt="", reason="Pending", tokenID="", hint="")
        if dice.random() < 0.3:
            row["expiresAt"] = rows[0]["expiresAt"]
    state = double(rows=rows)
    browser, now = look(state), time.time()
    for sort in ("", "expires", "-expires", "used", "-used", "made"):
        browser.driver.get(f"{state.url}/tokens?sort={sort}")
        browser.wait_text("300 tokens", ".tally")
        expected = [r["name"] for r in in_order(modelled(rows), sort, now)]
        assert all_names(browser) == expected, f"sort={sort}"
    browser.driver.get(f"{state.url}/tokens?q=team-b+CI&type=Permanent&sort=made")
    browser.wait_text("of 300", ".tally")
    texts = "name user ns tokenID hint description".split()
    found = [
        r
        for r in modelled(rows)
        if r["type"] == "Permanent"
        and all(w in " ".join(r[t] for t in texts).lower() for w in ("team-b", "ci"))
    ]
    assert found and all_names(browser) == [r["name"] for r in in_order(found, "made", now)]


def test_a_link_with_filters_shows_the_same_rows(double, look):
    state = double(200)
    browser = look(state)
    browser.choose("State", "expired")
    browser.wait_text(" of 200 tokens", ".tally")
    link, names = browser.driver.current_url, browser.names()
    assert "state=expired" in link and names
    browser.blank()
    browser.driver.get(f"{link}#key=double")
    browser.wait_text(" of 200 tokens", ".tally")
    assert browser.names() == names
    browser.click("Clear filters")
    browser.wait_text("200 tokens", ".tally")


def test_rows_change_in_place_and_stay_under_the_pointer(double, look):
    state = double(100)
    browser = look(state, "/tokens?sort=expires")
    browser.wait_text("100 tokens", ".tally")
    before = browser.names()
    first = next(r for r in state.rows.values() if r["name"] == before[0])
    browser.one(".rows [data-row]").send_keys("")  # the focus is in the list
    changed = {
        **first,
        "expiresAt": doubles.instant(time.time() + 400 * 86400),
        "description": "changed now",
    }
    state.push({"rows": [[changed[c] for c in doubles.COLUMNS]]})
    browser.wait_text("changed now")
    assert browser.names()[0] == before[0], "the row went away from under the focus"
    browser.one("input[type=search]").click()
    wait_for(lambda: browser.names()[0] != before[0], 10, "the row was not put in its place")


def test_the_focus_stays_while_rows_above_it_go_and_come(double, look):
    state = double(600)
    browser = look(state, "/tokens?sort=expires")
    browser.wait_text("600 tokens", ".tally")
    browser.js("scrollTo(0, 15000)")
    browser.settle()
    uid = browser.js(
        "const rows = [...document.querySelectorAll('.rows [role=row]')];"
        "const row = rows[Math.floor(rows.length / 2)];"
        "row.querySelector('[data-row]').focus({preventScroll: true}); return row.dataset.uid"
    )
    index = "return Number(document.querySelector(`[data-uid='${arguments[0]}']`).ariaRowIndex)"
    place = (
        "return [scrollY, document.activeElement.closest('[data-uid]')?.dataset.uid,"
        " document.activeElement.matches('[data-row]')]"
    )
    before, left, at = browser.js(place), 600, browser.js(index, uid)
    assert before[1:] == [uid, True]
    ordered = sorted(state.rows.values(), key=lambda row: row["expiresAt"])
    above = [row["uid"] for row in ordered[: at - 2]]
    for count in (3, *[1] * 15, 16):  # one by one its place goes out of sight
        gone, above = above[-count:], above[:-count]
        state.push({"gone": gone})
        left -= len(gone)
        browser.wait_text(f"{left} tokens", ".tally")
        browser.settle(0)
        assert browser.js(place) == before, f"{left} tokens are left"
    fresh = doubles.sample_rows(640)[600:]
    state.push({"rows": [[row[c] for c in doubles.COLUMNS] for row in fresh]})
    browser.wait_text(f"{left + 40} tokens", ".tally")
    browser.settle()
    assert browser.js(place) == before and browser.js(index, uid) == at - 34


def test_an_expiry_that_passes_shows_without_a_reload_by_a_wrong_clock(double, look):
    rows = doubles.sample_rows(3)
    for row in rows:
        row.update(
            reason="Issued", expiresAt=doubles.instant(time.time() + 5), warnAt="", type="Permanent"
        )
    state = double(rows=rows)
    state.clock_ahead = 86400  # the server is a day ahead of this computer
    for row in rows:
        row["expiresAt"] = doubles.instant(time.time() + 86400 + 5)
    browser = look(state)
    browser.wait_text("Works", ".rows")
    browser.wait_text("minutes off")
    browser.wait_text("Expired", ".rows", timeout=12)
    browser.wait_no_text("Works", ".rows", timeout=3)


def test_rows_can_be_reached_by_keys_alone(double, look):
    browser = look(double(400))
    browser.wait_text("400 tokens", ".tally")
    focused = lambda: browser.js(  # noqa: E731
        "const r = document.activeElement.closest('[role=row]'); return r ? "
        "Number(r.ariaRowIndex) - 1 : 0"
    )
    browser.keys("/")
    assert browser.js("return document.activeElement.type") == "search"
    browser.js("document.querySelector('.rows [data-row]').focus()")
    for key, row in (
        (Keys.ARROW_DOWN, 2),
        (Keys.ARROW_DOWN, 3),
        (Keys.ARROW_UP, 2),
        (Keys.END, 400),
        (Keys.HOME, 1),
    ):
        browser.keys(key)
        wait_for(lambda row=row: focused() == row, 5, lambda: f"the focus is in row {focused()}")
    browser.keys(Keys.PAGE_DOWN)
    wait_for(lambda: focused() > 5, 5, "PageDown does not move")
    browser.js("scrollTo(0, document.body.scrollHeight)")
    browser.settle()
    assert focused() > 5, "the focused row left the page"


def test_a_pasted_token_is_looked_for_by_its_hash_alone(double, look):
    state = double(20)
    browser = look(state)
    browser.wait_text("20 tokens", ".tally")
    browser.sent()
    body = "".join(random.Random(3).choices("0123456789ABCxyz", k=40))
    value = f"apt_{body}{base62(zlib.crc32(body.encode()), 6)}"
    field = browser.one("input[type=search]")
    field.send_keys(value[:-1])
    browser.js(
        "const f = arguments[0]; f.value = arguments[1]; f.dispatchEvent(new Event('input', "
        "{bubbles: true}))",
        field,
        value,
    )
    browser.wait_text("What you pasted was not sent.")
    assert field.get_attribute("value") == ""
    asked = [url for _, url, _ in browser.sent()]
    assert any("hash=sha256" in url for url in asked), asked
    assert not any(value in f"{url}{body}" for _, url, body in state_requests(state))
    assert value not in " ".join(asked) and value not in browser.driver.current_url


def state_requests(state):
    return [(method, path, str(body)) for method, path, body in state.requests]


def test_the_export_is_text_without_formulas_or_values(double, look):
    rows = doubles.sample_rows(4)
    rows[0].update(description='=HYPERLINK("http://evil.example")', user="+1@example.com")
    rows[1].update(description='line one\nline "two", three')
    rows[2].update(description="Größe ✓ \U0001f600")
    browser = look(double(rows=rows))
    browser.wait_text("4 tokens", ".tally")
    browser.js("document.querySelector('.header input[type=checkbox]').click()")
    browser.wait_text("4 chosen")
    browser.click("Export CSV")
    file = browser.downloads / "tokens.csv"
    wait_for(file.exists, 10, "no file came")
    text = file.read_bytes().decode("utf-8-sig")
    file.unlink()
    lines = list(csv.reader(io.StringIO(text)))
    assert len(lines) == 5 and {len(line) for line in lines} == {10}
    assert not [c for line in lines for c in line if c[:1] in "=+-@" and c]
    assert "apt_" not in text
    texts_of = {line[9] for line in lines}
    assert {"Größe ✓ \U0001f600", 'line one\nline "two", three'} <= texts_of


def test_the_whole_page_stays_in_sight_at_four_hundred_percent(double, look):
    state = double(50)
    for path in ("/tokens", "/profile", "/users", "/faults", "/settings", "/about", "/tokens/new"):
        browser = look(state, path)
        browser.size(320, 256)
        browser.settle()
        wide = browser.js("return document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"
        browser.size(1280)
