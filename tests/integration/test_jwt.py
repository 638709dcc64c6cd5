"""Format JWT: the claims of a token, the keys that verify it, and what becomes of those keys.
PyJWT verifies the tokens."""

import base64
import datetime
import json
import time

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from testbed.tokens import condition, encoded, hash_of, moment, seconds_between, value_in
from testbed.waiting import eventually, holds, wait_for

KEYS = "apitoken-operator-jwt-keys"
ISSUER = "https://tokens.example.com"
API = "https://api.example.com"


def session(namespace, name="ci", **spec):
    spec.setdefault("audiences", [API])
    namespace.token(name, type="Temporary", format="JWT", **spec)
    return namespace.ready(name)


def entries(namespace):
    """What the key Secret holds: {kid: (private key in PEM, times)}."""
    secret = namespace.secrets.get(KEYS)
    data = (secret or {}).get("data") or {}
    return {
        name[:-4]: (
            value_in(secret, name).encode(),
            json.loads(value_in(secret, name[:-4] + ".json")),
        )
        for name in data
        if name.endswith(".pem")
    }


def public_keys(namespace):
    return {
        kid: serialization.load_pem_private_key(pem, None).public_key()
        for kid, (pem, _) in entries(namespace).items()
    }


def verified(namespace, value, audience=API, **options):
    """The claims, if PyJWT accepts the token with the key that its header names."""
    key = public_keys(namespace)[jwt.get_unverified_header(value)["kid"]]
    return jwt.decode(
        value,
        key,
        algorithms=["ES256"],
        audience=audience,
        issuer=ISSUER,
        options={"require": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]},
        **options,
    )


def seed_key(namespace, signs_from):
    """Makes the key Secret like the operator; returns the kid."""
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    x, y = (base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    kid = base64url(bytes.fromhex(hash_of(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}')[7:]))
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    at = datetime.datetime.fromtimestamp(signs_from, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    times = json.dumps({"createdAt": at, "activeFrom": at})
    namespace.secrets.create(
        KEYS,
        type="Opaque",
        data={f"{kid}.pem": encoded(pem.decode()), f"{kid}.json": encoded(times)},
    )
    return kid


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def asked(operator, value):
    """The answer of /auth."""
    answer = requests.get(
        f"{operator.verify_url}/auth",
        headers={"Authorization": f"Bearer {value}"},
        verify=False,
        timeout=10,
    )
    return answer.status_code


@pytest.fixture
def operator(start_operator):
    return start_operator("--issuer", ISSUER)


def test_a_jwt_says_what_the_contract_says(namespace, operator):
    status = session(
        namespace, ttl="1h", groups=["deployers", "ci"], scopes=["deploy:write", "deploy:read"]
    )["status"]
    value = namespace.value("ci")
    assert verified(namespace, value) == {
        "iss": ISSUER,
        "sub": "alice@example.com",
        "aud": [API],
        "jti": status["tokenID"],
        "client_id": f"{namespace.name}/ci",
        "iat": moment(status["issuedAt"]).timestamp(),
        "exp": moment(status["expiresAt"]).timestamp(),
        "groups": ["deployers", "ci"],
        "scope": "deploy:write deploy:read",
    }
    assert seconds_between(status["issuedAt"], status["expiresAt"]) == 3600
    header = jwt.get_unverified_header(value)
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    assert status["tokenHash"] == hash_of(value)
    assert status["hint"] == "…" + value[-4:]
    assert len(status["tokenID"]) == 8


def test_a_jwt_without_audience_is_for_the_issuer(namespace, operator):
    session(namespace, audiences=None)
    claims = verified(namespace, namespace.value("ci"), audience=ISSUER)
    assert claims["aud"] == [ISSUER]
    assert "groups" not in claims and "scope" not in claims


def test_a_jwt_is_refused_where_it_should_be(namespace, operator):
    session(namespace, ttl="10s")
    value = namespace.value("ci")
    verified(namespace, value)
    with pytest.raises(jwt.InvalidAudienceError):
        verified(namespace, value, audience="https://elsewhere.example.com")
    head, claims, signature = value.split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        verified(namespace, f"{head}.{claims}.{signature[::-1]}")
    namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=20)
    with pytest.raises(jwt.ExpiredSignatureError):
        verified(namespace, value)


def test_the_key_is_made_with_the_first_jwt_and_serves_all(namespace, operator):
    namespace.token("opaque")
    namespace.ready("opaque")
    assert namespace.secrets.get(KEYS) is None
    for number in range(6):  # at once: workers race for the first key
        namespace.token(f"s{number}", type="Temporary", format="JWT")
    for number in range(6):
        namespace.ready(f"s{number}")
    (kid,) = entries(namespace)
    assert {
        jwt.get_unverified_header(namespace.value(f"s{number}"))["kid"] for number in range(6)
    } == {kid}


def test_a_restarted_operator_signs_with_the_key_that_is_there(namespace, start_operator):
    kid = seed_key(namespace, time.time() - 60)
    start_operator("--issuer", ISSUER)
    session(namespace)
    assert jwt.get_unverified_header(namespace.value("ci"))["kid"] == kid
    verified(namespace, namespace.value("ci"))


def test_a_key_is_published_before_it_signs(namespace, start_operator):
    """A key that has signed for 51 of its 60 seconds: its successor is published in 3 seconds
    and signs 6 seconds later."""
    began = int(time.time()) - 51
    first = seed_key(namespace, began)
    start_operator("--issuer", ISSUER, "--jwt-key-rotation", "1m")
    wait_for(lambda: len(entries(namespace)) == 2, 10, "no second key")
    found = entries(namespace)
    (second,) = found.keys() - {first}
    published, active = (
        moment(found[second][1][name]).timestamp() for name in ("createdAt", "activeFrom")
    )
    assert active - published >= 6
    numbers = iter(range(100))

    def signer():
        name = f"s{next(numbers)}"
        session(namespace, name)
        return jwt.get_unverified_header(namespace.value(name))["kid"], moment(
            namespace.tokens.get(name)["status"]["issuedAt"]
        ).timestamp()

    kid, issued = signer()
    assert issued >= active or kid == first
    wait_for(lambda: signer()[0] == second, 15, "the second key does not sign")
    assert time.time() >= active
    assert set(entries(namespace)) == {first, second}
    for number in range(next(numbers)):
        verified(namespace, namespace.value(f"s{number}"))


def test_a_deleted_key_secret_is_replaced_and_the_loss_is_reported(namespace, operator):
    session(namespace)
    previous, (kid,) = namespace.value("ci"), entries(namespace)
    assert asked(operator, previous) == 200
    namespace.secrets.delete(KEYS)
    wait_for(lambda: entries(namespace).keys() - {kid}, 10, "no new key")
    event = eventually(lambda: namespace.events_of(KEYS, "SigningKeysLost", "Secret")[0])
    assert event["type"] == "Warning" and "no longer verify by keys" in event["note"]
    operator.wait_logged("signing keys lost .*cause=deleted live_jwts=1")
    with pytest.raises(KeyError):
        verified(namespace, previous)
    wait_for(
        lambda: asked(operator, previous) == 401,
        5,
        "the operator still vouches for what no key signed",
    )
    namespace.tokens.patch(
        "ci",
        {"metadata": {"annotations": {"apitoken.dev/rotate-requested-at": "2026-01-01T00:00:00Z"}}},
    )
    wait_for(lambda: namespace.value("ci") != previous, 10, "the token was not renewed")
    verified(namespace, namespace.value("ci"))
    assert asked(operator, namespace.value("ci")) == 200
    assert asked(operator, previous) == 401, "an overlap does not revive it"
    holds(lambda: None if len(entries(namespace)) == 1 else pytest.fail("more than one key"), 1)


def test_a_damaged_key_is_replaced_and_the_loss_is_reported(namespace, operator):
    session(namespace)
    (kid,) = entries(namespace)
    previous = namespace.value("ci")
    namespace.secrets.patch(KEYS, {"data": {f"{kid}.pem": encoded("rubbish")}})
    wait_for(
        lambda: namespace.secrets.get(KEYS)["data"].keys().isdisjoint({f"{kid}.pem"}),
        10,
        "the damaged key stays",
    )
    event = eventually(lambda: namespace.events_of(KEYS, "SigningKeysLost", "Secret")[0])
    assert kid in event["note"]
    wait_for(
        lambda: asked(operator, previous) == 401,
        5,
        "the operator still vouches for what no key signed",
    )
    session(namespace, "next")
    verified(namespace, namespace.value("next"))


def test_an_opaque_name_for_the_key_secret_is_no_way_to_it(namespace, operator):
    """An ApiToken of the operator's namespace that names the key Secret gets nothing."""
    session(namespace)
    before = entries(namespace)
    namespace.token("thief", secret={"name": KEYS})
    found = namespace.wait_condition("thief", "Ready", "False", "SecretConflict")
    assert "tokenHash" not in found["status"]
    namespace.tokens.delete("thief")
    assert entries(namespace) == before


def test_a_foreign_write_to_the_key_secret_is_left_alone(namespace, operator):
    session(namespace)
    namespace.secrets.patch(
        KEYS, {"metadata": {"labels": {"theirs": "stays"}}, "data": {"theirs": encoded("stays")}}
    )
    session(namespace, "next")
    secret = namespace.secrets.get(KEYS)
    assert (
        secret["metadata"]["labels"]["theirs"] == "stays" and value_in(secret, "theirs") == "stays"
    )
    assert len(entries(namespace)) == 1
    assert condition(namespace.tokens.get("next"), "Ready")["status"] == "True"
