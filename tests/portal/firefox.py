"""Debian's Firefox as a test drives it, with the same words as browser.Browser."""

import pathlib

from bidi import Driver
from browser import Browser


class Firefox(Browser):
    def __init__(self, directory):
        self.downloads = pathlib.Path(directory)
        self.driver = Driver(directory)
        self.expected = ()

    def allow_clipboard(self, origin, allowed=True):
        """Firefox asks nobody: a page may write to the clipboard while a press is handled."""
        assert allowed, "Firefox always allows the clipboard"

    def keys(self, *keys):
        self.driver.type(*keys)

    def size(self, width, height=900):
        self.driver.command(
            "browsingContext.setViewport",
            context=self.driver.context,
            viewport={"width": width, "height": height},
        )

    def media(self, **features):
        """Firefox stays with what its system says; pages in both themes are Chromium's part."""

    def complaints(self):
        found = [
            f"{entry['level']}: {entry['text']}"
            for entry in self.driver.socket.take("log.entryAdded")
            if entry["level"] in ("error", "warn")
        ]
        return [m for m in found if not any(part in m for part in self.expected)]

    def sent(self):
        found = []
        for event in self.driver.socket.take("network.beforeRequestSent"):
            request, body = event["request"], ""
            if request["bodySize"]:
                body = self.driver.command(
                    "network.getData", dataType="request", request=request["request"]
                )["bytes"]["value"]
            found.append((request["method"], request["url"], body))
        return found
