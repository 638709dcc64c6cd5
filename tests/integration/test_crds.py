"""What the API server accepts, refuses and shows of our two kinds, by the schemas and CEL rules in
crds/.

Runs against a real kube-apiserver through kubectl, without an operator. Creation is a
server-side dry run: the whole validation, and nothing is stored."""

import copy
import json
import pathlib
import re
import subprocess

import pytest
import yaml

from testbed.api import ApiError
from testbed.plugin import PLUGIN

ROOT = pathlib.Path(__file__).resolve().parents[2]
CRDS = ROOT / "crds"
GROUP = "apitoken.dev"


@pytest.fixture(scope="module")
def crds(cluster):
    """The two CRDs, established."""
    cluster.kubectl("apply", "-f", str(CRDS))
    cluster.await_crds(*[f"{plural}.{GROUP}" for plural in ("apitokens", "tokenexpiryconfigs")])
    return cluster


def resource(kind, spec, **metadata):
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": kind,
        "metadata": {"name": "probe", **metadata},
        "spec": spec,
    }


def token(spec, **metadata):
    return resource("ApiToken", {"user": "alice@example.com", **spec}, **metadata)


def send(cluster, verb, obj, *args):
    return cluster.kubectl(verb, *args, "-f", "-", input=json.dumps(obj), check=False)


def expect(result, refusal):
    """Without a refusal: success. Otherwise each text is in the server's answer."""
    if refusal is None:
        assert result.returncode == 0, result.stderr
        return
    assert result.returncode != 0, f"accepted, though it should be refused with {refusal!r}"
    for text in [refusal] if isinstance(refusal, str) else refusal:
        assert text in result.stderr


def many(count, value="x"):
    return {f"key-{i}": value for i in range(count)}


# The API server checks the frame only; the operator checks the certificate in it.
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def jwk(**changes):
    return json.dumps(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            **changes,
        }
    )


SCHEMA_OF_TOKENS = [
    # user
    ({"user": "a"}, None),
    ({"user": "ü" * 256}, None),
    ({"user": "systems:alice"}, None),
    ({"user": None}, ["spec.user", "Required value"]),
    ({"user": ""}, ["spec.user:", "must not be empty; name"]),
    ({"user": "a" * 257}, ["spec.user:", "256"]),
    ({"user": "system:admin"}, ["spec.user:", "must not begin with system:"]),
    ({"user": "system:"}, ["spec.user:", "must not begin with system:"]),
    ({"user": "a\tb"}, ["spec.user:", "invisible characters"]),
    ({"user": " system:admin"}, ["spec.user:", "must not begin or end with a blank; remove it"]),
    ({"user": "alice "}, ["spec.user:", "must not begin or end with a blank; remove it"]),
    ({"user": "a\nBcc: b"}, ["spec.user:", "invisible characters", "remove them"]),
    ({"user": "a\x7f"}, ["spec.user:", "invisible characters"]),
    (
        {"user": "robot:ci"},
        ["spec.user:", "must be robot:<namespace>:<name>", "write that, or a name"],
    ),
    ({"user": 7}, ["spec.user:", "must be of type string"]),
    # description
    ({"description": "é" * 256}, None),
    ({"description": "a" * 257}, ["spec.description:", "256"]),
    ({"description": "\x1b[2J"}, ["spec.description:", "control characters", "remove them"]),
    # type
    ({"type": "Permanent"}, None),
    ({"type": "Temporary"}, None),
    ({"type": "permanent"}, ["spec.type:", "Unsupported value", "Permanent", "Temporary"]),
    # ttl
    ({"ttl": "10s"}, None),
    ({"ttl": "8760h"}, None),
    ({"ttl": "8760h0m0s"}, None),
    ({"ttl": "1h30m"}, None),
    ({"type": "Temporary", "ttl": "24h"}, None),
    ({"type": "Temporary", "ttl": "1440m"}, None),
    ({"ttl": "9s"}, ["spec.ttl:", "at least 10s"]),
    ({"ttl": "0s"}, ["spec.ttl:", "at least 10s"]),
    ({"ttl": "8760h1s"}, ["spec.ttl:", "at most 8760h"]),
    ({"type": "Permanent", "ttl": "99999h"}, ["spec.ttl:", "at most 8760h"]),
    ({"type": "Temporary", "ttl": "24h1s"}, ["spec.ttl:", "at most 24h"]),
    ({"ttl": ""}, ["spec.ttl:", "must be a duration in hours, minutes and seconds"]),
    ({"ttl": "30d"}, ["spec.ttl:", "must be a duration in hours, minutes and seconds"]),
    ({"ttl": "-1h"}, ["spec.ttl:", "must be a duration in hours, minutes and seconds"]),
    ({"ttl": "1.5h"}, ["spec.ttl:", "must be a duration in hours, minutes and seconds"]),
    ({"ttl": "1h\n"}, ["spec.ttl:", "must be a duration in hours, minutes and seconds"]),
    (
        {"ttl": "99999999999999999999h"},
        ["spec.ttl:", "must be a duration in hours, minutes and seconds"],
    ),
    ({"ttl": "0" * 33 + "h"}, ["spec.ttl:", "32"]),
    ({"ttl": 3600}, ["spec.ttl:", "must be of type string"]),
    # secret.name
    ({"secret": {"name": "a.b-c.9"}}, None),
    ({"secret": {"name": "a" * 253}}, None),
    ({"secret": {"name": "a" * 254}}, ["spec.secret.name:", "253"]),
    ({"secret": {"name": ""}}, ["spec.secret.name:", "must be a DNS subdomain"]),
    ({"secret": {"name": "Upper"}}, ["spec.secret.name:", "must be a DNS subdomain"]),
    ({"secret": {"name": "a..b"}}, ["spec.secret.name:", "must be a DNS subdomain"]),
    ({"secret": {"name": "-a"}}, ["spec.secret.name:", "must be a DNS subdomain"]),
    ({"secret": {"name": "../etc"}}, ["spec.secret.name:", "must be a DNS subdomain"]),
    # secret.key
    ({"secret": {"key": "API_TOKEN.txt"}}, None),
    ({"secret": {"key": ".netrc"}}, None),
    ({"secret": {"key": "k" * 254}}, ["spec.secret.key:", "253"]),
    ({"secret": {"key": ""}}, ["spec.secret.key:", "only letters, digits"]),
    ({"secret": {"key": "a/b"}}, ["spec.secret.key:", "only letters, digits"]),
    ({"secret": {"key": "."}}, ["spec.secret.key:", "must not be ."]),
    ({"secret": {"key": "..a"}}, ["spec.secret.key:", "begin with .."]),
    ({"secret": {"key": "previous-token"}}, ["spec.secret.key:", "must not be previous-token"]),
    *(
        (
            {"secret": {"key": key}},
            ["spec.secret.key:", "must not be previous-token, token.cms", "choose another"],
        )
        for key in ("token.cms", "previous-token.cms", "token.jwe", "previous-token.jwe")
    ),
    # secret.labels
    ({"secret": {"labels": {"team": "shop", "example.com/tier": "", "a": "A_1.b-c"}}}, None),
    ({"secret": {"labels": many(32)}}, None),
    ({"secret": {"labels": many(33)}}, ["spec.secret.labels:", "32"]),
    (
        {"secret": {"labels": {"app.kubernetes.io/managed-by": "me"}}},
        ["spec.secret.labels:", "the operator sets itself; remove"],
    ),
    (
        {"secret": {"labels": {"apitoken.dev/user": "me"}}},
        ["spec.secret.labels:", "the operator sets itself; remove"],
    ),
    ({"secret": {"labels": {"a b": "x"}}}, ["spec.secret.labels:", "must be a label name"]),
    ({"secret": {"labels": {"a/b/c": "x"}}}, ["spec.secret.labels:", "must be a label name"]),
    ({"secret": {"labels": {"k" * 64: "x"}}}, ["spec.secret.labels:", "must be a label name"]),
    (
        {"secret": {"labels": {"k" * 254 + "/c": "x"}}},
        ["spec.secret.labels:", "must be a label name"],
    ),
    ({"secret": {"labels": {".".join(["k" * 63] * 3) + "/c": "x"}}}, None),
    ({"secret": {"labels": {"": "x"}}}, ["spec.secret.labels:", "must be a label name"]),
    (
        {"secret": {"labels": {"team": "a b"}}},
        ["spec.secret.labels", "must begin and end with a letter or digit"],
    ),
    (
        {"secret": {"labels": {"team": "-a"}}},
        ["spec.secret.labels", "must begin and end with a letter or digit"],
    ),
    ({"secret": {"labels": {"team": "v" * 64}}}, ["spec.secret.labels", "63"]),
    ({"secret": {"labels": {"team": True}}}, ["spec.secret.labels", "must be of type string"]),
    # secret.annotations
    (
        {
            "secret": {
                "annotations": {"example.com/note": "any text, äöü\n", "reloader": "v" * 4096}
            }
        },
        None,
    ),
    ({"secret": {"annotations": many(32, "v" * 4096)}}, None),
    ({"secret": {"annotations": many(33)}}, ["spec.secret.annotations:", "32"]),
    ({"secret": {"annotations": {"note": "v" * 4097}}}, ["spec.secret.annotations", "4096"]),
    (
        {"secret": {"annotations": {"apitoken.dev/expires-at": "x"}}},
        ["spec.secret.annotations:", "the operator sets itself; remove"],
    ),
    (
        {"secret": {"annotations": {"a b": "x"}}},
        ["spec.secret.annotations:", "must be a name of at most 63"],
    ),
    # format
    ({"format": "Opaque"}, None),
    ({"type": "Temporary", "format": "JWT"}, None),
    (
        {"format": "JWT"},
        ["spec.format:", "needs spec.type Temporary", "use type Temporary or format Opaque"],
    ),
    ({"format": "jwt"}, ["spec.format:", "Unsupported value", "Opaque", "JWT"]),
    # groups, scopes, audiences
    (
        {
            "groups": ["deployers", "ü b"],
            "scopes": ["deploy:write", "*"],
            "audiences": ["https://api.example.com", "ä"],
        },
        None,
    ),
    ({"groups": list(many(32)), "scopes": list(many(32)), "audiences": list(many(16))}, None),
    ({"groups": list(many(33))}, ["spec.groups:", "32"]),
    ({"groups": ["a" * 257]}, ["spec.groups[0]:", "256"]),
    (
        {"groups": ["a", "system:masters"]},
        ["spec.groups[1]:", "must not begin with system:", "use another group"],
    ),
    (
        {"groups": [" system:masters"]},
        ["spec.groups[0]:", "must not begin or end with a blank; remove it"],
    ),
    ({"groups": [""]}, ["spec.groups[0]:", "must not be empty", "remove it"]),
    ({"groups": ["a\tb"]}, ["spec.groups[0]:", "invisible characters", "remove it"]),
    ({"groups": ["a", "a"]}, ["spec.groups[1]:", "Duplicate value"]),
    ({"groups": "a"}, ["spec.groups:", "must be of type array"]),
    ({"scopes": list(many(33))}, ["spec.scopes:", "32"]),
    ({"scopes": ["a" * 129]}, ["spec.scopes[0]:", "128"]),
    (
        {"scopes": ["a b"]},
        ["spec.scopes[0]:", "no blanks, quotes or backslashes, such as deploy:write"],
    ),
    (
        {"scopes": ['a"b']},
        ["spec.scopes[0]:", "no blanks, quotes or backslashes, such as deploy:write"],
    ),
    (
        {"scopes": ["a\\b"]},
        ["spec.scopes[0]:", "no blanks, quotes or backslashes, such as deploy:write"],
    ),
    (
        {"scopes": [""]},
        ["spec.scopes[0]:", "no blanks, quotes or backslashes, such as deploy:write"],
    ),
    ({"scopes": ["ä"]}, ["spec.scopes[0]:", "printable ASCII"]),
    ({"audiences": list(many(17))}, ["spec.audiences:", "16"]),
    ({"audiences": ["a" * 257]}, ["spec.audiences[0]:", "256"]),
    (
        {"secret": {"labels": {"argocd.argoproj.io/instance": "x"}}},
        ["spec.secret.labels:", "another controller act on the Secret", "remove them"],
    ),
    (
        {"secret": {"name": "sh.helm.release.v1.a.v1"}},
        ["spec.secret.name:", "must not begin with bootstrap-token-", "choose another"],
    ),
    (
        {"audiences": ["a b"]},
        ["spec.audiences[0]:", "must not contain blanks", "such as https://api.example.com"],
    ),
    (
        {"audiences": [""]},
        ["spec.audiences[0]:", "must not be empty", "such as https://api.example.com"],
    ),
    # secret.deleteAfter, secret.encryptTo
    ({"secret": {"deleteAfter": "1s"}}, None),
    (
        {"secret": {"deleteAfter": "0s"}},
        ["spec.secret.deleteAfter:", "at least 1s", "choose a longer one"],
    ),
    (
        {"secret": {"deleteAfter": "1d"}},
        ["spec.secret.deleteAfter:", "must be a duration", "such as 1h or 15m"],
    ),
    (
        {"secret": {"deleteAfter": ""}},
        ["spec.secret.deleteAfter:", "must be a duration", "such as 1h or 15m"],
    ),
    ({"secret": {"encryptTo": PEM}}, None),
    (
        {"secret": {"encryptTo": "bob.crt"}},
        ["spec.secret.encryptTo:", "must be one X.509 certificate in PEM"],
    ),
    (
        {"secret": {"encryptTo": ""}},
        ["spec.secret.encryptTo:", "must be one X.509 certificate in PEM"],
    ),
    ({"secret": {"encryptTo": PEM + "x" * 16384}}, ["spec.secret.encryptTo:", "16384"]),
    (
        {"secret": {"encryptTo": PEM + "-----BEGIN PRIVATE KEY-----\n"}},
        ["spec.secret.encryptTo:", "must not hold a private key", "replace that key"],
    ),
    ({"secret": {"encryptTo": jwk()}}, None),
    (
        {
            "secret": {
                "encryptTo": " \n"
                + json.dumps(json.loads(jwk(kid='"d": "k"', note="d")), indent=2)
                + "\n"
            }
        },
        None,
    ),
    ({"secret": {"encryptTo": jwk(kty="RSA", n="x" * 16000)}}, None),
    (
        {"secret": {"encryptTo": jwk(kty="OKP")}},
        [
            "spec.secret.encryptTo:",
            "must be one X.509 certificate in PEM",
            "or one public JWK whose kty is EC or RSA",
        ],
    ),
    ({"secret": {"encryptTo": jwk()[:-1]}}, ["spec.secret.encryptTo:", "or one public JWK"]),
    ({"secret": {"encryptTo": f"[{jwk()}]"}}, ["spec.secret.encryptTo:", "or one public JWK"]),
    *(
        (
            {"secret": {"encryptTo": jwk(**{member: "AAAA"})}},
            ["spec.secret.encryptTo:", "must not hold a private key", "give the public key alone"],
        )
        for member in ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
    ),
    (
        {"secret": {"encryptTo": jwk(d="AAAA").replace('"d":', '"d" \t:')}},
        ["spec.secret.encryptTo:", "must not hold a private key"],
    ),
    (
        {"secret": {"encryptTo": jwk(d="AAAA").replace('"d"', '"\\u0064"')}},
        ["spec.secret.encryptTo:", "must not hold \\u escapes; write the characters"],
    ),
    # rotation
    ({"rotation": {}}, None),
    ({"rotation": {"policy": "Manual", "overlap": "0s"}}, None),
    ({"rotation": {"policy": "Automatic"}}, None),
    ({"rotation": {"policy": "Automatic", "before": "8759h59m59s", "overlap": "99999h"}}, None),
    ({"type": "Temporary", "rotation": {"before": "7h59m"}}, None),
    (
        {"type": "Temporary", "rotation": {"policy": "Automatic"}},
        ["spec.rotation.policy:", "needs spec.type Permanent", "use policy Manual"],
    ),
    ({"ttl": "10h", "rotation": {"before": "9h59m59s"}}, None),
    (
        {"rotation": {"policy": "automatic"}},
        ["spec.rotation.policy:", "Unsupported value", "Manual", "Automatic"],
    ),
    (
        {"rotation": {"before": "8760h"}},
        ["spec.rotation.before:", "must be shorter than spec.ttl", "choose a shorter one"],
    ),
    (
        {"type": "Temporary", "rotation": {"before": "8h"}},
        ["spec.rotation.before:", "must be shorter than spec.ttl", "choose a shorter one"],
    ),
    (
        {"ttl": "10h", "rotation": {"before": "10h"}},
        ["spec.rotation.before:", "must be shorter than spec.ttl", "choose a shorter one"],
    ),
    (
        {"rotation": {"before": "0s"}},
        ["spec.rotation.before:", "at least 1s", "choose a longer one"],
    ),
    (
        {"rotation": {"before": "30d"}},
        ["spec.rotation.before:", "must be a duration", "such as 720h or 30m"],
    ),
    (
        {"rotation": {"before": ""}},
        ["spec.rotation.before:", "must be a duration", "such as 720h or 30m"],
    ),
    (
        {"rotation": {"overlap": "1d"}},
        ["spec.rotation.overlap:", "must be a duration", "such as 24h or 0s"],
    ),
    (
        {"rotation": {"overlap": "-1s"}},
        ["spec.rotation.overlap:", "must be a duration", "such as 24h or 0s"],
    ),
    ({"ttl": "1d", "rotation": {"before": "2h"}}, ["spec.ttl:", "must be a duration"]),
    # revoked, ttlAfterExpired
    ({"revoked": True}, None),
    ({"revoked": "yes"}, ["spec.revoked:", "must be of type boolean"]),
    ({"ttlAfterExpired": "0s"}, None),
    ({"ttlAfterExpired": "99999h"}, None),
    ({"ttlAfterExpired": "7d"}, ["spec.ttlAfterExpired:", "must be a duration"]),
    ({"ttlAfterExpired": ""}, ["spec.ttlAfterExpired:", "must be a duration"]),
    # several mistakes are reported at once
    (
        {"user": "system:x", "ttl": "1d", "secret": {"key": "a b"}},
        ["spec.user:", "spec.ttl:", "spec.secret.key:"],
    ),
]


@pytest.mark.parametrize("spec, refusal", SCHEMA_OF_TOKENS)
def test_an_api_token_is_checked_at_creation(crds, spec, refusal):
    obj = token(spec)
    obj["spec"] = {key: value for key, value in obj["spec"].items() if value is not None}
    expect(send(crds, "create", obj, "--dry-run=server"), refusal)


RESERVED = list(yaml.safe_load_all((ROOT / "tests/rules/reserved_names.yaml").read_text()))


@pytest.mark.parametrize(
    "row", RESERVED, ids=lambda row: json.dumps(row["spec"], ensure_ascii=True)[:70]
)
def test_names_that_others_act_on_are_refused_by_the_table_that_the_operator_is_held_to(crds, row):
    obj = token(row["spec"], name=row.get("name", "probe"))
    expect(send(crds, "create", obj, "-n", "default", "--dry-run=server"), row.get("refused"))


CHANGES_OF_TOKENS = [
    # (spec before, spec after, refusal); metadata.name is "probe"
    ({}, {"user": "bob@example.com"}, ["spec.user:", "cannot be changed"]),
    ({}, {"type": "Permanent"}, None),
    ({"type": "Permanent"}, {}, None),
    ({}, {"type": "Temporary"}, ["spec.type:", "cannot be changed"]),
    ({"type": "Temporary"}, {}, ["spec.type:", "cannot be changed"]),
    ({"type": "Temporary"}, {"type": "Permanent"}, ["spec.type:", "cannot be changed"]),
    ({}, {"secret": {"name": "probe"}}, None),
    ({"secret": {"name": "probe"}}, {"secret": {}}, None),
    ({"secret": {"name": "probe", "key": "token"}}, {}, None),
    ({}, {"secret": {"name": "other"}}, ["spec.secret.name:", "cannot be changed"]),
    ({"secret": {"name": "other"}}, {}, ["spec.secret.name:", "cannot be changed"]),
    (
        {"secret": {"name": "other"}},
        {"secret": {"key": "token"}},
        ["spec.secret.name:", "cannot be changed"],
    ),
    (
        {"secret": {"name": "other"}},
        {"secret": {"name": "third"}},
        ["spec.secret.name:", "cannot be changed"],
    ),
    ({"secret": {"name": "other"}}, {"secret": {"name": "other", "labels": {"a": "b"}}}, None),
    ({}, {"secret": {"key": "token"}}, None),
    ({}, {"secret": {"key": "other"}}, ["spec.secret.key:", "cannot be changed"]),
    ({"secret": {"key": "other"}}, {"secret": {}}, ["spec.secret.key:", "cannot be changed"]),
    ({"secret": {"key": "other"}}, {}, ["spec.secret.key:", "cannot be changed"]),
    (
        {"secret": {"key": "other"}},
        {"secret": {"key": "third"}},
        ["spec.secret.key:", "cannot be changed"],
    ),
    ({}, {"revoked": True}, None),
    ({}, {"revoked": False}, None),
    ({"revoked": True}, {"revoked": True, "description": "still a record"}, None),
    ({"revoked": True}, {"revoked": False}, ["spec.revoked:", "cannot be taken back"]),
    ({"revoked": True}, {}, ["spec.revoked:", "cannot be taken back"]),
    ({"ttl": "8760h"}, {"ttl": "1h", "description": "new", "ttlAfterExpired": "1h"}, None),
    ({"ttl": "1h"}, {"ttl": "9s"}, ["spec.ttl:", "at least 10s"]),
    (
        {},
        {
            "groups": ["a"],
            "scopes": ["b"],
            "audiences": ["c"],
            "secret": {"deleteAfter": "1h", "encryptTo": PEM},
        },
        None,
    ),
    (
        {"rotation": {"policy": "Automatic", "before": "1h"}},
        {"rotation": {"policy": "Manual", "overlap": "0s"}},
        None,
    ),
    ({"type": "Temporary"}, {"type": "Temporary", "format": "JWT"}, None),
    ({}, {"format": "JWT"}, ["spec.format:", "needs spec.type Temporary"]),
    (
        {"type": "Temporary"},
        {"type": "Temporary", "rotation": {"policy": "Automatic"}},
        ["spec.rotation.policy:", "needs spec.type Permanent"],
    ),
    (
        {"secret": {"labels": {"a": "b"}}},
        {"secret": {"labels": {"owner": "helm"}}},
        ["spec.secret.labels:", "owner=helm"],
    ),
    (
        {"ttl": "10h", "rotation": {"before": "5h"}},
        {"ttl": "4h", "rotation": {"before": "5h"}},
        ["spec.rotation.before:", "or a longer ttl"],
    ),
]


@pytest.mark.parametrize("before, after, refusal", CHANGES_OF_TOKENS)
def test_an_api_token_is_checked_at_each_change(crds, namespace_name, before, after, refusal):
    send(crds, "create", token(before), "-n", namespace_name).check_returncode()
    expect(send(crds, "replace", token(after), "-n", namespace_name, "--dry-run=server"), refusal)


def requirement(operator, *values, key="team"):
    return {
        "matchExpressions": [
            {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
        ]
    }


def smtp(**fields):
    return {"smtp": {"server": "smtp.example.com:587", "from": "tokens@example.com", **fields}}


SCHEMA_OF_CONFIGS = [
    ({}, None),
    # when to warn
    ({"warnBeforeDays": 1}, None),
    ({"warnBeforeDays": 3650}, None),
    ({"warnBeforeDays": 0}, ["spec.warnBeforeDays:", "greater than or equal to 1"]),
    ({"warnBeforeDays": 3651}, ["spec.warnBeforeDays:", "less than or equal to 3650"]),
    ({"warnBeforeDays": 1.5}, ["spec.warnBeforeDays:", "integer"]),
    ({"reminders": ["720h", "168h", "24h"]}, None),
    ({"reminders": ["1s"]}, None),
    ({"reminders": [f"{8 - i}h" for i in range(8)]}, None),
    ({"reminders": [f"{9 - i}h" for i in range(9)]}, ["spec.reminders:", "8"]),
    ({"reminders": []}, ["spec.reminders:", "at least 1"]),
    ({"reminders": ["30d"]}, ["spec.reminders:", "must be a duration"]),
    ({"reminders": [""]}, ["spec.reminders:", "must be a duration"]),
    ({"reminders": ["1h", "0s"]}, ["spec.reminders:", "longer than 0s"]),
    ({"reminders": ["24h", "168h"]}, ["spec.reminders:", "must descend"]),
    ({"reminders": ["24h", "1440m"]}, ["spec.reminders:", "must descend"]),
    (
        {"reminders": ["8h", "7h", "6h", "5h", "4h", "3h", "1h", "2h"]},
        ["spec.reminders:", "must descend"],
    ),
    (
        {"warnBeforeDays": 30, "reminders": ["24h"]},
        ["spec.reminders:", "exclude each other; keep one"],
    ),
    # recipients: the operator checks the addresses, and smtp may come later
    ({"emails": "a@example.com; b@example.com ;"}, None),
    ({"emails": "not an address"}, None),
    ({"emails": ""}, None),
    ({"emails": "a@example.com\nBcc: b@example.com"}, ["spec.emails:", "must be on one line"]),
    ({"emails": "a" * 4097}, ["spec.emails:", "4096"]),
    ({"emails": ["a@example.com"]}, ["spec.emails:", "must be of type string"]),
    ({"emailTokenUser": True}, None),
    # selectors
    ({"namespaceSelector": {}, "tokenSelector": {"matchLabels": {"team": "shop"}}}, None),
    ({"tokenSelector": requirement("In", "a", "b")}, None),
    ({"tokenSelector": requirement("NotIn", "a", key="example.com/team")}, None),
    ({"namespaceSelector": requirement("Exists")}, None),
    ({"namespaceSelector": requirement("DoesNotExist")}, None),
    (
        {"tokenSelector": requirement("In")},
        ["spec.tokenSelector.matchExpressions[0].values:", "needs at least one"],
    ),
    (
        {"namespaceSelector": requirement("NotIn")},
        ["spec.namespaceSelector.matchExpressions[0].values:", "needs at least one"],
    ),
    (
        {"tokenSelector": requirement("Exists", "a")},
        ["spec.tokenSelector.matchExpressions[0].values:", "takes no values"],
    ),
    (
        {"tokenSelector": requirement("DoesNotExist", "a")},
        ["spec.tokenSelector.matchExpressions[0].values:", "takes no values"],
    ),
    (
        {"tokenSelector": requirement("Equals", "a")},
        ["spec.tokenSelector.matchExpressions[0].operator:", "Unsupported value"],
    ),
    (
        {"tokenSelector": requirement("Exists", key="a b")},
        ["spec.tokenSelector.matchExpressions[0].key:", "must be a label name"],
    ),
    # lifetimes
    (
        {
            "lifetimes": {
                "permanent": {"default": "8760h", "max": "8760h"},
                "temporary": {"default": "8h", "max": "24h"},
            }
        },
        None,
    ),
    ({"lifetimes": {"permanent": {"max": "10s"}}}, None),
    (
        {"lifetimes": {"permanent": {"max": "8761h"}}},
        ["spec.lifetimes.permanent.max:", "at most 8760h"],
    ),
    (
        {"lifetimes": {"permanent": {"default": "9s"}}},
        ["spec.lifetimes.permanent.default:", "at least 10s"],
    ),
    (
        {"lifetimes": {"permanent": {"default": "2h", "max": "1h"}}},
        ["spec.lifetimes.permanent.default:", "must not be longer than max"],
    ),
    (
        {"lifetimes": {"temporary": {"max": "25h"}}},
        ["spec.lifetimes.temporary.max:", "at most 24h"],
    ),
    (
        {"lifetimes": {"temporary": {"default": "1d"}}},
        ["spec.lifetimes.temporary.default:", "must be a duration"],
    ),
    (
        {"lifetimes": {"temporary": {"default": "90m", "max": "1h"}}},
        ["spec.lifetimes.temporary.default:", "must not be longer than max"],
    ),
    # digest
    ({"digest": "0s"}, None),
    ({"digest": "24h"}, None),
    ({"digest": "24h1s"}, ["spec.digest:", "at most 24h"]),
    ({"digest": "5 minutes"}, ["spec.digest:", "must be a duration"]),
    # smtp
    (smtp(), None),
    (smtp(server="[::1]:25", tls="None"), None),
    (smtp(tls="Implicit", credentialsSecret="smtp", caSecret="smtp-ca.v2"), None),
    (smtp(**{"from": "API tokens <tokens@example.com>"}), None),
    (smtp(server=None), ["spec.smtp.server", "Required value"]),
    (smtp(**{"from": None}), ["spec.smtp.from", "Required value"]),
    (smtp(**{"from": ""}), ["spec.smtp.from:", "must name one sender"]),
    (smtp(**{"from": "a@example.com\r\nBcc: b@example.com"}), ["spec.smtp.from:", "on one line"]),
    ({"emailDomains": []}, ["spec.emailDomains:", "must name the domains"]),
    ({"emailDomains": ["alice@example.com"]}, ["spec.emailDomains[0]:", "without an @"]),
    ({"emailUserPrefix": "a b"}, ["spec.emailUserPrefix:", "printable ASCII"]),
    (smtp(auth="NTLM"), ["spec.smtp.auth:", "Unsupported value", "PLAIN"]),
    (smtp(helo="-"), ["spec.smtp.helo:", "must be a host name"]),
    (smtp(**{"from": "tokens"}), ["spec.smtp.from:", "must be an address or a name"]),
    (smtp(tls="None"), ["spec.smtp.tls", "None is allowed only towards"]),
    (
        smtp(server="10.0.0.1:25", tls="None", credentialsSecret="smtp"),
        ["spec.smtp.credentialsSecret", "to a loopback address only"],
    ),
    (smtp(server=""), ["spec.smtp.server:", "must be host:port"]),
    (smtp(server="smtp.example.com"), ["spec.smtp.server:", "must be host:port"]),
    (smtp(server="smtp.example.com:0"), ["spec.smtp.server:", "must be host:port"]),
    (smtp(server="smtp.example.com:65536"), ["spec.smtp.server:", "must be host:port"]),
    (smtp(server="smtp://smtp.example.com:25"), ["spec.smtp.server:", "must be host:port"]),
    (smtp(tls="SSL"), ["spec.smtp.tls:", "Unsupported value", "StartTLS"]),
    (
        smtp(credentialsSecret="Smtp"),
        ["spec.smtp.credentialsSecret:", "must be the name of a Secret"],
    ),
    (smtp(caSecret="a/b"), ["spec.smtp.caSecret:", "must be the name of a Secret"]),
]


@pytest.mark.parametrize("spec, refusal", SCHEMA_OF_CONFIGS)
def test_a_token_expiry_config_is_checked_at_creation(crds, spec, refusal):
    if "smtp" in spec:
        spec = {"smtp": {key: value for key, value in spec["smtp"].items() if value is not None}}
    expect(send(crds, "create", resource("TokenExpiryConfig", spec), "--dry-run=server"), refusal)


MAIL_SETTINGS = yaml.safe_load(
    (CRDS.parent / "tests" / "tables" / "mail_settings.yaml").read_text(encoding="utf-8")
)


def with_mail_setting(field, value):
    """A valid spec but for the value of the table; like in
    tests/unit/core/mail_settings_test.cpp."""
    name, _, detail = field.removeprefix("smtp.").partition(" ")
    if field == "emailDomains":
        return {**smtp(), "emailDomains": [value]}
    if not field.startswith("smtp."):
        return {**smtp(), field: value}
    return smtp(
        **{name: value},
        **({"tls": "None"} if detail else {}),
        **({"credentialsSecret": "smtp"} if "login" in detail else {}),
    )


@pytest.mark.parametrize("row", MAIL_SETTINGS, ids=lambda row: row["field"])
def test_mail_settings_are_checked_as_the_operator_checks_them(crds, row):
    """Each value of the table; the refusal names the field of the value."""
    wrong = []
    for verdict in ("good", "bad"):
        for number, value in enumerate(row[verdict]):
            obj = resource(
                "TokenExpiryConfig",
                with_mail_setting(row["field"], value),
                name=f"probe-{verdict}-{number}",
            )
            try:
                crds.api.create(f"/apis/{GROUP}/v1alpha1/tokenexpiryconfigs", obj, dryRun="All")
                refusal = None
            except ApiError as error:
                refusal = error.message
            if (refusal is None) != (verdict == "good"):
                wrong.append((verdict, value, refusal))
    assert not wrong


def verdicts_of_lint(objects):
    """For each object whether `lint`, and so the operator's own code, calls it right."""
    named = [{**obj, "metadata": {"name": f"probe-{number}"}} for number, obj in enumerate(objects)]
    done = subprocess.run(
        [PLUGIN, "lint", "-f", "-"],
        input=json.dumps({"apiVersion": "v1", "kind": "List", "items": named}),
        text=True,
        capture_output=True,
        timeout=60,
    )
    found = re.findall(r"^standard input: \w+/probe-(\d+): (ok|wrong): ", done.stdout, re.M)
    verdicts = {int(number): verdict == "ok" for number, verdict in found}
    assert len(verdicts) == len(named), done.stderr
    return [verdicts[number] for number in range(len(named))]


def test_the_operator_gives_each_verdict_of_the_tables():
    """controller/core has the rules of the CRDs once more, for objects that are stored already. It
    alone checks what CEL cannot read: each address of `emails`, and the key in `encryptTo`."""
    rows = [(token(spec), refusal is None) for spec, refusal in SCHEMA_OF_TOKENS]
    rows += [
        (resource("TokenExpiryConfig", spec), refusal is None)
        for spec, refusal in SCHEMA_OF_CONFIGS
    ]
    rows += [
        (resource("TokenExpiryConfig", with_mail_setting(row["field"], value)), verdict == "good")
        for row in MAIL_SETTINGS
        for verdict in ("good", "bad")
        for value in row[verdict]
    ]
    rows = copy.deepcopy(rows)
    for obj, _ in rows:
        for part in (obj["spec"], obj["spec"].get("smtp", {})):
            for key in [key for key, value in part.items() if value is None]:
                del part[key]
    found = verdicts_of_lint([obj for obj, _ in rows])
    assert [
        (obj["spec"], f"the API server {'takes' if wanted else 'refuses'} it")
        for (obj, wanted), verdict in zip(rows, found, strict=True)
        if wanted != verdict
        and not (
            wanted and ("emails" in obj["spec"] or "encryptTo" in obj["spec"].get("secret", {}))
        )
    ] == []


@pytest.mark.parametrize(
    "obj", [token({"tll": "1h"}), resource("TokenExpiryConfig", {"email": "a@example.com"})]
)
def test_an_unknown_field_is_refused_to_strict_clients_and_pruned_for_others(crds, obj):
    expect(send(crds, "create", obj, "--dry-run=server"), "unknown field")
    result = send(crds, "create", obj, "--dry-run=server", "--validate=false", "-o", "json")
    expect(result, None)
    assert set(json.loads(result.stdout)["spec"]) <= {"user"}


def status_patch(cluster, namespace_name, plural, name, status):
    return cluster.kubectl(
        "patch",
        plural,
        name,
        "-n",
        namespace_name,
        "--subresource=status",
        "--type=merge",
        "-p",
        json.dumps({"status": status}),
        check=False,
    )


def condition(kind, status, reason):
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


TOKEN_STATUS = {
    "observedGeneration": 1,
    "conditions": [
        condition("Ready", "True", "Issued"),
        condition("ExpiringSoon", "False", "NotYet"),
    ],
    "type": "Permanent",
    "ttl": "8760h0m0s",
    "tokenID": "7Gk2aB9z",
    "tokenHash": "sha256:00",
    "hint": "x9Qe",
    "issuedAt": "2026-01-01T00:00:00Z",
    "expiresAt": "2027-01-01T00:00:00Z",
    "warnAt": "2026-12-02T00:00:00Z",
    "revision": 1,
    "rotateAt": "2026-12-02T00:00:00Z",
    "lastRotationRequest": "2026-01-01T00:00:00Z",
    "lastRotationTime": "2026-01-01T00:00:00Z",
    "lastUsedAt": "2026-01-01T00:10:00Z",
    "previous": {
        "tokenID": "0Gk2aB9z",
        "tokenHash": "sha256:11",
        "validUntil": "2026-01-02T00:00:00Z",
    },
    "secretName": "probe",
    "notices": [
        {
            "config": "default",
            "before": "720h",
            "eventAt": "2026-12-02T00:00:00Z",
            "sentAt": "2026-12-02T00:05:00Z",
        },
        {"before": "0s"},
    ],
}


def test_a_token_status_keeps_every_field_and_shows_in_columns(crds, namespace_name):
    send(crds, "create", token({}), "-n", namespace_name).check_returncode()
    expect(status_patch(crds, namespace_name, "apitokens", "probe", TOKEN_STATUS), None)
    stored = json.loads(
        crds.kubectl("get", "apt", "probe", "-n", namespace_name, "-o", "json").stdout
    )
    assert stored["status"] == TOKEN_STATUS

    # By name too: that fails where a category called apitoken holds more kinds than this one.
    header, row = crds.kubectl("get", "apitoken", "probe", "-n", namespace_name).stdout.splitlines()
    assert header.split() == ["NAME", "USER", "TYPE", "READY", "REASON", "EXPIRES", "AGE"]
    assert row.split()[:6] == [
        "probe",
        "alice@example.com",
        "Permanent",
        "True",
        "Issued",
        "2027-01-01T00:00:00Z",
    ]
    header, row = crds.kubectl(
        "get", "apitoken", "-n", namespace_name, "-o", "wide"
    ).stdout.splitlines()
    assert re.split(r"\s{2,}", header.strip()) == [
        "NAME",
        "USER",
        "TYPE",
        "READY",
        "REASON",
        "EXPIRES",
        "TOKEN ID",
        "SECRET",
        "REVISION",
        "AGE",
    ]
    assert row.split()[6:9] == ["7Gk2aB9z", "probe", "1"]


@pytest.mark.parametrize(
    "status, refusal",
    [
        ({"expiresAt": "tomorrow"}, "status.expiresAt"),
        ({"revision": -1}, "status.revision"),
        ({"previous": {"validUntil": "tomorrow"}}, "status.previous.validUntil"),
        ({"conditions": [condition("Ready", "Maybe", "Issued")]}, "status.conditions[0].status"),
        (
            {
                "conditions": [
                    condition("Ready", "True", "Issued"),
                    condition("Ready", "False", "Pending"),
                ]
            },
            "Duplicate value",
        ),
        ({"notices": [{"config": "default"}]}, "status.notices[0].before"),
    ],
)
def test_a_malformed_token_status_is_refused(crds, namespace_name, status, refusal):
    send(crds, "create", token({}), "-n", namespace_name).check_returncode()
    expect(status_patch(crds, namespace_name, "apitokens", "probe", status), refusal)


def test_spec_and_status_are_written_apart(crds, namespace_name):
    send(
        crds,
        "create",
        {**token({}), "status": {"tokenHash": "sha256:forged"}},
        "-n",
        namespace_name,
    ).check_returncode()
    stored = json.loads(
        crds.kubectl("get", "apt", "probe", "-n", namespace_name, "-o", "json").stdout
    )
    assert "status" not in stored


def test_tokens_are_selected_by_user_and_type(crds, namespace_name):
    for name, spec in {
        "plain": {},
        "named": {"type": "Permanent"},
        "session": {"type": "Temporary"},
        "bobs": {"user": "bob"},
    }.items():
        send(crds, "create", token(spec, name=name), "-n", namespace_name).check_returncode()

    def selected(selector):
        names = crds.kubectl(
            "get", "apt", "-n", namespace_name, "--field-selector", selector, "-o", "name"
        ).stdout.split()
        return {name.rpartition("/")[2] for name in names}

    assert selected("spec.user=bob") == {"bobs"}
    assert selected("spec.type=Temporary") == {"session"}
    assert selected("spec.type=Permanent") == {"named"}  # an absent type is no value
    assert selected("spec.type!=Temporary") == {"plain", "named", "bobs"}


def test_a_config_status_keeps_every_field_and_shows_in_columns(crds, namespace_name):
    status = {
        "observedGeneration": 1,
        "conditions": [
            condition("Ready", "False", "InvalidAddress"),
            condition("EmailDelivery", "True", "Delivered"),
        ],
        "matchedTokens": 12,
        "expiringTokens": 3,
        "lastEmailTime": "2026-01-01T00:00:00Z",
        "pendingNotices": 2,
    }
    name = f"probe-{namespace_name}"
    send(crds, "create", resource("TokenExpiryConfig", {}, name=name)).check_returncode()
    try:
        expect(status_patch(crds, namespace_name, "tokenexpiryconfigs", name, status), None)
        stored = json.loads(crds.kubectl("get", "tec", name, "-o", "json").stdout)
        assert stored["status"] == status
        header, row = crds.kubectl("get", "tec", name).stdout.splitlines()
        assert re.split(r"\s{2,}", header.strip()) == [
            "NAME",
            "READY",
            "REASON",
            "EMAIL",
            "TOKENS",
            "EXPIRING",
            "PENDING",
            "LAST EMAIL",
            "AGE",
        ]
        assert row.split()[1:7] == ["False", "InvalidAddress", "True", "12", "3", "2"]
    finally:
        crds.kubectl("delete", "tec", name)


def test_an_object_stored_before_a_rule_existed_can_still_be_given_a_status(crds, namespace_name):
    """The operator must be able to write InvalidSpec to an object that today's rules refuse.
    Uses a copy of the CRD in a group of its own: first without rules, then with all of them."""
    group = f"{namespace_name}.example.com"
    strict = json.loads(
        crds.kubectl(
            "create", "--dry-run=client", "-o", "json", "-f", str(CRDS / "apitokens.yaml")
        ).stdout
    )
    strict["metadata"] = {"name": f"apitokens.{group}"}
    strict["spec"]["group"] = group
    strict["spec"]["names"] = {"kind": "ApiToken", "plural": "apitokens"}
    loose = json.loads(json.dumps(strict))
    loose["spec"]["versions"][0]["schema"] = {
        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    }
    loose["spec"]["versions"][0].pop("selectableFields")
    old = {
        **token({"user": "system:old", "ttl": "30d", "type": "Eternal"}),
        "apiVersion": f"{group}/v1alpha1",
    }
    try:
        send(crds, "create", loose).check_returncode()
        crds.await_crds(f"apitokens.{group}")
        send(crds, "create", old, "-n", namespace_name).check_returncode()
        send(crds, "replace", strict).check_returncode()
        wait_until_refused(crds, {**old, "metadata": {"name": "new"}}, namespace_name)

        stalled = {"conditions": [condition("Ready", "False", "InvalidSpec")]}
        expect(status_patch(crds, namespace_name, f"apitokens.{group}", "probe", stalled), None)
        expect(
            send(
                crds,
                "replace",
                {**old, "spec": {**old["spec"], "ttl": "31d"}},
                "-n",
                namespace_name,
            ),
            "spec.ttl",
        )
    finally:
        crds.kubectl("delete", "crd", f"apitokens.{group}", "--ignore-not-found")


def wait_until_refused(cluster, obj, namespace_name, attempts=60):
    """The server applies a changed schema a moment after the CRD was written; each attempt is a
    new request."""
    for _ in range(attempts):
        if send(cluster, "create", obj, "-n", namespace_name, "--dry-run=server").returncode != 0:
            return
    pytest.fail("the stricter schema never came into force")
