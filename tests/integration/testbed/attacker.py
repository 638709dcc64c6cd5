"""Opens connections that never become requests, all from one address. Some stay silent, others
send one byte now and then. The attacker is a process of its own, so that a test can measure the
operator meanwhile. It opens each connection again that the server closes.

  attacker.py PORT SILENT TRICKLING [--tls]

It prints "ready" when all connections are open, and goes on until its standard input ends. Then it
prints one line of JSON that counts what happened to the connections.
"""

import argparse
import errno
import json
import os
import resource
import selectors
import socket
import ssl
import subprocess
import sys
import time

TRICKLE_EVERY = 0.5
HEAD = b"GET /auth HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 4096
HELLO = (
    b"\x16\x03\x01\x0f\xff\x01\x00\x0f\xfb\x03\x03" + b"a" * 4000
)  # a TLS ClientHello that does not end
# How many of the trickling TLS connections finish their handshake and then trickle a request.
HANDSHAKES = 100


class Attacker:
    def __init__(self, options):
        self.port, self.tls = options.port, options.tls
        self.selector = selectors.DefaultSelector()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.opened = self.closed_by_server = self.refused = 0
        self.open = {}  # socket -> [kind, bytes sent]
        self.missing = ["silent"] * options.silent + ["trickling"] * (
            options.trickling - (HANDSHAKES if self.tls else 0)
        )
        self.missing += ["shaken"] * HANDSHAKES if self.tls else []
        self.wanted = len(self.missing)

    def connect(self, kind):
        sock = socket.socket()
        try:
            sock.settimeout(5)
            sock.connect(("127.0.0.1", self.port))
            if kind == "shaken":
                sock = self.context.wrap_socket(sock)
            sock.setblocking(False)
        except OSError:
            self.refused += 1
            self.missing.append(kind)
            sock.close()
            return
        self.opened += 1
        self.open[sock] = [kind, 0]
        self.selector.register(sock, selectors.EVENT_READ)

    def drop(self, sock):
        self.selector.unregister(sock)
        self.missing.append(self.open.pop(sock)[0])
        self.closed_by_server += 1
        sock.close()

    def trickle(self):
        for sock, state in list(self.open.items()):
            kind, sent = state
            if kind == "silent":
                continue
            script = HELLO if self.tls and kind == "trickling" else HEAD
            try:
                state[1] += sock.send(script[sent : sent + 1])
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK):
                    self.drop(sock)

    def run(self):
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        most, next_trickle, ready = 0, time.monotonic() + TRICKLE_EVERY, False
        while True:
            for _ in range(min(50, len(self.missing))):
                self.connect(self.missing.pop(0))
            most = max(most, len(self.open))
            if not ready and self.opened >= self.wanted:
                ready = True
                print("ready", flush=True)
            for key, _ in self.selector.select(0 if self.missing else 0.05):
                if key.fileobj is sys.stdin:
                    return {
                        "opened": self.opened,
                        "most": most,
                        "closed_by_server": self.closed_by_server,
                        "refused": self.refused,
                    }
                try:
                    ended = not key.fileobj.recv(4096)
                except (BlockingIOError, ssl.SSLWantReadError):
                    continue
                except OSError:
                    ended = True
                if ended:
                    self.drop(key.fileobj)
            if time.monotonic() >= next_trickle:
                self.trickle()
                next_trickle = time.monotonic() + TRICKLE_EVERY


class Attack:
    """The process, as a test sees it."""

    def __init__(self, port, silent=1000, trickling=1000, tls=False):
        command = [
            sys.executable,
            os.path.abspath(__file__),
            str(port),
            str(silent),
            str(trickling),
        ] + ["--tls"] * tls
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def stop(self):
        out, _ = self.process.communicate("", timeout=30)
        return json.loads(out.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("silent", type=int)
    parser.add_argument("trickling", type=int)
    parser.add_argument("--tls", action="store_true")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(json.dumps(Attacker(parser.parse_args()).run()), flush=True)


if __name__ == "__main__":
    main()
