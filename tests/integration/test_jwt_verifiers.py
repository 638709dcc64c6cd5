"""JWTs and verifiers that know only the operator's public keys, fetched over HTTPS from its
discovery documents: PyJWT, and kube-apiserver with an AuthenticationConfiguration."""

import jwt
import pytest
import requests
import yaml

from testbed.certificates import Authority
from testbed.process import free_port
from testbed.waiting import wait_for

AUDIENCE = "https://kubernetes.example.com"


class Issuer:
    """Address, certificate and flags of an operator that serves its keys."""

    def __init__(self, directory):
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        authority = Authority(directory / "pki")
        self.ca = authority.file
        certificate, key = authority.files("verify", "server")
        self.flags = [
            "--issuer",
            self.url,
            "--verify-bind-address",
            f"127.0.0.1:{self.port}",
            "--verify-tls-cert-file",
            certificate,
            "--verify-tls-key-file",
            key,
        ]

    def get(self, path):
        answer = requests.get(self.url + path, verify=str(self.ca), timeout=10)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.json()

    def keys(self):
        discovered = self.get("/.well-known/openid-configuration")
        assert discovered["issuer"] == self.url
        assert discovered["jwks_uri"].startswith(self.url)
        return self.get(discovered["jwks_uri"].removeprefix(self.url))


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


def session(namespace, name, **spec):
    namespace.token(name, type="Temporary", format="JWT", audiences=[AUDIENCE], **spec)
    namespace.ready(name)
    return namespace.value(name)


def kid_of(value):
    return jwt.get_unverified_header(value)["kid"]


def test_pyjwt_verifies_by_discovery_and_jwks_alone(namespace, start_operator, issuer):
    start_operator(*issuer.flags)
    assert issuer.keys() == {"keys": []}
    value = session(namespace, "ci", scopes=["deploy:write"])
    (key,) = [
        key for key in jwt.PyJWKSet.from_dict(issuer.keys()).keys if key.key_id == kid_of(value)
    ]
    claims = jwt.decode(value, key.key, algorithms=["ES256"], audience=AUDIENCE, issuer=issuer.url)
    assert (claims["sub"], claims["scope"]) == ("alice@example.com", "deploy:write")
    assert not any("d" in key for key in issuer.keys()["keys"]), "a private key is served"


def test_a_follower_serves_the_keys_that_the_leader_made(namespace, start_operator, tmp_path):
    leader = Issuer(tmp_path)
    start_operator("--leader-elect", *leader.flags)
    value = session(namespace, "ci")
    follower = Issuer(tmp_path / "other")
    start_operator("--leader-elect", *follower.flags)
    wait_for(
        lambda: [key["kid"] for key in follower.keys()["keys"]] == [kid_of(value)],
        10,
        "the follower shows no key",
    )
    namespace.secrets.delete("apitoken-operator-jwt-keys")
    next_value = wait_for(
        lambda: [key["kid"] for key in leader.keys()["keys"] if key["kid"] != kid_of(value)],
        10,
        "no new key",
    )
    wait_for(
        lambda: [key["kid"] for key in follower.keys()["keys"]] == next_value,
        10,
        "the follower shows the old key",
    )


@pytest.fixture
def trusting_apiserver(cluster, issuer, tmp_path):
    """start() restarts kube-apiserver so that it trusts the issuer; afterwards it runs as
    before."""
    config = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [
            {
                "issuer": {
                    "url": issuer.url,
                    "certificateAuthority": issuer.ca.read_text(),
                    "audiences": [AUDIENCE],
                },
                "claimMappings": {
                    "username": {"claim": "sub", "prefix": ""},
                    "groups": {"claim": "groups", "prefix": ""},
                },
            }
        ],
    }
    path = tmp_path / "authentication.yaml"
    path.write_text(yaml.safe_dump(config))

    def restart(*flags):
        cluster.controlplane("stop-apiserver")
        cluster.controlplane("start-apiserver", "--", *flags)

    yield lambda: restart("--authentication-config", path)
    restart("--v=0")  # flags replace the previous ones; this one changes nothing


def test_kube_apiserver_accepts_a_jwt_by_its_keys(
    cluster, namespace, start_operator, issuer, trusting_apiserver, tmp_path
):
    start_operator(*issuer.flags)
    trusting_apiserver()
    value = session(namespace, "ci", groups=["deployers"])
    bare = cluster.changed_kubeconfig(
        tmp_path / "bare", lambda c: (c.update(users=[]), c["contexts"][0]["context"].pop("user"))
    )

    def kubectl(token, *args):
        return cluster.kubectl("--kubeconfig", bare, "--token", token, *args, check=False)

    wait_for(
        lambda: kubectl(value, "auth", "whoami").returncode == 0,
        30,
        lambda: kubectl(value, "auth", "whoami").stderr,
    )
    who = yaml.safe_load(kubectl(value, "auth", "whoami", "-o", "yaml").stdout)["status"][
        "userInfo"
    ]
    assert who["username"] == "alice@example.com"
    assert set(who["groups"]) == {"deployers", "system:authenticated"}

    assert kubectl(value, "get", "secrets", "-n", namespace.name).returncode != 0
    cluster.kubectl(
        "create",
        "rolebinding",
        "deployers",
        "-n",
        namespace.name,
        "--clusterrole=admin",
        "--group=deployers",
    )
    wait_for(
        lambda: kubectl(value, "get", "secrets", "-n", namespace.name).returncode == 0,
        10,
        "the group gives no permissions",
    )

    namespace.token(
        "elsewhere", type="Temporary", format="JWT", audiences=["https://elsewhere.example.com"]
    )
    namespace.ready("elsewhere")
    assert "Unauthorized" in kubectl(namespace.value("elsewhere"), "auth", "whoami").stderr
