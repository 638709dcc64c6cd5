"""A node whose kubelet serves the logs of one pod, which the API server passes on: no pod runs in
these tests, so the log is a file of an operator that runs as a process."""

import http.server
import ssl
import threading
import urllib.parse


class Kubelet:
    """paths: what was asked."""

    def __init__(self, cluster, authority, name, read_log):
        self.api, self.name, self.paths = cluster.api, name, []
        kubelet = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                kubelet.paths.append(self.path)
                found = urllib.parse.urlsplit(self.path).path.startswith("/containerLogs/")
                body = read_log().encode() if found else b""
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.files("kubelet", "server"))
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.api.create("/api/v1/nodes", {"metadata": {"name": name}})
        self.api.patch(
            f"/api/v1/nodes/{name}/status",
            {
                "status": {
                    "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                    "daemonEndpoints": {"kubeletEndpoint": {"Port": self.server.server_port}},
                }
            },
        )

    def stop(self):
        self.api.delete(f"/api/v1/nodes/{self.name}")
        self.server.shutdown()
        self.server.server_close()
