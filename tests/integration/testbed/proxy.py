"""A proxy between operator and API server. It passes everything on, except what a test changes."""

import http.server
import ssl
import threading
import urllib.parse

import requests

from testbed import late

CUT = object()  # in place of bytes: break the connection in the middle of a chunk


class Proxy:
    """Speaks TLS with the API server's own certificate, and to the API server as the administrator.

    Hooks of a test, called on the connection's thread: spoil_watch(path, line) returns the bytes
    to send instead of a line of a watch, or CUT; spoil_answer(method, path, body) those instead
    of an answer; refuse(method, path) returns (status, headers) to answer instead of the API
    server, CUT to end the connection without an answer, or None."""

    def __init__(self, cluster, spoil_watch=None, spoil_answer=None, refuse=None):
        self.cluster = cluster
        self.spoil_watch = spoil_watch or (lambda path, line: line)
        self.spoil_answer = spoil_answer or (lambda method, path, body: body)
        self.refuse = refuse or (lambda method, path: None)
        self.seen = []  # (method, path) of every request
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (Exchange,), {"proxy": self})
        )
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            cluster.dir / "pki" / "apiserver.crt", cluster.dir / "pki" / "apiserver.key"
        )
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Exchange(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy = None

    def log_message(self, *args):
        pass

    def exchange(self):
        proxy = self.proxy
        path = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if (
            len(body) < length
        ):  # the connection ended before the request did: no request, and nothing to pass on
            self.close_connection = True
            return None
        proxy.seen.append((self.command, self.path))
        refusal = proxy.refuse(self.command, path.path)
        if refusal is CUT:
            self.close_connection = True
            return None
        if refusal:
            return self.answer_refusal(*refusal)
        headers = {
            name: self.headers[name]
            for name in ("Accept", "Content-Type", "User-Agent")
            if name in self.headers
        }
        pki = proxy.cluster.dir / "pki"
        answer = requests.request(
            self.command,
            proxy.cluster.url + self.path,
            data=body,
            headers=headers,
            stream=True,
            timeout=400,
            verify=str(proxy.cluster.dir / "ca.crt"),
            cert=(str(pki / "admin.crt"), str(pki / "admin.key")),
        )
        with answer:
            if "watch" in urllib.parse.parse_qs(path.query) and answer.status_code == 200:
                self.pass_watch(answer, path.path)
            else:
                self.pass_answer(answer, path.path)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = exchange

    def answer_refusal(self, status, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def pass_answer(self, answer, path):
        late.hold()
        content = self.proxy.spoil_answer(self.command, path, answer.content)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        if content is CUT:
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"kind":')
            self.close_connection = True
            return
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def pass_watch(self, answer, path):
        self.send_response(200)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        rest = b""
        try:
            for part in answer.raw.stream(1 << 16, decode_content=True):
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    spoilt = self.proxy.spoil_watch(path, line + b"\n")
                    if spoilt is CUT:
                        self.wfile.write(b"ffff\r\n" + line[:40])
                        self.close_connection = True
                        return
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(spoilt), spoilt))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True
