"""docs/hand-over.md: its commands run as they stand. Unsuitable certificates are refused in
status, with the reason."""

import datetime
import re

import pytest

from testbed.api import ApiError
from testbed.cluster import ROOT
from testbed.tokens import condition, hash_of, seconds_since, status_and_reason
from testbed.waiting import SCALE, wait_for

PAGE = (ROOT / "docs/hand-over.md").read_text()
COMMANDS = [
    c for c in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) if "curl" not in c
]  # that one is of verify.md
EC = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
RSA = "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"


def certificate(shell, key, more=""):
    shell(
        f"{key} -out key.pem; "
        f"openssl req -x509 -key key.pem -subj /CN=bob -days 30 {more} -out cert.pem"
    )
    return shell("cat cert.pem")


def open_cms(namespace, shell, key="token.cms"):
    path = key.replace(".", "\\.")
    shell(f"kubectl get secret ci -o jsonpath='{{.data.{path}}}' | base64 -d >{key}")
    return shell(f"openssl cms -decrypt -inform PEM -in {key} -inkey key.pem -recip cert.pem")


def test_the_commands_of_the_page_hand_a_token_over(namespace, operator, shell):
    outputs = [shell(command) for command in COMMANDS]
    opened = {hash_of(output) for output in outputs if output.startswith("apt_")}
    assert opened == {
        namespace.tokens.get(name)["status"]["tokenHash"] for name in ("for-bob", "for-bob-too")
    }
    assert list(namespace.secrets.get("for-bob")["data"]) == ["token.cms"]
    assert list(namespace.secrets.get("for-bob-too")["data"]) == ["token.jwe"]


@pytest.mark.parametrize("key", [RSA, EC], ids=["RSA", "EC"])
def test_only_the_recipient_can_read_the_value(namespace, operator, shell, key):
    namespace.token("ci", secret={"encryptTo": certificate(shell, key)})
    status = namespace.ready("ci")["status"]
    assert list(namespace.secrets.get("ci")["data"]) == ["token.cms"]
    assert hash_of(open_cms(namespace, shell)) == status["tokenHash"]


def test_a_jwt_can_be_encrypted_and_after_a_rotation_the_previous_one_can_be_read(
    namespace, operator, shell
):
    namespace.token(
        "ci", type="Temporary", format="JWT", secret={"encryptTo": certificate(shell, EC)}
    )
    first = namespace.ready("ci")["status"]["tokenHash"]
    namespace.tokens.patch(
        "ci",
        {"metadata": {"annotations": {"apitoken.dev/rotate-requested-at": "2026-01-01T00:00:00Z"}}},
    )
    wait_for(
        lambda: namespace.tokens.get("ci")["status"]["tokenHash"] != first, 10, "it was not rotated"
    )
    wait_for(
        lambda: set(namespace.secrets.get("ci")["data"]) == {"token.cms", "previous-token.cms"},
        10,
        "no previous value",
    )
    assert hash_of(open_cms(namespace, shell)) == namespace.tokens.get("ci")["status"]["tokenHash"]
    assert hash_of(open_cms(namespace, shell, "previous-token.cms")) == first


@pytest.mark.parametrize(
    "key, more, reason",
    [
        (
            "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024",
            "",
            "has a key that is RSA of 1024 bits",
        ),
        ("openssl genpkey -algorithm ED25519", "", "has a key that is ED25519"),
        (EC, "-addext keyUsage=digitalSignature", "has a keyUsage without keyAgreement"),
    ],
    ids=["weak", "other-kind", "usage"],
)
def test_a_certificate_that_will_not_do_is_refused_with_its_reason(
    namespace, operator, shell, key, more, reason
):
    check_refused(namespace, certificate(shell, key, more), reason)


def test_what_is_no_single_certificate_is_refused_with_its_reason(namespace, operator, shell):
    pem = certificate(shell, EC)
    check_refused(
        namespace,
        "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n",
        "is not a PEM certificate",
        "rubbish",
    )
    check_refused(namespace, pem + pem, "holds 2 certificates; give one", "two")
    with pytest.raises(ApiError, match="must not hold a private key"):
        namespace.token("key", secret={"encryptTo": pem + shell("cat key.pem")})


def dated_certificate(shell, begin, end):
    """Valid from `begin` to `end`, in openssl's format."""
    shell(
        f"rm -rf ca; {EC} -out key.pem; openssl req -new -key key.pem -subj /CN=bob -out csr.pem; "
        "mkdir ca; touch ca/index; echo 01 >ca/serial"
    )
    shell(
        "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=ca/index\\nserial=ca/serial\\n"
        "new_certs_dir=ca\\npolicy=p\\n[p]\\ncommonName=supplied\\n' >ca/conf"
    )
    shell(
        "openssl ca -batch -config ca/conf -selfsign -keyfile key.pem -md sha256 "
        f"-startdate {begin} -enddate {end} -in csr.pem -out cert.pem -notext"
    )
    return shell("cat cert.pem")


def in_seconds(seconds):
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)).strftime(
        "%Y%m%d%H%M%SZ"
    )


def test_an_expired_certificate_is_refused_with_its_date(namespace, operator, shell):
    check_refused(
        namespace,
        dated_certificate(shell, "20240101000000Z", "20240201000000Z"),
        "expired at 2024-02-01T00:00:00Z",
    )


def test_a_certificate_younger_than_the_token_is_in_order(namespace, operator, shell):
    namespace.token("ci")
    issued = namespace.ready("ci")["status"]["issuedAt"]
    wait_for(lambda: seconds_since(issued) > 2, 10, "the clock stands")
    namespace.tokens.patch(
        "ci",
        {
            "spec": {
                "secret": {"encryptTo": dated_certificate(shell, in_seconds(-1), in_seconds(600))}
            }
        },
    )
    assert status_and_reason(namespace.ready("ci"), "Ready") == ("True", "Issued")
    namespace.tokens.patch(
        "ci",
        {"metadata": {"annotations": {"apitoken.dev/rotate-requested-at": "2026-01-01T00:00:00Z"}}},
    )
    token = wait_for(
        lambda: (lambda t: t["status"]["revision"] == 2 and t)(namespace.tokens.get("ci")),
        10,
        "it was not rotated",
    )
    wait_for(
        lambda: "token.cms" in namespace.secrets.get("ci")["data"], 10, "the Secret has no value"
    )
    assert hash_of(open_cms(namespace, shell)) == token["status"]["tokenHash"]


def test_an_automatic_rotation_waits_for_a_certificate_that_is_valid(namespace, operator, shell):
    end = in_seconds(6 * SCALE)
    namespace.token(
        "ci",
        ttl=f"{int(60 * SCALE)}s",
        rotation={"policy": "Automatic", "before": f"{int(50 * SCALE)}s"},
        secret={"encryptTo": dated_certificate(shell, in_seconds(-60), end)},
    )
    first = namespace.ready("ci")["status"]
    token = namespace.wait_condition("ci", "Stalled", "True", "InvalidSpec", timeout=20)
    assert (
        status_and_reason(token, "Ready") == ("True", "Issued")
        and token["status"]["tokenHash"] == first["tokenHash"]
    )
    assert (
        "the rotation waits: spec.secret.encryptTo: expired at"
        in condition(token, "Stalled")["message"]
    )
    assert "give one that is valid now" in namespace.wait_event("ci", "InvalidSpec")["note"]
    assert hash_of(open_cms(namespace, shell)) == first["tokenHash"], (
        "what was minted before the certificate's end works on"
    )
    namespace.tokens.patch("ci", {"spec": {"secret": {"encryptTo": certificate(shell, EC)}}})
    token = wait_for(
        lambda: (lambda t: t["status"]["revision"] == 2 and t)(namespace.tokens.get("ci")),
        10,
        "it was not made up",
    )
    assert (
        status_and_reason(token, "Ready") == ("True", "Rotated")
        and status_and_reason(token, "Stalled")[0] != "True"
    )


def check_refused(namespace, pem, reason, name="ci"):
    namespace.token(name, secret={"encryptTo": pem})
    token = namespace.wait_condition(name, "Ready", "False", "InvalidSpec")
    (ready,) = (c for c in token["status"]["conditions"] if c["type"] == "Ready")
    assert f"spec.secret.encryptTo: {reason}" in ready["message"]
    assert namespace.secrets.get(name) is None
