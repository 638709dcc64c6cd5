"""Values that are shown once: `kubectl apitoken` has them encrypted to a key of its own process
and opens them from the status. Nothing in the cluster holds such a value in clear, not even
etcd's log. Also: a JWK in spec.secret.encryptTo."""

import base64
import json

import pytest
import yaml
from jwcrypto import jwe, jwk

from testbed.cluster import ROOT
from testbed.plugin import Plugin, in_namespace
from testbed.rbac import grant
from testbed.tokens import condition, hash_of, value_in, well_formed
from testbed.waiting import wait_for

FAILED = 1
NOW = "2026-01-01T00:00:00Z"
REQUEST = "apitoken.dev/rotate-requested-at"


@pytest.fixture
def user(namespace, tmp_path):
    """A user with the shipped role apitoken-user in the namespace and no other permission."""
    roles = yaml.safe_load_all((ROOT / "manifests/policy/roles.yaml").read_text())
    rules = next(role["rules"] for role in roles if role["metadata"]["name"] == "apitoken-user")
    grant(namespace.cluster, "carol@example.com", rules, namespace.name)
    text = namespace.cluster.controlplane("kubeconfig", "--user", "carol@example.com")
    return Plugin(
        namespace.cluster,
        in_namespace(namespace.cluster, tmp_path / "user-kubeconfig", namespace.name, text),
    )


def is_in_etcd(cluster, value):
    """Whether etcd's files, its write-ahead log included, hold the value, in clear or in base64."""
    forms = [
        value.encode(),
        *(base64.b64encode(b"x" * shift + value.encode())[4:-4] for shift in range(3)),
    ]
    files = [path.read_bytes() for path in (cluster.dir / "etcd").rglob("*") if path.is_file()]
    assert files
    return any(form in content for form in forms for content in files)


def encrypted_in(namespace, name):
    """The encrypted value of the Secret: the same as in status, and all that the Secret holds."""
    secret, status = namespace.secrets.get(name), namespace.tokens.get(name)["status"]
    assert list(secret["data"]) == ["token.jwe"]
    assert value_in(secret, "token.jwe") == status["encryptedValue"]
    return status["encryptedValue"]


def ask_for_rotation(namespace, name, when=NOW, **secret):
    namespace.tokens.patch(
        name, {"metadata": {"annotations": {REQUEST: when}}, "spec": {"secret": secret}}
    )
    return wait_for(
        lambda: (lambda t: t["status"].get("lastRotationRequest") == when and t)(
            namespace.tokens.get(name)
        ),
        15,
        "it was not rotated",
    )


# --- the plugin -----------------------------------------------------------------------------------


def test_a_value_that_is_shown_once_is_nowhere_in_clear(namespace, operator, plugin):
    screen = plugin.on_terminal("create", "laptop", "--user", "alice@example.com")
    assert screen.returncode == 0 and "shown this once" in screen.text
    shown = next(line for line in screen.text.split("\n") if line.startswith("apt_"))
    piped = plugin.ok("create", "job", "--user", "alice@example.com", "-o", "token").strip()
    for name, value in (("laptop", shown), ("job", piped)):
        token = namespace.tokens.get(name)
        assert well_formed(value) and hash_of(value) == token["status"]["tokenHash"]
        assert token["spec"]["secret"]["deleteAfter"] == "10m"
        assert sorted(json.loads(token["spec"]["secret"]["encryptTo"])) == [
            "alg",
            "crv",
            "kid",
            "kty",
            "use",
            "x",
            "y",
        ]
        encrypted_in(namespace, name)
        assert not is_in_etcd(namespace.cluster, value)
    kept = plugin.ok(
        "create", "pod", "--user", "alice@example.com", "-o", "token", "--keep"
    ).strip()
    assert (
        kept == namespace.value("pod")
        and "encryptedValue" not in namespace.tokens.get("pod")["status"]
    )
    assert is_in_etcd(namespace.cluster, kept), "what the test looks for is to be found where it is"


def test_login_needs_no_permission_to_read_secrets(namespace, operator, user):
    assert "no" in user.run("auth", "can-i", "get", "secrets", program=["kubectl"]).stdout
    value = user.ok("login", "--ttl", "1h", "-o", "token").strip()
    (token,) = namespace.tokens.list()
    assert token["spec"]["user"] == "carol@example.com" and token["status"]["tokenHash"] == hash_of(
        value
    )
    assert "valid: " in user.run("verify", input=value).stdout
    assert "apt_" in user.on_terminal("login").text
    assert not is_in_etcd(namespace.cluster, value)


def test_what_is_not_shown_stays_in_the_secret(namespace, operator, plugin):
    for name, flags in (("a", []), ("b", ["-o", "json"]), ("c", ["--show-value=false"])):
        plugin.ok("create", name, "--user", "alice", *flags)
        assert namespace.tokens.get(name)["spec"] == {"user": "alice"} and well_formed(
            namespace.value(name)
        )


def test_a_rotation_seals_to_a_new_key_in_the_same_write(namespace, operator, plugin):
    first = plugin.ok("create", "ci", "--user", "alice", "-o", "token").strip()
    before = namespace.tokens.get("ci")
    second = plugin.ok("rotate", "ci", "-o", "token").strip()
    after = namespace.tokens.get("ci")
    assert after["status"]["tokenHash"] == hash_of(second) and after["status"]["previous"][
        "tokenHash"
    ] == hash_of(first)
    assert after["spec"]["secret"]["encryptTo"] != before["spec"]["secret"]["encryptTo"]
    assert (
        after["metadata"]["generation"] == before["metadata"]["generation"] + 1
        and after["status"]["revision"] == 2
    )
    assert "valid: " in plugin.run("verify", input=second).stdout
    assert not is_in_etcd(namespace.cluster, second)


def test_a_rotation_that_would_show_its_value_to_nobody_is_refused(namespace, operator, plugin):
    plugin.ok("create", "ci", "--user", "alice", "-o", "token")
    for flags in ([], ["-o", "json"], ["--show-value=false"], ["--wait=false"]):
        line = plugin.refused(FAILED, "rotate", "ci", *flags)
        assert "was not rotated" in line and "-o token" in line and "--keep" in line
    assert namespace.tokens.get("ci")["status"]["revision"] == 1
    plugin.ok("rotate", "ci", "--keep")
    assert (
        namespace.tokens.get("ci")["spec"]["secret"] == {}
        and hash_of(namespace.value("ci")) == namespace.tokens.get("ci")["status"]["tokenHash"]
    )
    value = plugin.ok("rotate", "ci", "-o", "token").strip()
    assert value == namespace.value("ci"), "a kept token stays a kept one"


def test_a_value_that_was_shown_can_be_renewed_after_its_secret_has_gone(
    namespace, operator, plugin
):
    plugin.ok("create", "ci", "--user", "alice", "-o", "token")
    namespace.tokens.patch("ci", {"spec": {"secret": {"deleteAfter": "1s"}}})
    wait_for(
        lambda: (
            namespace.secrets.get("ci") is None
            and "encryptedValue" not in namespace.tokens.get("ci")["status"]
        ),
        15,
        "it is still shown",
    )
    namespace.tokens.patch("ci", {"spec": {"secret": {"deleteAfter": "1h"}}})
    value = plugin.ok("rotate", "ci", "-o", "token").strip()
    assert hash_of(value) == namespace.tokens.get("ci")["status"]["tokenHash"]
    encrypted_in(namespace, "ci")


def test_a_sealed_token_that_nobody_mints_is_taken_back(namespace, plugin):
    done = plugin.run("create", "ci", "--user", "alice", "-o", "token", "--timeout", "1s")
    assert (
        done.returncode == 6
        and "is it running?" in done.stderr
        and "the ApiToken was deleted again" in done.stderr
    )
    assert namespace.tokens.list() == []


# --- the operator ---------------------------------------------------------------------------------


EC = '{"kty":"EC","crv":"P-256"}'
RSA = '{"kty":"RSA","bits":2048}'


def make_key(shell, name="bob", template=EC):
    shell(
        f"jose jwk gen -i '{template}' -o {name}.jwk && "
        f"jose jwk pub -i {name}.jwk -o {name}.pub.jwk"
    )
    return shell(f"cat {name}.pub.jwk")


def open_jwe(shell, text, name="bob"):
    """By Python's jwcrypto."""
    box = jwe.JWE()
    box.deserialize(text, jwk.JWK.from_json(shell(f"cat {name}.jwk")))
    return box.payload.decode()


@pytest.mark.parametrize("template", [EC, RSA], ids=["EC", "RSA"])
def test_only_the_holder_of_the_private_key_can_read_the_value(
    namespace, operator, shell, template
):
    namespace.token("ci", secret={"encryptTo": make_key(shell, template=template)})
    status = namespace.ready("ci")["status"]
    assert hash_of(open_jwe(shell, encrypted_in(namespace, "ci"))) == status["tokenHash"]


def test_an_encrypted_value_leaves_with_its_show_window_and_with_a_revocation(
    namespace, operator, shell
):
    key = make_key(shell)
    namespace.token("shown", secret={"encryptTo": key, "deleteAfter": "2s"})
    namespace.token("revoked", secret={"encryptTo": key})
    assert "encryptedValue" in namespace.ready("revoked")["status"]
    namespace.tokens.patch("revoked", {"spec": {"revoked": True}})
    for name in ("shown", "revoked"):
        wait_for(
            lambda name=name: (lambda s: s.get("revision") == 1 and "encryptedValue" not in s)(
                namespace.tokens.get(name).get("status", {})
            ),
            15,
            f"{name} still shows its value",
        )
        wait_for(
            lambda name=name: namespace.secrets.get(name) is None,
            15,
            f"{name} still has its Secret",
        )
    assert condition(namespace.tokens.get("shown"), "Ready")["status"] == "True"


def test_a_rotation_keeps_the_previous_value_in_its_own_form(namespace, operator, shell):
    namespace.token("ci")
    namespace.ready("ci")
    plain = namespace.value("ci")
    ask_for_rotation(namespace, "ci", encryptTo=make_key(shell))
    secret = wait_for(
        lambda: (lambda s: set(s["data"]) == {"token.jwe", "previous-token"} and s)(
            namespace.secrets.get("ci")
        ),
        10,
        "not both",
    )
    assert value_in(secret, "previous-token") == plain
    second = open_jwe(shell, value_in(secret, "token.jwe"))
    ask_for_rotation(namespace, "ci", "2026-01-01T00:00:01Z", encryptTo=make_key(shell, "eve"))
    secret = wait_for(
        lambda: (lambda s: set(s["data"]) == {"token.jwe", "previous-token.jwe"} and s)(
            namespace.secrets.get("ci")
        ),
        10,
        "not both",
    )
    assert open_jwe(shell, value_in(secret, "previous-token.jwe")) == second
    token = namespace.tokens.get("ci")
    assert (
        hash_of(open_jwe(shell, token["status"]["encryptedValue"], "eve"))
        == token["status"]["tokenHash"]
    )


def test_a_jwk_that_passes_the_schema_and_will_not_do_is_refused_with_its_reason(
    namespace, operator, shell
):
    key = json.loads(make_key(shell))
    for name, wrong, reason in (
        ("off-curve", {**key, "y": key["x"]}, "has a point (x, y) that is not on the curve P-256"),
        ("other-curve", {**key, "crv": "P-521"}, 'has a key on the curve "P-521"'),
        ("signing", {**key, "use": "sig"}, 'has the use "sig"'),
        (
            "small",
            {
                "kty": "RSA",
                "n": base64.urlsafe_b64encode(b"\xff" * 128).decode().rstrip("="),
                "e": "AQAB",
            },
            "has a key that is RSA of 1024 bits",
        ),
    ):
        namespace.token(name, secret={"encryptTo": json.dumps(wrong)})
        token = namespace.wait_condition(name, "Ready", "False", "InvalidSpec")
        assert f"spec.secret.encryptTo: {reason}" in condition(token, "Ready")["message"]
        assert namespace.secrets.get(name) is None
