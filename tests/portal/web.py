"""`kubectl apitoken web` as a process, and its routes as a page calls them."""

import json
import re
import signal
import subprocess
import threading

import requests
from json_routes import JsonRoutes

from testbed.plugin import PLUGIN
from testbed.process import SANITIZER
from testbed.waiting import SCALE, wait_for

ADDRESS = re.compile(r"^(http://127\.0\.0\.1:(\d+))/#key=([A-Za-z0-9_-]{43})$", re.M)


class Web(JsonRoutes):
    """`url` is its base, `key` opens it; `link` is what it printed."""

    def __init__(self, kubeconfig, log_path, *flags):
        self.log_path = log_path
        self.out = open(log_path.with_suffix(".out"), "w+b")
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                [str(PLUGIN), "web", "--kubeconfig", str(kubeconfig), *map(str, flags)],
                stdin=subprocess.DEVNULL,
                stdout=self.out,
                stderr=log,
            )
        found = wait_for(self._address, 20, lambda: f"no address; the log:\n{self.log()}")
        self.link, (self.url, port, self.key) = found[0], found.groups()
        self.port = int(port)

    def _address(self):
        assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log()}"
        return ADDRESS.search(self.log_path.with_suffix(".out").read_text())

    def log(self):
        return self.log_path.read_text(errors="replace")

    def headers(self, **more):
        made = {"Authorization": f"Portal {self.key}", "X-Apitoken-Portal": "1"}
        return {k: v for k, v in {**made, **more}.items() if v is not None}

    def request(self, method, path, body=None, headers=None, **options):
        made = self.headers() if headers is None else headers
        if body is not None:
            options["data"] = json.dumps(body)
            made = {"Content-Type": "application/json", **made}
        return requests.request(
            method,
            self.url + path,
            headers=made,
            timeout=30 * SCALE,
            allow_redirects=False,
            **options,
        )

    def stream(self, path):
        return LiveStream(self, path)

    def stop(self):
        """By Ctrl-C; it must end cleanly and say nothing that is secret."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10 * SCALE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"did not end within 10 s of SIGINT:\n{self.log()}") from None
        self.out.close()
        assert self.process.returncode == 0, f"ended with {self.process.returncode}:\n{self.log()}"
        assert self.key not in self.log(), "the key stands in the log"
        assert not SANITIZER.search(self.log()), self.log()[-20000:]


class LiveStream:
    """NDJSON as it comes. `rows`: by uid, as the page would have them."""

    def __init__(self, web, path):
        self.lines = []
        self.rows = {}
        self.columns = []
        self.syncs = 0
        self.ended = False
        self.answer = requests.get(
            web.url + path, headers=web.headers(), stream=True, timeout=(10, 120)
        )
        assert self.answer.status_code == 200, f"{path}: {self.answer.status_code}"
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for text in self.answer.iter_lines(chunk_size=1):
                if text:
                    with self._lock:
                        self._take(json.loads(text))
        except requests.RequestException:
            pass
        self.ended = True

    def _take(self, line):
        self.lines.append(line)
        self.columns = line.get("columns", self.columns)
        if "restart" in line:
            self.rows.clear()
        for row in line.get("rows", ()):
            named = dict(zip(self.columns, row, strict=True))
            self.rows[named["uid"]] = named
        for uid in line.get("gone", ()):
            self.rows.pop(uid, None)
        self.syncs += "synced" in line

    def named(self, name):
        with self._lock:
            return next((row for row in self.rows.values() if row["name"] == name), None)

    def names(self):
        with self._lock:
            return sorted(row["name"] for row in self.rows.values())

    def errors(self):
        with self._lock:
            return [line["error"] for line in self.lines if "error" in line]

    def synced(self, times=1, timeout=20):
        wait_for(lambda: self.syncs >= times, timeout, lambda: f"not synced: {self.lines[-5:]}")
        return self

    def wait_row(self, name, check=bool, timeout=20):
        return wait_for(
            lambda: (row := self.named(name)) and check(row) and row,
            timeout,
            lambda: f"no such row of {name}: {self.named(name)}; the last lines: {self.lines[-3:]}",
        )

    def close(self):
        self.answer.close()
