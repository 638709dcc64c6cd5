"""An OpenID provider of the tests, over TLS with a private CA: authorization code flow with PKCE,
single-use codes, rotating refresh tokens, sign-out. Visitors of /authorize sign in as `person`, or
as the query's `as`. Tests change its claims to see what a relying party must refuse."""

import base64
import hashlib
import http.server
import json
import secrets
import ssl
import threading
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

KEY_ID = "issuer-key"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    def __init__(self, authority):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.ca_file = authority.file
        self.reset()
        self.codes, self.refresh_tokens, self.issued = {}, {}, []
        self.lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.files("issuer", "server"))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self):
        """As an honest issuer."""
        self.person = "viewer@example.com"
        self.claims = {}  # put over those of the next id_tokens; None takes one away
        self.lifetime = 3600
        self.refreshes = "rotate"  # "off": no refresh token; "silent": no id_token on refresh
        self.refused = None  # an error code in place of a code
        self.away = False  # 503 from the token endpoint
        self.require_secret = None

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    # --- what it answers -------------------------------------------------------------------------

    def discovery(self):
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "end_session_endpoint": f"{self.url}/logout",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def keys(self):
        point = self.key.public_key().public_numbers()
        jwk = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY_ID}
        jwk |= {"x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big"))}
        return {"keys": [jwk]}

    def authorize(self, query):
        back = {"state": query["state"]}
        if self.refused:
            back["error"] = self.refused
        else:
            back["code"] = secrets.token_urlsafe(24)
            self._remember(back["code"])
            with self.lock:
                self.codes[back["code"]] = query
        return f"{query['redirect_uri']}?{urllib.parse.urlencode(back)}"

    def token(self, form):
        """(status, body)."""
        if self.away:
            return 503, {}
        if self.require_secret and form.get("client_secret") != self.require_secret:
            return 401, {"error": "invalid_client"}
        with self.lock:
            asked = (
                self.codes.pop(form.get("code"), None)
                if form.get("grant_type") == "authorization_code"
                else self.refresh_tokens.pop(form.get("refresh_token"), None)
            )
        if asked is None:
            return 400, {"error": "invalid_grant", "error_description": json.dumps(form)}
        if "code" in form:
            challenge = b64(hashlib.sha256(form["code_verifier"].encode()).digest())
            self._remember(form["code_verifier"])
            if (
                challenge != asked["code_challenge"]
                or form["redirect_uri"] != asked["redirect_uri"]
            ):
                return 400, {"error": "invalid_grant"}
        answer = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer"}
        if "code" in form or self.refreshes != "silent":
            answer["id_token"] = self.id_token(asked, refreshed="code" not in form)
        if self.refreshes != "off":
            answer["refresh_token"] = secrets.token_urlsafe(24)
            self._remember(answer["refresh_token"])
            with self.lock:
                self.refresh_tokens[answer["refresh_token"]] = asked
        return 200, answer

    def id_token(self, asked, refreshed=False):
        person = asked.get("as", self.person)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": f"id-{person}",
            "aud": asked["client_id"],
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + self.lifetime,
            "email": person,
            "email_verified": True,
            "groups": ["shop"],
            "refreshed": refreshed,
        }
        claims = {k: v for k, v in (claims | self.claims).items() if v is not None}
        token = self.sign(claims)
        self._remember(token)
        return token

    def sign(self, claims):
        head = b64(json.dumps({"alg": "ES256", "kid": KEY_ID, "typ": "JWT"}).encode())
        signed = f"{head}.{b64(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def bearer(self, person, client="apitoken-portal", lifetime=3600):
        """An id_token as another client of this issuer would get it."""
        asked = {"client_id": client, "nonce": "n", "as": person}
        was, self.lifetime = self.lifetime, lifetime
        try:
            return self.id_token(asked)
        finally:
            self.lifetime = was

    def _remember(self, secret):
        """Everything that must stand in no log."""
        with self.lock:
            self.issued.append(secret)

    def _handler(issuer):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path, _, query = self.path.partition("?")
                query = dict(urllib.parse.parse_qsl(query))
                if path == "/.well-known/openid-configuration":
                    self.answer(200, issuer.discovery())
                elif path == "/keys":
                    self.answer(200, issuer.keys())
                elif path == "/authorize":
                    self.answer(302, {}, Location=issuer.authorize(query))
                elif path == "/logout":
                    self.answer(302, {}, Location=query["post_logout_redirect_uri"])
                else:
                    self.answer(404, {})

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                form = dict(urllib.parse.parse_qsl(body))
                basic = self.headers.get("Authorization", "")
                if basic.startswith("Basic "):
                    pair = base64.b64decode(basic[6:]).decode()
                    secret = pair.partition(":")[2]
                    form["client_secret"] = urllib.parse.unquote(secret)
                self.answer(*issuer.token(form))

            def answer(self, status, body, **headers):
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        return Handler
