"""The proxies of docs/verify.md, each with the configuration of that page. A client sends
X-Auth-Request-* headers of its own, in any spelling, and none reaches a service. One operator
with a certificate that the proxies verify."""

import http.client
import http.server
import os
import re
import subprocess
import threading
from typing import ClassVar

import pytest
import yaml

from testbed.built import built
from testbed.certificates import Authority
from testbed.cluster import ROOT, established
from testbed.namespace import TestNamespace
from testbed.process import Operator, free_port
from testbed.waiting import wait_for

PAGE = (ROOT / "docs/verify.md").read_text()
SERVICE = "apitoken-operator.apitoken-system.svc"
FOREIGN = "apt_" + "0" * 46
NGINX = """
daemon off; worker_processes 1; pid {dir}/nginx.pid;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {dir}/1; proxy_temp_path {dir}/2; fastcgi_temp_path {dir}/3;
  uwsgi_temp_path {dir}/4; scgi_temp_path {dir}/5;
  server {{
    listen 127.0.0.1:{port};
    {locations}
  }}
}}
"""
# The kinds that Traefik watches; it does not start without one of them.
TRAEFIK_KINDS = (
    "IngressRoute",
    "IngressRouteTCP",
    "IngressRouteUDP",
    "Middleware",
    "MiddlewareTCP",
    "ServersTransport",
    "ServersTransportTCP",
    "TLSOption",
    "TLSStore",
    "TraefikService",
)


def block(begin, language="yaml"):
    """The only code block of the page that begins with this text."""
    (found,) = [
        text
        for text in re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)
        if text.startswith(begin)
    ]
    return found


def replaced(text, *pairs):
    for there, here in pairs:
        assert there in text, there
        text = text.replace(there, here)
    return text


class Backend(http.server.BaseHTTPRequestHandler):
    """Keeps the headers that name the caller, in every spelling."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list] = []

    def do_GET(self):
        said = [
            (name, value)
            for name, value in self.headers.items()
            if re.match(r"x[\W_]auth[\W_]request[\W_]", name, re.I)
        ]
        Backend.seen.append(sorted((name.title(), value) for name, value in said))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class ProxyTestbed:
    """The operator and its two tokens, and the service that the proxies protect."""

    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.authority = Authority(directory / "pki")
        self.namespace = TestNamespace.made(cluster)
        name = self.namespace.name
        certificate, key = self.authority.files("operator", "server")
        self.operator = Operator(
            [
                "--kubeconfig",
                str(cluster.kubeconfig),
                "--namespaces",
                name,
                "--operator-namespace",
                name,
                "--verify-tls-cert-file",
                certificate,
                "--verify-tls-key-file",
                key,
            ],
            directory / "operator.log",
            {},
        ).wait_ready()
        self.with_groups = self.namespace.minted_value(
            "with-groups", groups=["deployers", "readers"]
        )
        self.without_groups = self.namespace.minted_value("without-groups")
        self.backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
        threading.Thread(target=self.backend.serve_forever, daemon=True).start()

    def close(self):
        self.backend.shutdown()
        self.backend.server_close()
        try:
            self.operator.stop()
            self.operator.check_log()
        finally:
            self.namespace.remove()


@pytest.fixture(scope="module")
def testbed(cluster, tmp_path_factory):
    testbed = ProxyTestbed(cluster, tmp_path_factory.mktemp("proxies"))
    yield testbed
    testbed.close()


def start_nginx(testbed, port, directory):
    locations = replaced(
        block("location", "nginx"),
        ("http://backend", f"http://127.0.0.1:{testbed.backend.server_port}"),
        (f"https://{SERVICE}:8443", testbed.operator.verify_url),
        (SERVICE, "localhost"),
        ("/etc/nginx/apitoken-ca.crt", str(testbed.authority.file)),
    )
    config = directory / "nginx.conf"
    config.write_text(
        "user root;" * (os.getuid() == 0)
        + NGINX.format(dir=directory, port=port, locations=locations)
    )
    return ["/usr/sbin/nginx", "-c", config, "-p", directory, "-e", directory / "error.log"], {}


def start_envoy(testbed, port, directory):
    config = replaced(
        block("static_resources"),
        ("address: 0.0.0.0, port_value: 8080", f"address: 127.0.0.1, port_value: {port}"),
        (
            "address: backend, port_value: 9000",
            f"address: 127.0.0.1, port_value: {testbed.backend.server_port}",
        ),
        (
            f"address: {SERVICE}, port_value: 8443",
            f"address: 127.0.0.1, port_value: {testbed.operator.verify_port}",
        ),
        (f"{SERVICE}:8443", f"localhost:{testbed.operator.verify_port}"),
        (SERVICE, "localhost"),
        ("/etc/envoy/apitoken-ca.crt", str(testbed.authority.file)),
    )
    path = directory / "envoy.yaml"
    path.write_text(config)
    return [
        built("proxies")["envoy"],
        "--config-path",
        path,
        "--use-dynamic-base-id",
        "--concurrency",
        "1",
        "--log-level",
        "warning",
    ], {}


def define_traefik_kinds(cluster):
    """Traefik's CRDs without a schema, so that the page's objects reach Traefik unchanged."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    for kind in TRAEFIK_KINDS:
        plural = kind.lower() + "s"
        version = {"name": "v1alpha1", "served": True, "storage": True, "schema": schema}
        cluster.kubectl(
            "apply",
            "-f",
            "-",
            input=yaml.safe_dump(
                {
                    "apiVersion": "apiextensions.k8s.io/v1",
                    "kind": "CustomResourceDefinition",
                    "metadata": {"name": f"{plural}.traefik.io"},
                    "spec": {
                        "group": "traefik.io",
                        "scope": "Namespaced",
                        "versions": [version],
                        "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                    },
                }
            ),
        )
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.traefik.io"
        wait_for(
            lambda path=path: established(cluster.api.get(path)), 30, f"{kind} is not established"
        )


def start_traefik(testbed, port, directory):
    define_traefik_kinds(testbed.cluster)
    name = testbed.namespace.name
    testbed.cluster.api.create(
        f"/api/v1/namespaces/{name}/services",
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "backend"},
            "spec": {
                "type": "ExternalName",
                "externalName": "localhost",
                "ports": [{"port": testbed.backend.server_port}],
            },
        },
    )
    testbed.namespace.secret("apitoken-ca", ca__crt=testbed.authority.file.read_text())
    routes = replaced(
        block("apiVersion: traefik.io"),
        (f"https://{SERVICE}:8443", f"https://localhost:{testbed.operator.verify_port}"),
        ("port: 9000", f"port: {testbed.backend.server_port}"),
    )
    testbed.cluster.kubectl("apply", "-n", name, "-f", "-", input=routes)
    (of_page,) = re.findall(r"^traefik (--.*)$", PAGE, re.M)
    flags = [
        of_page,
        f"--entrypoints.web.address=127.0.0.1:{port}",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.level=WARN",
        "--providers.kubernetescrd",
        f"--providers.kubernetescrd.namespaces={name}",
        "--providers.kubernetescrd.allowexternalnameservices",
        "--providers.kubernetescrd.disableclusterscoperesources",
    ]
    return [built("proxies")["traefik"], *flags], {"KUBECONFIG": str(testbed.cluster.kubeconfig)}


class Proxy:
    def __init__(self, port):
        self.port = port

    def ask(self, token=None, headers=()):
        """(status, challenge, the X-Auth-Request-* headers that the service saw, or None without
        a request)."""
        Backend.seen.clear()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.putrequest("GET", "/orders?scope=admin&scope=other")
            if token:
                connection.putheader("Authorization", f"Bearer {token}")
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            answer.read()
            return (
                answer.status,
                answer.headers.get("WWW-Authenticate"),
                (Backend.seen[0] if Backend.seen else None),
            )
        finally:
            connection.close()

    def lets_through(self, token):
        try:
            return self.ask(token)[0] == 200
        except OSError:
            return False


STARTS = {"nginx": start_nginx, "envoy": start_envoy, "traefik": start_traefik}


@pytest.fixture(scope="module", params=STARTS)
def proxy(request, testbed, tmp_path_factory):
    directory, port = tmp_path_factory.mktemp(request.param), free_port()
    command, environment = STARTS[request.param](testbed, port, directory)
    log = directory / "log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
    try:
        proxy = Proxy(port)
        wait_for(
            lambda: process.poll() is not None or proxy.lets_through(testbed.with_groups),
            20,
            lambda: f"{request.param} lets no good token through:\n{log.read_text()[-5000:]}",
        )
        assert process.poll() is None, log.read_text()[-5000:]
        yield proxy
    finally:
        process.terminate()
        process.wait(20)


SPOOFS = {
    "none": [],
    "as documented": [("X-Auth-Request-User", "mallory"), ("X-Auth-Request-Groups", "admins")],
    "other case, twice": [
        ("x-auth-request-user", "mallory"),
        ("X-AUTH-REQUEST-USER", "eve"),
        ("x-Auth-request-GROUPS", "admins"),
    ],
    "underscores": [
        ("X_Auth_Request_User", "mallory"),
        ("X_Auth_Request_Groups", "admins"),
        ("X-Auth_Request-Groups", "admins"),
    ],
    "dots": [
        ("X.Auth.Request.User", "mallory"),
        ("X!Auth!Request!Groups", "admins"),
        ("X-Auth.Request_Groups", "admins"),
    ],
    "empty": [("X-Auth-Request-User", ""), ("X-Auth-Request-Groups", "")],
}


@pytest.mark.parametrize("spoof", SPOOFS)
@pytest.mark.parametrize(
    "token, groups", [("with_groups", "deployers,readers"), ("without_groups", "-")]
)
def test_a_service_sees_our_headers_alone(testbed, proxy, token, groups, spoof):
    status, _, seen = proxy.ask(getattr(testbed, token), SPOOFS[spoof])
    assert status == 200
    assert seen == [("X-Auth-Request-Groups", groups), ("X-Auth-Request-User", "alice@example.com")]


@pytest.mark.parametrize("token", [None, FOREIGN])
def test_a_request_without_a_good_token_reaches_no_service(proxy, token):
    status, challenge, seen = proxy.ask(token, SPOOFS["as documented"])
    assert (status, seen) == (401, None)
    assert challenge.startswith("Bearer realm="), "the proxy hands the challenge on"


def test_headers_named_as_hop_by_hop_change_nothing(testbed, proxy):
    """`Connection: X-Auth-Request-Groups` asks a proxy to drop that header. Either our header
    arrives, or no request does."""
    spoof = [
        ("Connection", "close, X-Auth-Request-User, X-Auth-Request-Groups"),
        *SPOOFS["as documented"],
    ]
    status, _, seen = proxy.ask(testbed.with_groups, spoof)
    whole = [
        ("X-Auth-Request-Groups", "deployers,readers"),
        ("X-Auth-Request-User", "alice@example.com"),
    ]
    assert (status, seen) == (200, whole) or (status in (400, 403) and seen is None)


def test_the_documented_certificates_are_what_cert_manager_takes(cluster):
    """The API server checks them by cert-manager's CRDs; the names are those of the Service in
    the manifests."""
    kinds = [f"{kind}.cert-manager.io" for kind in ("issuers", "certificates")]
    cluster.kubectl(
        "apply",
        "--server-side",
        "-f",
        built("proxies")["kinds"] + "/issuers.yaml",
        "-f",
        built("proxies")["kinds"] + "/certificates.yaml",
    )
    try:
        cluster.await_crds(*kinds)
        documented = block("apiVersion: cert-manager.io")
        here = replaced(documented, ("namespace: apitoken-system", "namespace: default"))
        cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", input=here)
    finally:
        cluster.kubectl("delete", "crd", *kinds)
    (certificate,) = [
        thing
        for thing in yaml.safe_load_all(documented)
        if thing["spec"].get("secretName") == "apitoken-operator-tls"
    ]
    services = [
        thing
        for thing in yaml.safe_load_all(
            cluster.kubectl("kustomize", ROOT / "manifests/default").stdout
        )
        if thing["kind"] == "Service"
    ]
    names = {
        f"{s['metadata']['name']}.{s['metadata']['namespace']}.svc"
        for s in services
        if any(p["port"] == 8443 for p in s["spec"]["ports"])
    }
    assert names and names <= set(certificate["spec"]["dnsNames"])
