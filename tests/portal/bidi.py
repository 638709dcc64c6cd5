"""Firefox over WebDriver BiDi, which it speaks without a driver program. `Driver` has the part of
selenium's interface that browser.py uses, so that the same tests run in both browsers."""

import json
import os
import pathlib
import socket
import subprocess

import wsproto
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.keys import Keys
from wsproto import events

from testbed.waiting import SCALE, wait_for

FIREFOX = "/usr/bin/firefox-esr --headless --no-remote --remote-debugging-port=0"
MODIFIERS = (Keys.CONTROL, Keys.SHIFT, Keys.ALT)
FOCUS = "arguments[0].focus()"
# Scrolls there and says whether a click would reach the element.
REACHED = """
const e = arguments[0];
e.scrollIntoView({block: 'center', behavior: 'instant'});
const r = e.getClientRects()[0];
const top = r && document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
return !!top && (e === top || e.contains(top) || top.contains(e));"""


class Socket:
    """A WebSocket to the browser: one command at a time; events are kept until they are asked
    for."""

    def __init__(self, port):
        self.events, self.last, self.text = [], 0, ""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60 * SCALE)
        self.ws = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self._send(events.Request(host=f"127.0.0.1:{port}", target="/session"))
        self.received = self._messages()
        assert next(self.received) is None, "the browser refused the connection"

    def _send(self, event):
        self.socket.sendall(self.ws.send(event))

    def _messages(self):
        """None for the accepted connection, then each message."""
        while data := self.socket.recv(1 << 20):
            self.ws.receive_data(data)
            for event in self.ws.events():
                if isinstance(event, events.AcceptConnection):
                    yield None
                elif isinstance(event, events.TextMessage):
                    self.text += event.data
                    if event.message_finished:
                        text, self.text = self.text, ""
                        yield json.loads(text)
                elif isinstance(event, events.Ping):
                    self._send(event.response())

    def command(self, method, **params):
        self.last += 1
        text = json.dumps({"id": self.last, "method": method, "params": params})
        self._send(events.TextMessage(data=text))
        for message in self.received:
            if message["type"] == "event":
                self.events.append(message)
            elif message["id"] == self.last:
                if message["type"] == "success":
                    return message["result"]
                if message["error"] in ("no such node", "stale element reference"):
                    raise StaleElementReferenceException(message["message"])
                raise AssertionError(f"{method}: {message['error']}: {message['message']}")
        raise AssertionError("the browser has gone")

    def take(self, method):
        """The parameters of all events of that name since the last call."""
        self.command("session.status")  # what happened before it has arrived then
        found = [e["params"] for e in self.events if e["method"] == method]
        self.events = [e for e in self.events if e["method"] != method]
        return found


class Element:
    def __init__(self, driver, shared):
        self.driver, self.shared = driver, shared

    def get_attribute(self, name):
        return self.driver.execute_script(
            "const [e, n] = arguments; return n === 'value' ? e.value : e.getAttribute(n)",
            self,
            name,
        )

    @property
    def text(self):
        return self.driver.execute_script("return arguments[0].innerText", self)

    def is_enabled(self):
        return not self.driver.execute_script("return !!arguments[0].disabled", self)

    def click(self):
        if not self.driver.execute_script(REACHED, self):
            raise ElementClickInterceptedException("something else is in front of it")
        place = {"type": "element", "element": {"sharedId": self.shared}}
        self.driver.act(
            "pointer",
            [
                {"type": "pointerMove", "x": 0, "y": 0, "origin": place},
                {"type": "pointerDown", "button": 0},
                {"type": "pointerUp", "button": 0},
            ],
        )

    def send_keys(self, *keys):
        self.driver.execute_script(FOCUS, self)
        self.driver.type(*keys)


def to_wire(value):
    if isinstance(value, Element):
        return {"sharedId": value.shared}
    if value is None:
        return {"type": "null"}
    if isinstance(value, list | tuple):
        return {"type": "array", "value": [to_wire(v) for v in value]}
    if isinstance(value, dict):
        return {"type": "object", "value": [[k, to_wire(v)] for k, v in value.items()]}
    kind = {bool: "boolean", str: "string"}.get(type(value), "number")
    return {"type": kind, "value": value}


class Driver:
    def __init__(self, directory):
        directory = pathlib.Path(directory)
        self.log = open(directory / "firefox.log", "w+b")
        self.process = subprocess.Popen(
            [*FIREFOX.split(), "--profile", str(directory), "about:blank"],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(directory), "LANG": "C.UTF-8"},
        )
        address = directory / "WebDriverBiDiServer.json"
        wait_for(lambda: self._started(address), 30, "Firefox does not listen")
        self.socket = Socket(json.loads(address.read_text())["ws_port"])
        self.command = self.socket.command
        # A page that asks before it is left is left.
        self.command("session.new", capabilities={})
        self.context = self.command("browsingContext.getTree")["contexts"][0]["context"]
        self.command("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.command(
            "network.addDataCollector", dataTypes=["request"], maxEncodedDataSize=1_000_000
        )

    def _started(self, address):
        assert self.process.poll() is None, f"Firefox ended with {self.process.returncode}"
        return address.exists() and address.read_text().endswith("}")

    # --- as selenium's ----------------------------------------------------------------------

    def get(self, url):
        self.command("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def refresh(self):
        self.command("browsingContext.reload", context=self.context, wait="complete")

    @property
    def current_url(self):
        return self.command("browsingContext.getTree", root=self.context)["contexts"][0]["url"]

    def execute_script(self, script, *args):
        return self._call(f"function() {{{script}}}", args)

    def execute_async_script(self, script, *args):
        return self._call(
            "function(...args) { return new Promise((done) => "
            f"(function() {{{script}}})(...args, done)); }}",
            args,
        )

    def find_elements(self, _, css):
        return self.execute_script("return [...document.querySelectorAll(arguments[0])]", css)

    def quit(self):
        self.process.terminate()
        try:
            self.process.wait(10 * SCALE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    # --- below it ---------------------------------------------------------------------------

    def _call(self, function, args):
        answer = self.command(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[to_wire(a) for a in args],
            awaitPromise=True,
            target={"context": self.context},
            userActivation=False,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return self._from_wire(answer["result"])

    def _from_wire(self, found):
        kind, value = found["type"], found.get("value")
        if kind == "node":
            return Element(self, found["sharedId"])
        if kind == "array":
            return [self._from_wire(v) for v in value]
        if kind == "object":
            return {k: self._from_wire(v) for k, v in value}
        return value

    def act(self, kind, actions):
        source = {"type": kind, "id": kind, "actions": actions}
        self.command("input.performActions", context=self.context, actions=[source])

    def type(self, *keys):
        """Modifiers are held until the end, as with selenium."""
        held, actions = [], []
        for key in "".join(keys):
            actions.append({"type": "keyDown", "value": key})
            if key in MODIFIERS:
                held.append(key)
            else:
                actions.append({"type": "keyUp", "value": key})
        self.act("key", actions + [{"type": "keyUp", "value": key} for key in held])
