"""What the portal costs, as figures: in a real browser through a real portal, over the tokens of
load.py. test_figures.py compares short runs with bounds; hack/bench.sh --portal prints whole
ones."""

import concurrent.futures
import csv
import io
import pathlib
import time

from load import Changes, present

from testbed.waiting import wait_for

CLOSED_AFTER = 8  # seconds, and the portal has closed connections that carry no request

# When a new document shows its shell, its first rows and all of them: milliseconds from navigation.
STAMPS = """
addEventListener('DOMContentLoaded', () => {
  const seen = (window.__stamps = {});
  const look = () => {
    const mark = (name, there) => { if (!seen[name] && there) seen[name] = performance.now(); };
    mark('shell', document.querySelector('.top'));
    mark('first', document.querySelector('.rows [role=row]'));
    mark('all', document.querySelector('.tally')?.textContent.trim() === 'COUNT tokens');
    if (!seen.all) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});"""
# Milliseconds from a key in the search to the end of the next frame, sorted.
SEARCH = """
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
return took.sort((a, b) => a - b);"""
# The longest task from now on, in window.__longest.
TASKS = """
window.__longest = 0;
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) window.__longest = Math.max(window.__longest, e.duration);
}).observe({type: 'longtask'});"""
# Milliseconds from the press of Create to the value.
SHOWN = """
const button = [...document.querySelectorAll('dialog[open] button')]
  .find((b) => b.textContent.trim() === 'Create');
const began = performance.now();
button.click();
while (!document.querySelector('#value')?.value) {
  if (performance.now() - began > 30000) throw new Error('no value');
  await new Promise(requestAnimationFrame);
}
return performance.now() - began;"""


def thousands(count):
    return f"{count:,}"


def median(values):
    return sorted(values)[len(values) // 2]


def memory(pid, field="VmRSS"):
    """MiB of /proc/PID/status."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def cpu_percent(pid, seconds):
    """Of one core, during the next `seconds`."""

    def used():
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    before = used()
    time.sleep(seconds)
    return (used() - before) / seconds * 100


def open_list(browser, web, count, timeout=60):
    """opens the list again; {"shell", "first", "all"} in seconds from navigation."""
    browser.driver.get(f"{web.url}/about#key={web.key}")
    browser.one("h1:not(.unseen)")
    source = STAMPS.replace("COUNT", thousands(count))
    script = browser.cdp("Page.addScriptToEvaluateOnNewDocument", source=source)
    browser.driver.get(f"{web.url}/tokens")
    stamps = wait_for(
        lambda: browser.js("return window.__stamps?.all && window.__stamps"),
        timeout,
        lambda: f"not all rows came: {browser.tally()}",
    )
    browser.cdp("Page.removeScriptToEvaluateOnNewDocument", **script)
    return {name: stamp / 1000 for name, stamp in stamps.items()}


def search_times(browser):
    """(median, 95th percentile) in milliseconds."""
    took = browser.js_async(SEARCH)
    return median(took), took[int(len(took) * 0.95)]


def heap(browser):
    """Megabytes of JavaScript objects that are in use."""
    browser.cdp("Performance.enable")
    browser.cdp("HeapProfiler.collectGarbage")
    metrics = {m["name"]: m["value"] for m in browser.cdp("Performance.getMetrics")["metrics"]}
    return metrics["JSHeapUsedSize"] / 1e6


def create_to_value(browser, name):
    """Seconds from the press of Create to the value; the pane is open."""
    browser.fill("Token Name", name)
    wait_for(lambda: not browser.disabled_why("Create"), 10, "Create is not offered")
    browser.settle()  # the preview of the last key
    took = browser.js_async(SHOWN) / 1000
    browser.click("I have stored it")
    return took


def exported(browser):
    """{(namespace, name): description} of all rows of the list, by its own export."""
    browser.js("document.querySelector('.header input[type=checkbox]').click()")
    browser.wait_text("chosen")
    browser.click("Export CSV")
    file = browser.downloads / "tokens.csv"
    wait_for(file.exists, 10, "no file came")
    text = file.read_bytes().decode("utf-8-sig")
    file.unlink()
    browser.js("document.querySelector('.header input[type=checkbox]').click()")
    rows = list(csv.reader(io.StringIO(text)))
    return {(row[1], row[0]): row[9] for row in rows[1:]}


def under_changes(browser, cluster, rate, seconds):
    """{"longest": ms of the longest task, "made": changes, "rate": changes a second}. The list is
    open; at the end it holds what the cluster holds; focus and scroll position are as before."""
    browser.js(TASKS)
    browser.js("scrollTo(0, 26000)")
    browser.settle()
    browser.js(
        "const rows = [...document.querySelectorAll('.rows [role=row]')];"
        "rows[Math.floor(rows.length / 2)].querySelector('[data-row]').focus({preventScroll: true})"
    )
    place = "return [scrollY, document.activeElement.textContent]"
    before = browser.js(place)
    assert before[1].startswith("token-"), before
    changes = Changes(cluster, rate, seconds).join()
    longest = browser.js("return window.__longest")
    wanted = present(cluster)
    browser.wait_text(f"{thousands(len(wanted))} tokens", ".tally", timeout=10)
    browser.settle(1)
    after = browser.js(place)
    assert after == before or before[1] not in {name for _, name in wanted}, (before, after)
    shown = exported(browser)
    lost = {key for key in wanted.keys() | shown.keys() if wanted.get(key) != shown.get(key)}
    assert not lost, f"{len(lost)} rows differ, such as {sorted(lost)[:3]}"
    return {"longest": longest, "made": changes.made, "rate": changes.made / changes.took}


def open_pages(portal, pages, count, seconds):
    """{"resident": MiB of a portal with so many open lists, "cpu": percent while nothing changes,
    from the moment when the connections that listed are closed}. Two people who see all `count`
    tokens and one who sees none, four pages a session."""
    people = ("admin@example.com", "settings@example.com", "viewer@example.com")
    browsers = []
    for number in range(-(-pages // 4)):
        browser, person = portal.browser(), people[number % 3]
        browser.oidc(person)
        browsers += [(browser, "ns=team-a" if "viewer" in person else "scope=all")] * 4
    streams = []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        opened = pool.map(lambda one: Page(*one).until_synced(), browsers[:pages])
        streams += opened
    assert portal.metrics().value("portal_streams") == pages
    expected = sorted([count, 0])
    assert {page.rows for page in streams} <= set(expected), {page.rows for page in streams}
    time.sleep(CLOSED_AFTER)
    found = {
        "cpu": cpu_percent(portal.process.pid, seconds),
        "resident": memory(portal.process.pid),
    }
    for page in streams:
        page.answer.close()
    return found


class Page:
    """An open list that reads no further than its first rows: what comes later waits in the
    socket, pings of a minute are no more than a kilobyte."""

    def __init__(self, browser, query):
        self.answer = browser.http.get(
            f"{browser.portal.url}/api/tokens?{query}",
            headers=browser.page,
            stream=True,
            timeout=(30, 120),
        )
        assert self.answer.status_code == 200, self.answer.text

    def until_synced(self):
        self.rows = 0
        # Kept: an iterator that goes closes the connection.
        self.lines = self.answer.iter_lines(chunk_size=1 << 16)
        for line in self.lines:
            self.rows += line.count(b"],[") + 1 if line.startswith(b'{"rows"') else 0
            if line.startswith(b'{"synced"'):
                break
        return self
