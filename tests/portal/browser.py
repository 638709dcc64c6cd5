"""Chromium as a test drives it: controls by the words that a person reads, and every message that
the page leaves in the console."""

import json
import pathlib
import time

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from testbed.waiting import wait_for

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --lang=en"
    " --window-size=1280,900 --disable-background-networking --no-first-run --hide-scrollbars"
)
# The control with these words: its label, its text without the badge, or its aria-label.
FIND = r"""
const [words, kinds] = arguments;
const top = document.querySelector('dialog[open]:last-of-type') || document;
const own = (node) => node.nodeType === 3 ? node.data
  : /SMALL|SELECT|INPUT/.test(node.tagName) || node.getAttribute('aria-hidden') ? ''
  : [...node.childNodes].map(own).join('');
const said = (e) => (e.getAttribute('aria-label') || (e.labels?.length ? own(e.labels[0]) : '')
  || e.textContent || '').replace(/\s+/g, ' ').trim();
const fits = (e) => said(e) === words
  || (words.endsWith('…') && said(e).startsWith(words.slice(0, -1)));
return [...top.querySelectorAll(kinds)].filter((e) => e.checkVisibility() && fits(e))[0] || null;
"""
CONTROLS = "button, a[href], [role=tab], [role^=menuitem]"
FIELDS = "input, select, textarea"


class Browser:
    def __init__(self, directory):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in FLAGS.split():
            options.add_argument(flag)
        self.downloads = pathlib.Path(directory) / "downloads"
        self.downloads.mkdir()
        options.add_experimental_option(
            "prefs", {"download.default_directory": str(self.downloads)}
        )
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_script_timeout(60)
        self.expected = ()  # parts of console messages that the test provokes

    def cdp(self, command, **params):
        return self.driver.execute_cdp_cmd(command, params)

    def js(self, script, *args):
        return self.driver.execute_script(script, *args)

    def js_async(self, script, *args):
        """The value of `await (async () => {script})()`; fails with what it throws."""
        done = self.driver.execute_async_script(
            "const [done] = [...arguments].slice(-1); const args = [...arguments].slice(0, -1);"
            f"(async () => {{{script}}})().then((v) => done({{v}}), (e) => done({{e: String(e)}}))",
            *args,
        )
        assert "e" not in done, done["e"]
        return done.get("v")

    def allow_clipboard(self, origin, allowed=True):
        for name in ("clipboard-write", "clipboard-read"):
            for more in ({}, {"allowWithoutSanitization": True}):
                self.cdp(
                    "Browser.setPermission",
                    permission={"name": name, **more},
                    setting="granted" if allowed else "denied",
                    origin=origin,
                )

    def clipboard(self):
        """What Ctrl+V brings; the portal's own pages may not read the clipboard."""
        self.js(
            "const t = document.createElement('textarea'); t.id = 'paste';"
            "(document.querySelector('dialog[open]') || document.body).append(t); t.focus();"
        )
        self.one("#paste").send_keys(Keys.CONTROL, "v")
        return self.js(
            "const t = document.getElementById('paste'), v = t.value; t.remove(); return v"
        )

    def size(self, width, height=900):
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def media(self, **features):
        """prefers_color_scheme="dark", …: what the page learns of its user."""
        named = [{"name": n.replace("_", "-"), "value": v} for n, v in features.items()]
        self.cdp("Emulation.setEmulatedMedia", features=named)

    def blank(self):
        """Away from the page, so that nothing of it remains; its storage goes too."""
        url = self.driver.current_url
        if url.startswith("http"):
            self.js("addEventListener('beforeunload', (e) => e.stopImmediatePropagation(), true)")
            self.js("localStorage.clear(); sessionStorage.clear();")
        self.driver.get("about:blank")
        self.size(1280)
        self.media(prefers_color_scheme="light")

    # --- looking -------------------------------------------------------------------------------

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css, timeout=10):
        return wait_for(
            lambda: (self.all(css) or [None])[0], timeout, lambda: f"no {css} in:\n{self.text()}"
        )

    def text(self, css="body"):
        """What a person reads there, undrawn parts left out."""
        return self.js(
            "return [...document.querySelectorAll(arguments[0])].map((e) => "
            "e.innerText).join('\\n')",
            css,
        )

    def wait_text(self, words, css="body", timeout=10):
        wait_for(
            lambda: words in self.text(css),
            timeout,
            lambda: f"{words!r} does not stand in {css}:\n{self.text()}",
        )

    def wait_no_text(self, words, css="body", timeout=10):
        wait_for(
            lambda: words not in self.text(css),
            timeout,
            lambda: f"{words!r} still stands in {css}:\n{self.text()}",
        )

    def control(self, words, kinds=CONTROLS, timeout=10):
        return wait_for(
            lambda: self.js(FIND, words, kinds),
            timeout,
            lambda: f"no control {words!r} in:\n{self.text()}",
        )

    def field(self, label, timeout=10):
        return self.control(label, FIELDS, timeout)

    def names(self):
        """The names in the list of tokens, as shown, from the top."""
        return self.js(
            "return [...document.querySelectorAll('.rows [role=row]')]"
            ".sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((r) => "
            "r.querySelector('[data-row]').textContent)"
        )

    def tally(self):
        return self.text(".tally")

    # --- doing ---------------------------------------------------------------------------------

    def click(self, words, kinds=CONTROLS, timeout=10):
        def clicked():
            try:
                control = self.control(words, kinds, timeout)
                if control.get_attribute("aria-disabled") == "true":
                    return False  # not yet: permissions or a value are on their way
                control.click()
                return True
            except (
                StaleElementReferenceException,
                ElementClickInterceptedException,
                ElementNotInteractableException,
            ):
                return False  # it was redrawn, or moved under something else

        wait_for(clicked, timeout, lambda: f"{words!r} cannot be clicked in:\n{self.text()}")

    def fill(self, label, value):
        field = self.field(label)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        field.send_keys(value)

    def choose(self, label, value):
        self.js(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change', "
            "{bubbles: true}))",
            self.field(label),
            value,
        )

    def keys(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def disabled_why(self, words):
        """The reason that a control gives for not being there for this viewer; '' if it is."""
        return self.js(
            "const e = arguments[0], id = e.getAttribute('aria-describedby');"
            "return e.ariaDisabled === 'true' || e.disabled ? id ? "
            "document.getElementById(id).textContent : '?' : ''",
            self.control(words, f"{CONTROLS}, {FIELDS}"),
        )

    def value_shown(self, timeout=20):
        """The token in the window that shows it once."""
        return self.one("#value", timeout).get_attribute("value")

    # --- what the page said --------------------------------------------------------------------

    def complaints(self):
        """Console errors and warnings since the last call, without the expected."""
        found = [entry["message"] for entry in self.driver.get_log("browser")]
        return [m for m in found if not any(part in m for part in self.expected)]

    def sent(self):
        """The requests since the last call: (method, url, body)."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                request = message["params"]["request"]
                found.append((request["method"], request["url"], request.get("postData", "")))
        return found

    def tree(self):
        """The accessibility tree: (role, name, {property: value}) of what is not ignored."""
        nodes = self.cdp("Accessibility.getFullAXTree")["nodes"]
        return [
            (
                n.get("role", {}).get("value"),
                n.get("name", {}).get("value", ""),
                {p["name"]: p["value"].get("value") for p in n.get("properties", [])},
            )
            for n in nodes
            if not n.get("ignored")
        ]

    def settle(self, seconds=0.3):
        """Two frames and a moment, for what the page does after an event."""
        self.js_async(
            "await new Promise((d) => requestAnimationFrame(() => requestAnimationFrame(d)));"
        )
        time.sleep(seconds)

    def quit(self):
        self.driver.quit()
