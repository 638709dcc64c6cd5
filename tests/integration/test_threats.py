"""The threats of docs/security.md that no other test shows, on a real API server under all
shipped policies, with the operator under its own account. And the page itself: each row names a
test that exists. test_stolen_tokens.py has what a stolen or forged token opens."""

import ast
import base64
import functools
import json
import re
import subprocess
import zlib

import pytest
import yaml

from testbed import api as kinds
from testbed import guarded
from testbed.built import built
from testbed.cluster import ROOT
from testbed.helm import CHART
from testbed.policies import ACCOUNT, ADMISSION, RBAC, SYSTEM, Grants, refusal
from testbed.process import LABEL
from testbed.tokens import (
    base62,
    condition,
    encoded,
    hash_of,
    status_and_reason,
    value_in,
    well_formed,
)
from testbed.verifying import auth, is_valid
from testbed.waiting import holds, wait_for

cluster, operator_kubeconfig = guarded.cluster, guarded.operator_kubeconfig

PAGE = (ROOT / "docs/security.md").read_text()
TESTS = [ROOT / "tests/integration", ROOT / "tests/portal"]
NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")
ROTATE = {"metadata": {"annotations": {"apitoken.dev/rotate-requested-at": "2026-01-02T00:00:00Z"}}}
ABOUT_THE_PAGE = ("test_a_row_", "test_the_page_")
EVERYTHING = [("*", "*", None, "*")]


# --- the page -------------------------------------------------------------------------------------

WHO = [
    "A tenant with edit",
    "The owner of a namespace",
    "A reader of ApiTokens",
    "A token holder",
    "The network",
    "A compromised proxy",
    "A visitor of the portal",
    "A settings writer",
    "A reader of backups",
    "The operator's own account",
]


def rows():
    """(heading, row) of each row of the tables with a column `shown by`."""
    for section in re.split(r"^## ", PAGE, flags=re.M)[1:]:
        heading, _, body = section.partition("\n")
        table = re.findall(r"^\|.*\|$", body, re.M)
        if table and table[0].endswith("| shown by |"):
            yield from ((heading, row) for row in table[2:])


@functools.cache
def functions_in(file):
    texts = [(folder / file).read_text() for folder in TESTS if (folder / file).exists()]
    tree = ast.parse("".join(texts))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("who, row", rows(), ids=lambda text: re.sub(r"[^\w ]", "", text)[:60])
def test_a_row_names_tests_that_exist(who, row):
    assert len(row) <= 160
    named = NAMED.findall(row.strip("| ").split(" | ")[-1])
    assert named, f"{who}: no test"
    missing = [f"{file}::{name}" for file, name in named if name not in functions_in(file)]
    assert missing == []


def test_the_page_has_everybody_and_every_threat_of_these_files():
    assert list(dict.fromkeys(who for who, _ in rows())) == WHO
    for file in ("test_threats.py", "test_stolen_tokens.py"):
        shown = {name for named, name in NAMED.findall(PAGE) if named == file}
        tests = {name for name in functions_in(file) if name.startswith("test_")}
        assert {name for name in tests if not name.startswith(ABOUT_THE_PAGE)} == shown


# --- the testbed ----------------------------------------------------------------------------------


@pytest.fixture
def api_of(cluster, namespace):
    """api_of(user, role, ...): the API server as seen by that user, who has that role."""
    grants = Grants(cluster, namespace.name)

    def allow(user, role, everywhere=False, group=None):
        grants.grant(user, role, everywhere)
        grants.in_force()
        return cluster.api.impersonating(user, group)

    yield allow
    grants.remove()


# --- a tenant, the owner of a namespace -----------------------------------------------------------


def test_a_deleted_token_ends_though_a_finalizer_keeps_its_object(namespace, operator, api_of):
    """Users who may create an ApiToken may give it a finalizer, and so delay its deletion."""
    tokens = kinds.apitokens(api_of("tenant", "edit"), namespace.name)
    body = {"apiVersion": tokens.api_version, "kind": tokens.kind}
    body["metadata"] = {"name": "ci", "finalizers": ["example.com/keep"]}
    tokens.api.create(tokens.path, {**body, "spec": {"user": "tenant", "type": "Temporary"}})
    namespace.ready("ci")
    value = namespace.value("ci")
    assert is_valid(operator, value)
    try:
        namespace.tokens.delete("ci")
        wait_for(lambda: not is_valid(operator, value), 5, "a deleted token is valid")
        tokens.patch("ci", ROTATE)

        def stays_dead():
            assert namespace.tokens.get("ci")["metadata"]["deletionTimestamp"]
            present = namespace.secrets.get("ci")
            assert not is_valid(operator, value_in(present) if present else value)

        holds(stays_dead, 2)
    finally:
        tokens.patch("ci", {"metadata": {"finalizers": None}})


def test_a_token_of_a_deleted_namespace_ends_and_its_successor_is_another(
    cluster, namespace, operator
):
    value = namespace.minted_value()
    path = f"/api/v1/namespaces/{namespace.name}"
    cluster.api.delete(path)
    wait_for(lambda: not is_valid(operator, value), 20, "a token outlives its namespace")
    wait_for(lambda: cluster.api.get(path) is None, 60, "the namespace stays")
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": namespace.name}})
    successor = namespace.minted_value(user="bob@example.com")
    assert is_valid(operator, successor) and not is_valid(operator, value)


def test_a_token_keeps_a_group_that_its_user_left_and_cannot_be_renewed(
    cluster, namespace, operator, api_of
):
    spec = {"user": "carol", "type": "Temporary", "groups": ["ops"]}
    kinds.apitokens(api_of("carol", "edit", group="ops"), namespace.name).create("ci", spec)
    namespace.ready("ci")
    value = namespace.value("ci")
    left = kinds.apitokens(cluster.api.impersonating("carol", "others"), namespace.name)
    for attempt in (
        lambda: left.patch("ci", ROTATE),
        lambda: left.patch("ci", {"spec": {"ttl": "24h"}}),
        lambda: left.create("next", spec),
    ):
        assert "ops does not have carol as a member" in (refusal(attempt) or "allowed")
    assert auth(operator, value).headers["X-Auth-Request-Groups"] == "ops", "docs: what stays"
    assert left.delete("ci")
    wait_for(lambda: not is_valid(operator, value), 5, "a deleted token is valid")


def chosen_value():
    """A well-formed value that no random source made."""
    digits = "A" * 40
    return f"apt_{digits}{base62(zlib.crc32(digits.encode()), 6)}"


def test_nobody_chooses_the_value_of_a_token(namespace, operator, api_of):
    """By a Secret like the operator's: planted before the minting, or changed after it."""
    chosen = chosen_value()
    assert well_formed(chosen)
    labels = {"app.kubernetes.io/managed-by": "apitoken-operator"}
    annotations = {"apitoken.dev/token-hash": hash_of(chosen)}
    data = {"token": encoded(chosen)}
    api = api_of("owner", EVERYTHING)
    tokens, secrets = kinds.apitokens(api, namespace.name), kinds.secrets(api, namespace.name)
    secrets.create("planted", labels=labels, annotations=annotations, type="Opaque", data=data)
    for name in ("planted", "changed"):
        tokens.create(name, {"user": "owner", "type": "Temporary"})
    wait_for(lambda: condition(tokens.get("planted"), "Ready"), 15, "planted is untouched")
    namespace.ready("changed")
    secrets.patch("changed", {"data": data, "metadata": {"annotations": annotations}})

    def is_invalid():
        assert not is_valid(operator, chosen)
        assert hash_of(chosen) not in json.dumps([token["status"] for token in tokens.list()])

    holds(is_invalid, 3)
    namespace.ready("changed")
    namespace.check_consistent("changed")


def test_the_owner_of_a_namespace_reaches_nothing_around_it(namespace, api_of):
    api = api_of("owner", EVERYTHING)
    dry = {"dryRun": "All"}
    version = {"apiVersion": "apitoken.dev/v1alpha1", "metadata": {"name": "mine"}}
    settings = {**version, "kind": "TokenExpiryConfig", "spec": {}}
    spec = {"user": "owner", "type": "Temporary"}
    policy = f"{ADMISSION}/validatingadmissionpolicies/apitoken-mint"
    binding = f"{ADMISSION}/validatingadmissionpolicybindings/apitoken-mint"
    role = {"kind": "ClusterRole", "name": "apitoken-admin"}
    role["apiGroup"] = "rbac.authorization.k8s.io"
    bound = {"metadata": {"name": "mine"}, "roleRef": role}
    elsewhere = kinds.apitokens(api, "default")
    attempts = {
        "policy": lambda: api.patch(policy, {"spec": {"matchConditions": []}}, **dry),
        "binding": lambda: api.delete(binding, **dry),
        "role": lambda: api.patch(f"{RBAC}/clusterroles/apitoken-user", {"rules": []}, **dry),
        "role for all": lambda: api.create(f"{RBAC}/clusterrolebindings", bound, **dry),
        "settings": lambda: api.create(kinds.configs(api).path, settings, **dry),
        "operator": lambda: kinds.secrets(api, SYSTEM).list(),
        "elsewhere": lambda: elsewhere.create("mine", spec),
    }
    answers = {what: refusal(attempt) or "allowed" for what, attempt in attempts.items()}
    assert [what for what, answer in answers.items() if "cannot" not in answer] == [], answers
    assert kinds.apitokens(api, namespace.name).create("mine", spec)


# --- readers --------------------------------------------------------------------------------------


def words_in(thing):
    """Each word of each text in JSON, names of fields included; of a hash also the digits alone."""
    if isinstance(thing, dict):
        return words_in([*thing.keys(), *thing.values()])
    if isinstance(thing, (list, tuple)):
        return set().union(*map(words_in, thing))
    return {part for word in str(thing).split() for part in (word, word.removeprefix("sha256:"))}


def test_nothing_that_a_viewer_reads_is_a_token(namespace, operator, api_of):
    value = namespace.minted_value()
    namespace.tokens.patch("ci", ROTATE)
    token = namespace.wait_condition("ci", "Ready", "True", "Rotated")
    assert token["status"]["previous"]["tokenHash"] == hash_of(value)
    namespace.wait_event("ci", "Rotated")
    api = api_of("viewer", "view")
    events = kinds.events(api, namespace.name).list()
    labels = [pair for pair in LABEL.findall(operator.metrics().text) if namespace.name in pair]
    words = words_in([kinds.apitokens(api, namespace.name).get("ci"), events, labels])
    assert hash_of(value) in words and namespace.name in words
    assert {word for word in words if is_valid(operator, word)} == set()
    assert is_valid(operator, value) and is_valid(operator, namespace.value("ci"))
    assert "cannot get" in refusal(lambda: kinds.secrets(api, namespace.name).get("ci"))


def is_in_etcd(cluster, value):
    """Whether etcd's files, its log of all writes included, hold the value, in clear or in
    base64."""
    shifted = [base64.b64encode(b"x" * shift + value.encode())[4:-4] for shift in range(3)]
    contents = [path.read_bytes() for path in (cluster.dir / "etcd").rglob("*") if path.is_file()]
    return any(form in content for form in (value.encode(), *shifted) for content in contents)


KEY = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN=bob"
OPEN = "openssl cms -decrypt -inform PEM -inkey key.pem -recip cert.pem -in"


def test_a_copy_of_etcd_holds_no_encrypted_value(cluster, namespace, operator, shell, tmp_path):
    certificate = shell(f"{KEY} -keyout key.pem -out cert.pem 2>/dev/null; cat cert.pem")
    namespace.token("sealed", secret={"encryptTo": certificate})
    first = namespace.ready("sealed")["status"]["tokenHash"]
    namespace.tokens.patch("sealed", ROTATE)
    second = namespace.wait_condition("sealed", "Ready", "True", "Rotated")["status"]["tokenHash"]
    sealed = {"token.cms": second, "previous-token.cms": first}
    wait_for(
        lambda: set(namespace.secrets.get("sealed")["data"]) == set(sealed), 10, "not both values"
    )
    for key, token_hash in sealed.items():
        (tmp_path / key).write_text(namespace.value("sealed", key))
        value = shell(f"{OPEN} {key}")
        assert hash_of(value) == token_hash and is_valid(operator, value)
        assert not is_in_etcd(cluster, value)
    assert is_in_etcd(cluster, namespace.minted_value("plain")), (
        "a plain value is found where it is"
    )


# --- a settings writer ----------------------------------------------------------------------------

HIDDEN = "correct-horse-battery-staple"


def test_a_settings_writer_learns_no_secret_of_the_operator(namespace, operator, mail, api_of):
    """Settings name Secrets of the operator's namespace: other keys of these Secrets are not
    shown."""
    namespace.secret("database", password=HIDDEN, ca__crt=HIDDEN)
    api = api_of("writer", "apitoken-settings", everywhere=True)
    configs = kinds.configs(api)
    spec = {"emails": "a@example.com", "digest": "0s", "reminders": ["99h59m59s"]}
    for field in ("credentialsSecret", "caSecret"):
        smtp = {"server": mail.server, "from": "tokens@example.com"}
        for name in ("kube-system/database", "../database"):
            wrong = {**spec, "smtp": {**smtp, field: name}}
            assert field in (refusal(lambda w=wrong: configs.create("wrong", w)) or "allowed")
        name = f"{namespace.name}-{field.lower()}"
        configs.create(name, {**spec, "smtp": {**smtp, field: "database"}})
        namespace.config_names.append(name)
    namespace.token("ci", ttl="100h")
    for name in namespace.config_names:
        namespace.wait_config(
            name, lambda c: status_and_reason(c, "EmailDelivery")[0] == "False", 30
        )
    events = kinds.events(namespace.cluster.api, "default").list()
    seen = json.dumps([configs.list(), events, namespace.events.list(), namespace.tokens.list()])
    assert HIDDEN not in seen + operator.log() + operator.metrics().text
    for things in (kinds.secrets(api, namespace.name), kinds.apitokens(api, namespace.name)):
        assert "cannot list" in (refusal(things.list) or "allowed")


# --- the operator's own account -------------------------------------------------------------------

VERBS = ("get", "list", "watch", "create", "patch", "delete")


def may(cluster, user, verb, resource, namespace):
    """The authorizer's answer; namespace "" stands for all."""
    group, _, resource = resource.rpartition("/")
    asked = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
    body["spec"] = {"user": user, "resourceAttributes": asked}
    answer = cluster.api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return answer["status"]["allowed"]


def permissions_in(manifest):
    """Its service account, roles and bindings."""
    things = [thing for thing in yaml.safe_load_all(manifest) if thing]
    return [t for t in things if t["kind"] == "ServiceAccount" or "rbac" in t["apiVersion"]]


@pytest.fixture
def confined(cluster, make_namespace):
    """The permissions that the chart gives with `namespaces`: (served, other, its own, account)."""
    served, other, own = (make_namespace().name for _ in range(3))
    values = yaml.safe_dump({"namespaces": [served], "roles": {"create": False}})
    command = [built("helm")["4"], "template", own, CHART, "--namespace", own, "--values", "-"]
    done = subprocess.run(command, input=values, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    permissions = permissions_in(done.stdout)
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(permissions))
    account = next(t["metadata"]["name"] for t in permissions if t["kind"] == "ServiceAccount")
    yield served, other, own, account
    cluster.kubectl("delete", "-f", "-", input=yaml.safe_dump_all(permissions))


def test_with_namespaces_the_operators_account_reaches_no_others(cluster, confined, tmp_path):
    served, other, own, account = confined
    user = f"system:serviceaccount:{own}:{account}"

    def permissions(namespace, resource="secrets"):
        return {verb for verb in VERBS if may(cluster, user, verb, resource, namespace)}

    wait_for(lambda: permissions(served) and permissions(own), 20, "no permissions")
    assert permissions(served) == set(VERBS)
    assert permissions(own) == {"get", "list", "watch", "create"}
    for namespace in (other, "kube-system", "default", ""):
        assert permissions(namespace) | permissions(namespace, "apitoken.dev/apitokens") == set(), (
            namespace
        )
    stolen = cluster.service_account_kubeconfig(tmp_path / "stolen", own, account)
    get = ("--kubeconfig", str(stolen), "get", "secrets")
    assert cluster.kubectl(*get, "-n", served, check=False).returncode == 0
    for where in (["-n", other], ["-A"]):
        assert "forbidden" in cluster.kubectl(*get, *where, check=False).stderr


def test_without_namespaces_the_operators_account_reads_every_secret(cluster, namespace):
    """What docs/security.md says of it is true."""
    secrets = kinds.secrets(cluster.api.impersonating(ACCOUNT), namespace.name)
    namespace.secret("database", password=HIDDEN)
    assert value_in(secrets.get("database"), "password") == HIDDEN
