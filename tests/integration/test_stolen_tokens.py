"""What a token opens for an attacker: a changed JWT, a token shown to a service or a proxy, a
connection without TLS, a server that answers instead of the operator. On a real API server under
all shipped policies."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import types

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from test_proxies import STARTS, Backend, Proxy

from testbed import guarded
from testbed.api import secrets
from testbed.certificates import Authority
from testbed.policies import SYSTEM
from testbed.process import free_port
from testbed.verifying import auth, is_valid, keys, review
from testbed.waiting import SCALE, eventually, wait_for

cluster, operator_kubeconfig = guarded.cluster, guarded.operator_kubeconfig

ISSUER = "https://tokens.example.com"
API = "https://api.example.com"
OTHER = "https://other.example.com"


@pytest.fixture
def operator(cluster, launch, namespace):
    """Has its keys in a namespace where the policies allow it."""
    flags = ["--namespaces", namespace.name, "--operator-namespace", SYSTEM, "--issuer", ISSUER]
    operator = launch(*flags)
    yield operator
    operator.stop()
    secrets(cluster.api, SYSTEM).delete("apitoken-operator-jwt-keys")


# --- JWTs -----------------------------------------------------------------------------------------


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def forgeries(value, public_key):
    """JWTs made from `value` that claim more, without the key that signed it."""
    header = jwt.get_unverified_header(value)
    claims = jwt.decode(value, options={"verify_signature": False})
    claims = {**claims, "sub": "root", "groups": ["admins"], "exp": claims["exp"] + 86400}
    body, signature = base64url(json.dumps(claims).encode()), value.rpartition(".")[2]

    def unsigned(**changes):
        return f"{base64url(json.dumps({**header, **changes}).encode())}.{body}"

    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    by_public_key = hmac.new(pem, unsigned(alg="HS256").encode(), hashlib.sha256).digest()
    own = ec.generate_private_key(ec.SECP256R1())
    with_key = {**header, "jwk": json.loads(jwt.algorithms.ECAlgorithm.to_jwk(own.public_key()))}
    return {
        "changed claims": f"{unsigned()}.{signature}",
        "no algorithm": f"{unsigned(alg='none')}.",
        "no algorithm, a signature": f"{unsigned(alg='none')}.{signature}",
        "the public key as a password": f"{unsigned(alg='HS256')}.{base64url(by_public_key)}",
        "another key": jwt.encode(claims, own, "ES256", headers=header),
        "another key, brought along": jwt.encode(claims, own, "ES256", headers=with_key),
    }


def key_of(operator, value):
    kid = jwt.get_unverified_header(value)["kid"]
    (key,) = [k.key for k in jwt.PyJWKSet.from_dict(keys(operator)).keys if k.key_id == kid]
    return key


def test_a_jwt_that_its_holder_changed_is_refused(namespace, operator):
    value = namespace.minted_value(type="Temporary", format="JWT", audiences=[API])
    key = key_of(operator, value)
    for how, forged in forgeries(value, key).items():
        assert not is_valid(operator, forged), how
        assert review(operator, forged) == {"authenticated": False}, how
        with pytest.raises(jwt.InvalidTokenError):
            jwt.decode(forged, key, algorithms=["ES256"], audience=API)
    assert is_valid(operator, value)
    assert jwt.decode(value, key, algorithms=["ES256"], audience=API)["sub"] == "alice@example.com"


def test_a_revoked_jwt_lives_by_keys_alone_and_until_exp(namespace, operator):
    value = namespace.minted_value(type="Temporary", format="JWT", ttl="15s", audiences=[API])
    key = key_of(operator, value)

    def by_keys():
        return jwt.decode(value, key, algorithms=["ES256"], audience=API, issuer=ISSUER)

    namespace.tokens.patch("ci", {"spec": {"revoked": True}})
    wait_for(lambda: not is_valid(operator, value), 2, "a revoked token is valid")
    assert review(operator, value) == {"authenticated": False}
    assert by_keys()["exp"] > time.time(), "docs: what stays"

    def refused():
        with pytest.raises(jwt.ExpiredSignatureError):
            by_keys()

    eventually(refused, 20)


# --- a token that a service was shown -------------------------------------------------------------


def test_a_token_for_one_service_opens_no_other(namespace, operator):
    value = namespace.minted_value(audiences=[API], scopes=["read"])
    assert auth(operator, value, audience=API, scope="read").status_code == 200
    assert auth(operator, value, audience=OTHER).status_code == 401
    assert auth(operator, value, audience=API, scope="write").status_code == 403
    assert review(operator, value, audiences=[API, OTHER])["audiences"] == [API]
    assert review(operator, value, audiences=[OTHER]).get("authenticated") is not True


# --- the network ----------------------------------------------------------------------------------


def converse(operator, request, version=None):
    """The answer to these bytes, over TLS of that version or in clear."""
    raw = socket.create_connection(("127.0.0.1", operator.verify_port), timeout=10 * SCALE)
    with raw as connection:
        if version:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            connection = context.wrap_socket(raw)  # noqa: PLW2901
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def auth_request(token):
    head = f"GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode()


def test_no_token_is_taken_without_tls_1_2(namespace, operator):
    request = auth_request(namespace.minted_value())
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert converse(operator, request, version).startswith(b"HTTP/1.1 200")
    with pytest.raises(ssl.SSLError):
        converse(operator, request, ssl.TLSVersion.TLSv1_1)
    with contextlib.suppress(ConnectionError):
        assert b"200" not in converse(operator, request)


SECOND = ["Transfer-Encoding: chunked", "Content-Length: 60"]


@pytest.mark.parametrize("second", SECOND)
def test_a_request_with_two_lengths_hides_no_other(namespace, operator, second):
    """The body of one request for a proxy may be a second request for the server behind it."""
    head = f"POST /tokenreview HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{second}\r\n\r\n"
    hidden = b"0\r\n\r\n" + auth_request(namespace.minted_value())
    answer = converse(operator, head.encode() + hidden, ssl.TLSVersion.TLSv1_3)
    assert answer.startswith(b"HTTP/1.1 400") and answer.count(b"HTTP/1.1 ") == 1


# --- somebody in the operator's place -------------------------------------------------------------


class Impostor(http.server.BaseHTTPRequestHandler):
    """Answers about every caller like the operator about a valid token."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        headers = {"X-Auth-Request-User": "mallory", "X-Auth-Request-Groups": "admins"}
        for name, value in {**headers, "Content-Length": "0", "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Serves over TLS with the certificate of the last show(), in a context of its own, so that
    no session is resumed."""

    context = None

    def show(self, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)

    def get_request(self):
        connection, address = super().get_request()
        if self.context:
            options = {"server_side": True, "do_handshake_on_connect": False}
            connection = self.context.wrap_socket(connection, **options)
        return connection, address

    def handle_error(self, *_):
        pass  # a client that refuses the certificate


@contextlib.contextmanager
def serving(handler):
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def running(command, environment, log):
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("name", STARTS)
def test_a_documented_proxy_believes_nobody_in_the_operators_place(
    cluster, namespace, tmp_path, name
):
    trusted, stranger = Authority(tmp_path / "trusted"), Authority(tmp_path / "stranger")
    with serving(Backend) as backend, serving(Impostor) as impostor:
        impostor.show(*trusted.files("operator", "server"))
        port = impostor.server_port
        operator = types.SimpleNamespace(verify_port=port, verify_url=f"https://127.0.0.1:{port}")
        testbed = types.SimpleNamespace(
            cluster=cluster,
            namespace=namespace,
            authority=trusted,
            operator=operator,
            backend=backend,
        )
        proxy = Proxy(free_port())
        command, environment = STARTS[name](testbed, proxy.port, tmp_path)
        with running(command, environment, tmp_path / "log"):
            wait_for(lambda: proxy.lets_through("any"), 20, (tmp_path / "log").read_text)
            assert ("X-Auth-Request-User", "mallory") in proxy.ask("any")[2], "it has the CA's word"
            impostor.show(*stranger.files("operator", "server"))
            for _ in range(3):
                status, _, seen = proxy.ask("any")
                assert status >= 400 and seen is None
