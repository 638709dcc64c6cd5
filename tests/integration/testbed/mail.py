"""Mail servers: mailpit, which behaves like a real one and shows what arrived, and scripted ones
for faults."""

import email
import email.policy
import socket
import subprocess
import threading

import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from .cluster import ROOT, exports_of
from .process import free_port
from .waiting import wait_for

MAILSERVER = ROOT / "hack" / "mailserver.sh"
LOGIN = ("tokens", "correct-horse-battery")


class Mailpit:
    """hack/mailserver.sh in a directory of its own; keeps its port when stopped and started
    again."""

    def __init__(self, directory, tls="starttls"):
        self.directory = directory
        self.tls = tls
        self.start()

    def _run(self, command, *args):
        done = subprocess.run(
            [MAILSERVER, command, "--dir", self.directory, *args],
            text=True,
            capture_output=True,
            timeout=900,
        )
        assert done.returncode == 0, f"mailserver.sh {command}: {done.stderr}"
        return done.stdout

    def start(self):
        exports = exports_of(self._run("start", "--tls", self.tls, "--auth", ":".join(LOGIN)))
        self.server = f"{exports['SMTP_HOST']}:{exports['SMTP_PORT']}"
        self.url = exports["MAILPIT_URL"]
        self.ca = open(exports["SMTP_CA"], encoding="ascii").read()

    def stop(self):
        self._run("stop")

    def purge(self):
        self._run("stop", "--purge")

    def clear(self):
        requests.delete(f"{self.url}/api/v1/messages", timeout=10).raise_for_status()

    def received(self):
        """Every mail, oldest first, as email.message.EmailMessage, with .recipients of the
        envelope."""
        listed = requests.get(
            f"{self.url}/api/v1/messages", params={"limit": 500}, timeout=10
        ).json()["messages"]
        return [self._message(m) for m in reversed(listed)]

    def _message(self, entry):
        raw = requests.get(f"{self.url}/api/v1/message/{entry['ID']}/raw", timeout=10).content
        message = email.message_from_bytes(raw, policy=email.policy.default)
        message.recipients = sorted(
            a["Address"] for a in (entry["To"] or []) + (entry["Cc"] or []) + (entry["Bcc"] or [])
        )
        return message

    def wait_mail(self, count=1, timeout=20):
        wait_for(
            lambda: len(self.received()) >= count,
            timeout,
            lambda: f"{len(self.received())} mails, not {count}",
        )
        return self.received()


def part(message, kind):
    """The text of the body part, kind 'plain' or 'html'."""
    body = message.get_body(preferencelist=(kind,))
    assert body is not None, f"no {kind} part"
    return body.get_content()


class Script:
    """The answers of a scripted server, and what it saw. Each hook returns an SMTP reply, or
    None to accept."""

    def __init__(self, recipient=None, received=None, login=None):
        self.recipient = recipient or (lambda address: None)
        self.after_content = received or (lambda attempt: None)
        self.login = login
        self.attempts = []  # every content that came, accepted or not
        self.accepted = []
        self.logins = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        refused = self.recipient(address)
        if refused:
            return refused
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        message.recipients = sorted(envelope.rcpt_tos)
        self.attempts.append(message)
        refused = self.after_content(len(self.attempts))
        if refused:
            return refused
        self.accepted.append(message)
        return "250 OK"

    def authenticate(self, server, session, envelope, mechanism, credentials):
        self.logins += 1
        return AuthResult(
            success=self.login == (credentials.login.decode(), credentials.password.decode()),
            handled=False,
        )


class ScriptedServer:
    """aiosmtpd in a thread, in clear or with TLS from the first byte."""

    def __init__(self, script, tls=None):
        options = {}
        if script.login:
            options = {
                "authenticator": script.authenticate,
                "auth_require_tls": False,
                "auth_required": True,
            }
        self.script = script
        self.controller = Controller(
            script, hostname="127.0.0.1", port=free_port(), ssl_context=tls, **options
        )
        self.controller.start()
        self.server = f"127.0.0.1:{self.controller.port}"

    def stop(self):
        self.controller.stop()


class HostileServer:
    """Speaks enough SMTP to receive a login and a mail in clear, and keeps every byte."""

    def __init__(self, host="127.0.0.1"):
        self.listener = socket.create_server((host, 0))
        self.server = "{}:{}".format(*self.listener.getsockname()[:2])
        self.connections = 0
        self.heard = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with connection, connection.makefile("rwb") as stream:

            def say(text):
                stream.write(text.encode() + b"\r\n")
                stream.flush()

            say("220 mail.example.com ESMTP")
            for line in stream:
                self.heard += line
                verb = line.split()[0].upper() if line.split() else b""
                if verb == b"EHLO":
                    say("250-mail.example.com\r\n250 AUTH PLAIN LOGIN")
                elif verb == b"AUTH" and len(line.split()) < 3:
                    say("334 VXNlcm5hbWU6")
                elif verb == b"AUTH":
                    say("235 welcome")
                elif verb == b"QUIT":
                    return say("221 bye")
                else:
                    say("250 OK")

    def stop(self):
        self.listener.close()


class SilentServer:
    """Accepts connections and sends nothing."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                self.connections.append(self.listener.accept()[0])
            except OSError:
                return

    def stop(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()
