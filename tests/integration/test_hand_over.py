"""docs/hand-over.md: its commands run as they stand; certificates that will not do are refused in status with their reason."""
import re

import pytest

from bed.cluster import ROOT
from bed.tokens import hash_of
from bed.waiting import wait_for

PAGE = (ROOT / "docs/hand-over.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
EC = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
RSA = "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"


def certificate(shell, key, more=""):
    shell(f"{key} -out key.pem; openssl req -x509 -key key.pem -subj /CN=bob -days 30 {more} -out cert.pem")
    return shell("cat cert.pem")


def open_cms(space, shell, key="token.cms"):
    shell(f"kubectl get secret ci -o jsonpath='{{.data.{key.replace('.', chr(92) + '.')}}}' | base64 -d >{key}")
    return shell(f"openssl cms -decrypt -inform PEM -in {key} -inkey key.pem -recip cert.pem")


def test_the_commands_of_the_page_hand_a_token_over(space, operator, shell):
    outputs = [shell(command) for command in COMMANDS]
    assert hash_of(outputs[-1]) == space.tokens.get("for-bob")["status"]["tokenHash"]
    assert list(space.secrets.get("for-bob")["data"]) == ["token.cms"]


@pytest.mark.parametrize("key", [RSA, EC], ids=["RSA", "EC"])
def test_only_the_recipient_can_read_the_value(space, operator, shell, key):
    space.token("ci", secret={"encryptTo": certificate(shell, key)})
    status = space.ready("ci")["status"]
    assert list(space.secrets.get("ci")["data"]) == ["token.cms"]
    assert hash_of(open_cms(space, shell)) == status["tokenHash"]


def test_a_jwt_can_be_encrypted_too_and_a_rotation_keeps_the_former_one_readable(space, operator, shell):
    space.token("ci", type="Temporary", format="JWT", secret={"encryptTo": certificate(shell, EC)})
    first = space.ready("ci")["status"]["tokenHash"]
    space.tokens.patch("ci", {"metadata": {"annotations": {"apitoken.dev/rotate-requested-at": "2026-01-01T00:00:00Z"}}})
    wait_for(lambda: space.tokens.get("ci")["status"]["tokenHash"] != first, 10, "it was not rotated")
    wait_for(lambda: set(space.secrets.get("ci")["data"]) == {"token.cms", "previous-token.cms"}, 10, "no former value")
    assert hash_of(open_cms(space, shell)) == space.tokens.get("ci")["status"]["tokenHash"]
    assert hash_of(open_cms(space, shell, "previous-token.cms")) == first


@pytest.mark.parametrize("key, more, reason", [
    ("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024", "", "has a key that is RSA of 1024 bits"),
    ("openssl genpkey -algorithm ED25519", "", "has a key that is ED25519"),
    (EC, "-addext keyUsage=digitalSignature", "has a keyUsage without keyAgreement"),
], ids=["weak", "other-kind", "usage"])
def test_a_certificate_that_will_not_do_is_refused_with_its_reason(space, operator, shell, key, more, reason):
    check_refused(space, certificate(shell, key, more), reason)


def test_what_is_no_single_certificate_is_refused_with_its_reason(space, operator, shell):
    pem = certificate(shell, EC)
    check_refused(space, "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n", "is no PEM certificate", "rubbish")
    check_refused(space, pem + pem, "holds 2 certificates; give one", "two")
    check_refused(space, pem + shell("cat key.pem"), "holds a private key", "key")


def test_an_expired_certificate_is_refused_with_its_date(space, operator, shell):
    shell(f"{EC} -out key.pem; openssl req -new -key key.pem -subj /CN=bob -out csr.pem; mkdir ca; touch ca/index; echo 01 >ca/serial")
    shell("printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=ca/index\\nserial=ca/serial\\nnew_certs_dir=ca\\npolicy=p\\n[p]\\ncommonName=supplied\\n' >ca/conf")
    shell("openssl ca -batch -config ca/conf -selfsign -keyfile key.pem -md sha256 -startdate 20240101000000Z -enddate 20240201000000Z"
          " -in csr.pem -out cert.pem -notext")
    check_refused(space, shell("cat cert.pem"), "expired at 2024-02-01T00:00:00Z")


def check_refused(space, pem, reason, name="ci"):
    space.token(name, secret={"encryptTo": pem})
    token = space.wait_condition(name, "Ready", "False", "InvalidSpec")
    (ready,) = (c for c in token["status"]["conditions"] if c["type"] == "Ready")
    assert f"spec.secret.encryptTo: {reason}" in ready["message"]
    assert space.secrets.get(name) is None
