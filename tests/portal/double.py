"""A stand-in for the portal's server, for what no real cluster shows in a test's time: ten
thousand tokens, a server that breaks off, hostile texts. It answers by the same wire as
controller/portal, from objects in memory. For looking at the pages while writing them:

  python3 tests/portal/double.py [--port N] [--tokens N]

Tests get the pages as the program has them, embedded; that command shows the sources.
"""

import argparse
import datetime
import functools
import http.server
import json
import mimetypes
import pathlib
import random
import subprocess
import tempfile
import threading
import time
import urllib.parse

PORTAL = pathlib.Path(__file__).resolve().parents[2] / "portal"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src "
    "'self'; font-src 'none'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
COLUMNS = (
    "ns name uid user description type format reason message issuedAt expiresAt warnAt rotateAt "
    "lastUsedAt tokenID hint"
    " secretName revision createdAt"
).split()
STATUS = "tokenID hint issuedAt expiresAt warnAt lastUsedAt revision secretName".split()
ALLOWED = {"allowed": True, "reason": "", "role": ""}
VERBS = "list create patch delete mintPermanent getSecrets listEvents".split()
CLUSTER_VERBS = "impersonateUsers settingsRead settingsWrite settingsDelete".split()


@functools.cache
def embedded():
    """A folder with the front end as the build puts it into the program."""
    folder = tempfile.TemporaryDirectory(prefix="portal-")
    subprocess.run(
        ["cmake", f"-DSOURCE={PORTAL}", f"-DOUT={folder.name}", "-P", PORTAL / "embed.cmake"],
        check=True,
    )
    return folder


def instant(seconds):
    when = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text):
    """The inverse of instant(); 0 for no time."""
    if not text:
        return 0
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def sample_rows(count, seed=1):
    """Rows as a platform of some teams has them; the same for one seed."""
    dice, now = random.Random(seed), time.time()
    day = 86400
    people = [f"{n}@example.com" for n in "alice bob carol dan erin frank grace heidi".split()]
    names = "ci-deploy nightly backup grafana-read terraform registry-pull".split()
    names += "importer release-bot metrics-push".split()
    rows = []
    for i in range(count):
        namespace = f"team-{'abcdefgh'[i % 8]}"
        permanent = dice.random() < 0.8
        life = day * dice.choice([30, 90, 365]) if permanent else 8 * 3600
        issued = now - dice.random() * life * 1.08
        expires, reason = issued + life, "Issued"
        if expires < now:
            reason = "Expired"
        chance = dice.random()
        reason = "Revoked" if chance < 0.02 else "SecretConflict" if chance > 0.985 else reason
        user = dice.choice(people) if dice.random() < 0.8 else f"robot:{namespace}:builder"
        used = now - dice.random() ** 3 * 60 * day if dice.random() < 0.8 else 0
        message = 'Secret "x" exists already and is not owned by this ApiToken'
        rows.append(
            {
                "ns": namespace,
                "name": f"{dice.choice(names)}-{i}" if i >= len(names) else names[i],
                "uid": f"uid-{i}",
                "user": user,
                "description": dice.choice(
                    ["deploys the shop from CI", "", "reads dashboards", "nightly copy to S3"]
                ),
                "type": "Permanent" if permanent else "Temporary",
                "format": "Opaque",
                "reason": reason,
                "message": message if reason == "SecretConflict" else "",
                "issuedAt": instant(issued),
                "expiresAt": instant(expires),
                "warnAt": instant(expires - min(30 * day, life / 3)) if permanent else "",
                "rotateAt": "",
                "lastUsedAt": instant(used) if used else "",
                "tokenID": "".join(dice.choices("abcdefghijkmnpqrstuvwxyz23456789", k=8)),
                "hint": "…" + "".join(dice.choices("abcdefghijk23456789", k=4)),
                "secretName": f"token-{i}",
                "revision": 1,
                "createdAt": instant(issued),
            }
        )
    return rows


def object_of(row):
    """The ApiToken that a row tells of."""
    ready = {
        "type": "Ready",
        "status": "True" if row["reason"] == "Issued" else "False",
        "reason": row["reason"],
        "message": row["message"] or "a valid token is in the Secret",
        "lastTransitionTime": row["issuedAt"],
    }
    return {
        "apiVersion": "apitoken.dev/v1alpha1",
        "kind": "ApiToken",
        "metadata": {
            "name": row["name"],
            "namespace": row["ns"],
            "uid": row["uid"],
            "resourceVersion": "7",
            "creationTimestamp": row["createdAt"],
        },
        "spec": {"user": row["user"], "description": row["description"], "groups": ["deployers"]},
        "status": {
            "conditions": [ready],
            "type": row["type"],
            "ttl": "8760h0m0s",
            "tokenHash": "sha256:" + "0a" * 32,
            "notices": [],
            **{k: row[k] for k in STATUS if row[k]},
        },
    }


CONFIG = {
    "metadata": {"name": "default", "uid": "c1", "resourceVersion": "3"},
    "spec": {
        "warnBeforeDays": 30,
        "emails": "platform@example.com; security@example.com",
        "smtp": {
            "server": "smtp.example.com:587",
            "from": "API tokens <tokens@example.com>",
            "credentialsSecret": "smtp",
        },
        "lifetimes": {"permanent": {"max": "2160h"}},
    },
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Configured", "message": ""},
            {"type": "EmailDelivery", "status": "True", "reason": "Delivered", "message": ""},
        ],
        "matchedTokens": 214,
        "expiringTokens": 9,
        "pendingNotices": 0,
        "lastEmailTime": instant(time.time() - 7200),
    },
}


class Double:
    """The state that the answers come from; tests change it while pages are open."""

    def __init__(self, count=200, rows=None, sources=False):
        self.sources = sources  # the front end's files as they are, not embedded
        self.rows = {row["uid"]: row for row in (rows or sample_rows(count))}
        self.configs = [CONFIG]
        self.session = {
            "mode": "local",
            "user": "alice@example.com",
            "groups": ["platform", "developers"],
            "endsAt": None,
            "warnAt": None,
            "cluster": "prod-eu",
            "features": {
                "temporaryToken": True,
                "readOnly": False,
                "signIn": [],
                "issuer": "",
                "issuerName": "",
                "signOut": True,
            },
            "homeNamespaces": [],
            "defaultNamespace": "team-a",
            "version": "0.1.0",
        }
        self.down = False  # answers nothing but assets
        self.life = 90 * 86400  # seconds that a new token would live by the settings
        self.clock_ahead = 0  # seconds that the server's clock is ahead
        self.refused = {}  # verb -> reason
        self.crd_missing = False
        self.requests = []
        self.changed = threading.Condition()
        self.lines = []  # more lines for open streams

    def push(self, line):
        with self.changed:
            self.lines.append(line)
            self.changed.notify_all()

    def permission(self, name):
        if name not in self.refused:
            return ALLOWED
        return {"allowed": False, "reason": "", "role": self.refused[name]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: Double

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.end_headers()
        self.wfile.write(data)

    def page(self, path):
        folder = PORTAL if self.double.sources else pathlib.Path(embedded().name)
        if not path.startswith("/_/"):
            index = folder / ("index.html.in" if self.double.sources else "index.html")
            text = index.read_text().replace("@ASSETS@", "/_/dev")
            return self.reply(200, text.encode(), "text/html; charset=utf-8")
        file = folder / path.split("/", 3)[3]
        if not file.is_file():
            return self.reply(404, {"message": "no such file"})
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return self.reply(200, file.read_bytes(), kind)

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        if not url.path.startswith("/api/"):
            return self.page(url.path)
        self.double.requests.append((self.command, self.path, body))
        if self.double.down:
            self.close_connection = True
            return None
        parts = [urllib.parse.unquote(p) for p in url.path.split("/")[2:]]
        noun = parts[0].replace("-", "_")
        name = f"{self.command.lower()}_{noun}" + ("_one" if len(parts) == 3 else "")
        answer = getattr(self, name, None)
        if not answer:
            return self.reply(404, {"status": 404, "message": f"the double has no {name}"})
        return answer(parts, query, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def get_session(self, *_):
        self.reply(
            200,
            {**self.double.session, "serverTime": instant(time.time() + self.double.clock_ahead)},
        )

    def delete_session(self, *_):
        self.reply(200, {"next": "/signin"})

    def get_namespaces(self, *_):
        names = sorted({row["ns"] for row in self.double.rows.values()})
        self.reply(200, {"all": True, "names": names, "updated": "live", "source": "cluster"})

    def get_rights(self, _, query, __):
        answer = {"namespace": query.get("ns", "")}
        answer["tokens"] = {verb: self.double.permission(verb) for verb in VERBS}
        answer["cluster"] = {verb: self.double.permission(verb) for verb in CLUSTER_VERBS}
        self.reply(200, answer)

    def get_about(self, *_):
        crds = [
            {"name": "apitokens.apitoken.dev", "version": "v1alpha1", "missing": [], "unknown": []}
        ]
        licences = [{"name": "preact", "version": "10.29.8", "licence": "MIT"}]
        self.reply(
            200,
            {
                "portal": "0.1.0",
                "kubernetes": "v1.36.3",
                "cluster": "prod-eu",
                "crds": crds,
                "licences": licences,
            },
        )

    def get_tokens_one(self, parts, *_):
        for row in self.double.rows.values():
            if [row["ns"], row["name"]] == parts[1:]:
                expiry = row["expiresAt"]
                warning = {
                    "config": "default",
                    "before": "720h",
                    "at": row["warnAt"] or expiry,
                    "toUser": False,
                }
                warning |= {"recipients": ["platform@example.com"], "state": "future"}
                return self.reply(
                    200,
                    {
                        "object": object_of(row),
                        "writers": [
                            {
                                "manager": "kubectl",
                                "subresource": "",
                                "at": row["createdAt"],
                                "fields": ["spec.user"],
                            }
                        ],
                        "events": [],
                        "secret": {"state": "present", "revision": 1},
                        "warnings": [warning],
                        "serverTime": instant(time.time()),
                    },
                )
        return self.reply(
            404, {"status": 404, "reason": "NotFound", "message": f"apitoken {parts[2]} not found"}
        )

    def start_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def line(self, body):
        self.wfile.write(json.dumps(body, separators=(",", ":")).encode() + b"\n")
        self.wfile.flush()

    def stream(self, first):
        """Writes `first`, then what tests push, and a ping a second, until the page goes or the
        server is down."""
        self.start_stream()
        seen = len(self.double.lines)
        try:
            for body in first:
                self.line(body)
            while not self.double.down:
                with self.double.changed:
                    self.double.changed.wait(1)
                    more, seen = self.double.lines[seen:], len(self.double.lines)
                for body in more or [{"ping": instant(time.time() + self.double.clock_ahead)}]:
                    self.line(body)
        except OSError:
            return

    def get_tokens(self, _, query, __):
        if self.double.crd_missing:
            message = "the server could not find the requested resource"
            return self.reply(404, {"status": 404, "reason": "CrdMissing", "message": message})
        if "hash" in query:
            self.start_stream()
            self.line({"columns": COLUMNS})
            return self.line({"synced": True})
        rows = [[row[c] for c in COLUMNS] for row in self.double.rows.values()]
        pages = [{"rows": rows[i : i + 500]} for i in range(0, len(rows), 500)]
        return self.stream([{"columns": COLUMNS}, *pages, {"synced": True}])

    def get_settings(self, _, query, __):
        rights = {
            name: self.double.permission(f"settings{name.title()}") for name in ("write", "delete")
        }
        if query.get("follow"):
            return self.stream([{"items": self.double.configs}])
        return self.reply(200, {"items": self.double.configs, "rights": rights})

    def post_settings(self, parts, _, body):
        """The preview; a double computes nothing, so the figures are fixed."""
        self.start_stream()
        now = {"within7days": 9}
        then = {"matched": 40, "within7days": 14, "atOnce": 3, "ownMail": 2, "ceiling": 1}
        self.line(
            {
                "summary": {
                    "tokens": len(self.double.rows),
                    "truncated": False,
                    "now": now,
                    "then": then,
                }
            }
        )
        rows = list(self.double.rows.values())[:60]
        to = "platform@example.com;security@example.com"
        changes = [
            [r["ns"], r["name"], r["user"], r["warnAt"], "720h", to, "New"]
            for r in rows
            if r["warnAt"]
        ]
        self.line({"changes": changes})
        self.line({"done": True})

    def post_tokens(self, *_):
        self.reply(403, {"status": 403, "message": "the double makes no tokens"})

    def post_preview_token(self, *_):
        warning = {"at": instant(time.time() + 60 * 86400), "config": "default", "before": "720h"}
        warning |= {"recipients": ["platform@example.com"], "toUser": False, "state": "future"}
        ceiling = {"ttl": "2160h", "config": "default"}
        expiry = instant(time.time() + self.double.life)
        return self.reply(
            200, {"expiresAt": expiry, "ceiling": ceiling, "warnings": [warning], "visible": True}
        )


def serve(double, port=0):
    """The server of `double` on loopback, in a thread; its address is server.url."""

    class Mine(Handler):
        pass

    Mine.double = double
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Mine)
    server.daemon_threads = True
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=200)
    options = parser.parse_args()
    print(
        serve(Double(options.tokens, sources=True), options.port).url + "/#key=double", flush=True
    )
    threading.Event().wait()
