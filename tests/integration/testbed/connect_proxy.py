"""Proxies as companies have them: HTTP proxies that take CONNECT, over TLS too, and SOCKS5 proxies.
Each reaches one server, by any name that a client asks for."""

import base64
import contextlib
import select
import socket
import socketserver
import ssl
import threading


class ConnectProxy:
    """seen: "host:port" of each way that a client asked for. With `login` ("user:password") the
    proxy wants that login. With `files` (certificate, key) it speaks TLS."""

    scheme = "http"

    def __init__(self, port, login=None, files=None):
        self.port = port
        self.seen = []
        self.login = login
        context = None
        if files:
            self.scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*files)
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def setup(self):
                if context:
                    self.request = context.wrap_socket(self.request, server_side=True)
                super().setup()

            def handle(self):
                with self.connection, contextlib.suppress(OSError, ValueError, IndexError):
                    proxy.serve(self.rfile, self.wfile, self.connection)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that broke off its handshake

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"{self.scheme}://{self.address}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def url_with(self, login):
        return self.url.replace("://", f"://{login}@")

    def serve(self, reading, writing, client):
        method, target, _ = [*reading.readline().decode().split(), "", "", ""][:3]
        headers = {}
        while (line := reading.readline().decode().strip()) and len(headers) < 100:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        wanted = f"Basic {base64.b64encode((self.login or '').encode()).decode()}"
        if method != "CONNECT":
            writing.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
        elif self.login and headers.get("proxy-authorization") != wanted:
            writing.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        else:
            self.lead_on(target, client, b"HTTP/1.1 200 Connection established\r\n\r\n")

    def lead_on(self, target, client, answer):
        self.seen.append(target)
        with socket.create_connection(("127.0.0.1", self.port)) as server:
            client.sendall(answer)
            pass_on(client, server)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class SocksProxy(ConnectProxy):
    """SOCKS5, RFC 1928 and RFC 1929."""

    scheme = "socks5"

    def serve(self, reading, writing, client):
        _, count = reading.read(2)
        method = 2 if self.login else 0
        if method not in reading.read(count):
            writing.write(b"\x05\xff")
            return
        writing.write(bytes([5, method]))
        if method == 2 and not self.knows_login(reading, writing):
            return
        *_, kind = reading.read(4)
        if kind == 3:
            host = reading.read(reading.read(1)[0]).decode()
        else:
            host = socket.inet_ntoa(reading.read(4))
        port = int.from_bytes(reading.read(2), "big")
        self.lead_on(f"{host}:{port}", client, b"\x05\x00\x00\x01" + bytes(6))

    def knows_login(self, reading, writing):
        _, size = reading.read(2)
        user = reading.read(size)
        password = reading.read(reading.read(1)[0])
        right = user + b":" + password == self.login.encode()
        writing.write(b"\x01\x00" if right else b"\x01\x01")
        return right


class BrokenProxy(ConnectProxy):
    """Says `answer` to the first byte, then waits until its client goes, or goes itself."""

    def __init__(self, answer, waits):
        self.answer = answer
        self.waits = waits
        super().__init__(0)

    def serve(self, reading, writing, client):
        self.seen.append(reading.read(1))
        writing.write(self.answer)
        while self.waits and client.recv(4096):
            pass


def pass_on(client, server):
    """One thread, since two must not use one TLS connection at the same time."""
    pending = getattr(client, "pending", int)  # what TLS has decrypted ahead
    while True:
        ready = [client] if pending() else select.select([client, server], [], [])[0]
        for source in ready:
            piece = source.recv(65536)
            if not piece:
                return
            (server if source is client else client).sendall(piece)
