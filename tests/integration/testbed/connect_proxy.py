"""An HTTP proxy that takes CONNECT, as companies have them. It reaches one
server, by any name that a client asks for."""

import base64
import contextlib
import socket
import socketserver
import threading


class ConnectProxy:
    """seen: "host:port" of each CONNECT. With `login` ("user:password") it wants that."""

    def __init__(self, port, login=None):
        self.port = port
        self.seen = []
        self.authorization = (
            f"basic {base64.b64encode(login.encode()).decode()}".lower() if login else None
        )
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                proxy.serve(self.rfile, self.wfile, self.connection)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def serve(self, reading, writing, client):
        method, target, _ = [*reading.readline().decode().split(), "", "", ""][:3]
        headers = {}
        while (line := reading.readline().decode().strip()) and len(headers) < 100:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip().lower()
        if method != "CONNECT":
            writing.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
        elif self.authorization and headers.get("proxy-authorization") != self.authorization:
            writing.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        else:
            self.seen.append(target)
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                writing.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=pass_on, args=(server, client), daemon=True).start()
                pass_on(client, server)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def pass_on(source, target):
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
