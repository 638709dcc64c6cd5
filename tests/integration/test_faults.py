"""Faults: crashes, an API server that comes and goes, two replicas, bad credentials, objects
from before a rule."""

import base64
import copy
import random
import signal
import socket
import threading
import time

import pytest
import yaml

from testbed.api import ApiError, Collection, apitokens
from testbed.cluster import ROOT
from testbed.rbac import allow, kubeconfig_with
from testbed.tokens import condition, status_and_reason
from testbed.waiting import SCALE, eventually, holds, let_pass, pause, wait_for

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def check_all_consistent(namespace, count):
    """Each ApiToken has one Secret, and each value hashes to its status."""
    tokens = namespace.tokens.list()
    owned = [s for s in namespace.secrets.list() if s["metadata"].get("ownerReferences")]
    assert len(tokens) == len(owned) == count
    for token in tokens:
        namespace.check_consistent(token["metadata"]["name"])


def create_tokens(namespace, names):
    for name in names:
        while True:
            try:
                namespace.token(name)
                break
            except ApiError as error:
                if error.code == 409:  # the previous attempt succeeded before its connection broke
                    break
                if error.code != 503:  # an API server that has only just started
                    raise
            except OSError:  # the API server is away
                pause(0.1)


# --- crashes --------------------------------------------------------------------------------------


def test_kill_nine_while_minting_leaves_every_token_whole(namespace, start_operator):
    """Ten rounds of twenty tokens; the operator dies at a random moment of each."""
    chance = random.Random(20)
    for round_number in range(10):
        operator = start_operator()
        names = [f"r{round_number}-{n}" for n in range(20)]
        maker = threading.Thread(target=create_tokens, args=(namespace, names))
        maker.start()
        pause(chance.uniform(0.01, 0.3))
        operator.kill()
        maker.join()
    start_operator()
    namespace.wait_all_ready(200, timeout=60)
    eventually(lambda: check_all_consistent(namespace, 200))


def test_two_hundred_tokens_survive_ten_kills(namespace, start_operator):
    """Two hundred tokens at once, and an operator that is killed again and again before it has
    finished."""
    names = [f"t{n}" for n in range(200)]
    maker = threading.Thread(target=create_tokens, args=(namespace, names))
    maker.start()
    chance = random.Random(7)
    for _ in range(10):
        operator = start_operator(wait_ready=False)
        pause(chance.uniform(0.05, 0.6) * SCALE)
        operator.kill()
    maker.join()
    start_operator()
    namespace.wait_all_ready(200, timeout=60)
    eventually(lambda: check_all_consistent(namespace, 200))


def test_a_restart_with_everything_minted_writes_nothing(namespace, start_operator):
    operator = start_operator()
    for number in range(50):
        namespace.token(f"t{number}")
    namespace.wait_all_ready(50)
    wait_for(lambda: len(namespace.events.list()) == 50, 10, "not 50 Events")
    operator.stop()
    operator = start_operator()
    wait_for(
        lambda: (operator.metrics().value("controller_runtime_reconcile_total") or 0) >= 50,
        15,
        "not all reconciled",
    )
    let_pass(2)
    assert operator.metrics().writes() == 0


def test_an_idle_operator_only_watches(namespace, operator):
    namespace.token("ci")
    namespace.ready("ci")
    namespace.wait_event("ci", "Issued")
    let_pass(2)
    before = operator.metrics()
    let_pass(8)
    after = operator.metrics()
    assert after.writes() == before.writes()
    assert after.requests() - before.requests() <= 1, "at most one watch began again"


def test_sigterm_while_minting_leaves_nothing_half_done(namespace, start_operator):
    operator = start_operator()
    maker = threading.Thread(target=create_tokens, args=(namespace, [f"t{n}" for n in range(60)]))
    maker.start()
    wait_for(lambda: len(namespace.secrets.list()) >= 10, 20, "nothing is minted")
    operator.stop()
    maker.join()
    for secret in namespace.secrets.list():
        token = namespace.tokens.get(secret["metadata"]["name"])
        assert "status" in token, "a Secret was written and its status was not"
        namespace.check_consistent(token["metadata"]["name"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(operator, number):
    operator.process.send_signal(number)
    assert operator.wait_exit() == 0


# --- the API server -------------------------------------------------------------------------------


@pytest.fixture
def apiserver(cluster):
    """The control plane; the test may stop its API server, which runs again afterwards."""
    yield cluster
    cluster.controlplane("start-apiserver")


def test_an_api_server_killed_while_minting_loses_nothing(namespace, start_operator, apiserver):
    operator = start_operator()
    names = [f"t{n}" for n in range(150)]
    maker = threading.Thread(target=create_tokens, args=(namespace, names))
    maker.start()
    wait_for(lambda: len(namespace.secrets.list()) >= 20, 20, "nothing is minted")
    apiserver.controlplane("kill-apiserver")
    assert operator.running()
    apiserver.controlplane("start-apiserver")
    maker.join()
    namespace.wait_all_ready(150, timeout=90)
    check_all_consistent(namespace, 150)


def test_an_operator_started_before_the_api_server_waits_and_says_so_once(
    namespace, start_operator, apiserver
):
    namespace.token("ci")
    apiserver.controlplane("stop-apiserver")
    operator = start_operator(wait_ready=False)
    wait_for(lambda: operator.probe("/healthz") == 200, 10, "no /healthz")
    holds(lambda: operator.running() or pytest.fail(operator.log()), 4)
    assert operator.probe("/readyz") == 503
    complaints = [
        line
        for line in operator.log().splitlines()
        if "ERROR" in line.upper() or "WARN" in line.upper()
    ]
    assert 1 <= len(complaints) <= 6, "once a watched kind, not once a second: " + "\n".join(
        complaints
    )
    apiserver.controlplane("start-apiserver")
    operator.wait_ready(60)
    namespace.ready("ci", timeout=60)


def test_watches_survive_a_restart_of_the_api_server(namespace, operator, apiserver):
    namespace.token("before")
    namespace.ready("before")
    apiserver.controlplane("stop-apiserver")
    apiserver.controlplane("start-apiserver")
    namespace.token("after")
    namespace.ready("after", timeout=60)
    namespace.secrets.delete("before")
    eventually(lambda: namespace.check_consistent("before"), 20)


# --- two replicas ---------------------------------------------------------------------------------


def holder(namespace):
    return ((namespace.leases.get("apitoken-operator") or {}).get("spec") or {}).get(
        "holderIdentity"
    )


def replicas(start_operator):
    """(leader, follower), both ready."""
    pair = [start_operator("--leader-elect") for _ in range(2)]
    leader = wait_for(lambda: next((o for o in pair if o.leads()), None), 15, "nobody leads")
    (other,) = [o for o in pair if o is not leader]
    return leader, other


def test_of_two_replicas_one_writes(namespace, start_operator):
    leader, other = replicas(start_operator)
    lease = namespace.leases.get("apitoken-operator")["spec"]
    assert lease["leaseDurationSeconds"] == 15
    for number in range(20):
        namespace.token(f"t{number}")
    namespace.wait_all_ready(20)
    assert not other.leads()
    assert other.metrics().writes() == 0
    wait_for(lambda: leader.metrics().requests("PATCH") >= 20, 10, "who wrote the statuses?")
    wait_for(
        lambda: other.metrics().value("apitokens", type="Permanent", reason="Issued") == 20,
        10,
        "the follower's stores are not warm",
    )


def test_the_other_takes_over_from_a_killed_leader(namespace, start_operator):
    leader, other = replicas(start_operator)
    first = holder(namespace)
    leader.kill()
    started = time.monotonic()
    namespace.token("ci")
    namespace.ready("ci", timeout=25)
    assert time.monotonic() - started > 5, "it took over a lease that was still held"
    assert other.leads()
    assert holder(namespace) != first


def test_the_other_takes_over_at_once_from_a_leader_that_stops(namespace, start_operator):
    leader, other = replicas(start_operator)
    leader.stop()
    namespace.token("ci")
    namespace.ready("ci", timeout=6)
    assert other.leads()
    other.stop()
    assert not holder(namespace), "the lease is not released"


def test_a_leader_whose_lease_is_taken_stops_writing_and_exits(namespace, start_operator):
    leader = start_operator("--leader-elect")
    leader.wait_leading()

    def take():
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        namespace.leases.patch(
            "apitoken-operator",
            {"spec": {"holderIdentity": "thief", "renewTime": now, "acquireTime": now}},
        )

    take()
    assert leader.wait_exit(20) != 0
    assert "lease" in leader.log().lower() or "lead" in leader.log().lower()
    assert holder(namespace) == "thief"


def test_without_election_it_leads(operator, namespace):
    assert operator.leads()
    assert namespace.leases.get("apitoken-operator") is None


# --- what a user can get wrong --------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--metrics-bind-address", "--health-probe-bind-address"])
def test_a_port_that_is_taken_is_a_clear_error(start_operator, flag):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        operator = start_operator(flag, f"127.0.0.1:{port}", wait_ready=False)
        assert operator.wait_exit() == 1
    assert f"127.0.0.1:{port}" in operator.log()
    assert "in use" in operator.log()


@pytest.mark.parametrize(
    "content,complaint",
    [
        (None, "does not exist|No such file"),
        ("", "current-context|empty|cluster"),
        ("{[", "kubeconfig"),
        ("apiVersion: v1\nkind: Config\ncurrent-context: gone\n", "gone"),
    ],
)
def test_an_unreadable_kubeconfig_is_a_clear_error(start_operator, tmp_path, content, complaint):
    path = tmp_path / "the-kubeconfig"
    if content is not None:
        path.write_text(content)
    operator = start_operator(kubeconfig=path, wait_ready=False)
    assert operator.wait_exit() == 1
    operator.wait_logged(complaint)
    assert str(path) in operator.log()


@pytest.mark.parametrize(
    "flags",
    [
        ["--no-such-flag"],
        ["--workers", "none"],
        ["--log-level", "loud"],
        ["--namespaces", "Not A Name"],
    ],
)
def test_a_wrong_flag_is_a_clear_error(launch, flags):
    operator = launch(*flags, wait_ready=False)
    assert operator.wait_exit() not in (0, None)
    assert flags[0] in operator.log()


def expect_not_ready(operator, complaint):
    operator.wait_logged(complaint, 20)
    assert operator.running()
    assert operator.probe() == 503


def test_a_wrong_ca_is_reported(cluster, start_operator, tmp_path, mailpit_session):
    other_ca = base64.b64encode(mailpit_session.ca.encode()).decode()
    path = cluster.changed_kubeconfig(
        tmp_path / "changed",
        lambda c: c["clusters"][0]["cluster"].update({"certificate-authority-data": other_ca}),
    )
    expect_not_ready(start_operator(kubeconfig=path, wait_ready=False), "certificate")


def test_an_expired_client_certificate_is_reported(cluster, start_operator, tmp_path):
    path = tmp_path / "expired"
    path.write_text(
        cluster.controlplane(
            "kubeconfig", "--user", "late", "--group", "system:masters", "--expired"
        )
    )
    expect_not_ready(start_operator(kubeconfig=path, wait_ready=False), "expired|unauthorized")


def test_missing_permission_names_verb_and_resource(cluster, namespace, start_operator, tmp_path):
    path = tmp_path / "nobody"
    path.write_text(cluster.controlplane("kubeconfig", "--user", "nobody"))
    operator = start_operator(kubeconfig=path, wait_ready=False)
    expect_not_ready(operator, "list.*apitokens")
    lines = [line for line in operator.log().splitlines() if "apitokens" in line]
    let_pass(3)
    assert [line for line in operator.log().splitlines() if "apitokens" in line] == lines, (
        "it repeats itself"
    )


def test_missing_permission_to_write_secrets_is_mint_failed(
    cluster, namespace, start_operator, tmp_path
):
    """The role of manifests/rbac without permission to write Secrets. With the permission,
    minting continues."""
    user = f"reader-{namespace.name}"
    reading = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}
    rules = [
        {"apiGroups": ["apitoken.dev"], "resources": ["*"], "verbs": ["*"]},
        reading,
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ]
    with kubeconfig_with(cluster, user, rules, tmp_path / "reader") as path:
        operator = start_operator(kubeconfig=path)
        namespace.token("ci")
        event = namespace.wait_event("ci", "MintFailed")
        assert event["type"] == "Warning"
        assert "create" in event["note"] and "secrets" in event["note"]
        assert status_and_reason(namespace.tokens.get("ci"), "Ready")[0] != "True"
        rules[1] = {**reading, "verbs": ["*"]}
        allow(cluster, user, rules)
        namespace.ready("ci", timeout=30)
        operator.stop()


def test_rotated_client_certificate_files_and_a_token_file_work(
    cluster, namespace, start_operator, tmp_path
):
    """Certificates as files rather than as data, and a CA as a file."""
    pki = cluster.dir / "pki"

    def as_files(config):
        config["users"][0]["user"] = {
            "client-certificate": str(pki / "admin.crt"),
            "client-key": str(pki / "admin.key"),
        }
        cluster_entry = config["clusters"][0]["cluster"]
        del cluster_entry["certificate-authority-data"]
        cluster_entry["certificate-authority"] = str(cluster.dir / "ca.crt")

    operator = start_operator(kubeconfig=cluster.changed_kubeconfig(tmp_path / "changed", as_files))
    namespace.token("ci")
    namespace.ready("ci")
    operator.stop()


# --- objects that no rule has seen ----------------------------------------------------------------


def without_rules(schema):
    """A schema with structure only: no CEL, no enums, no lengths, no required fields."""
    if isinstance(schema, list):
        return [without_rules(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    dropped = {
        "x-kubernetes-validations",
        "enum",
        "maxLength",
        "minLength",
        "required",
        "pattern",
        "minimum",
        "maximum",
    }
    kept = {k: v for k, v in schema.items() if k not in dropped or isinstance(v, dict)}
    return {
        k: v if k == "x-kubernetes-list-map-keys" else without_rules(v) for k, v in kept.items()
    }


@pytest.fixture
def lax_crd(cluster):
    """ApiTokens without rules while the function of the fixture runs; afterwards the rules are
    back."""
    crds = Collection(cluster.api, CRDS)
    tokens = apitokens(cluster.api, "default")
    shipped = yaml.safe_load((ROOT / "crds" / "apitokens.yaml").read_text())

    def put(crd):
        current = crds.get("apitokens.apitoken.dev")
        body = copy.deepcopy(crd)
        body["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
        cluster.api.update(f"{CRDS}/apitokens.apitoken.dev", body)

    def refuses():
        try:
            tokens.api.create(
                tokens.path,
                {
                    "apiVersion": tokens.api_version,
                    "kind": tokens.kind,
                    "metadata": {"name": "probe"},
                    "spec": {"user": "system:probe"},
                },
                dryRun="All",
            )
        except ApiError as error:
            return error.code == 422
        return False

    def while_lax(make):
        lax = copy.deepcopy(shipped)
        schema = lax["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        schema["properties"]["spec"] = without_rules(schema["properties"]["spec"])
        schema.pop("x-kubernetes-validations", None)
        put(lax)
        try:

            def made():
                try:
                    make()
                    return True
                except ApiError as error:
                    if error.code in (409,):
                        return True
                    assert error.code in (400, 422), error
                    return False

            wait_for(made, 20, "the rules stay in force")
        finally:
            put(shipped)
            wait_for(refuses, 20, "the rules do not come back")

    yield while_lax
    put(shipped)


@pytest.mark.parametrize(
    "spec,named",
    [
        ({"user": "alice", "ttl": "banana"}, "ttl"),
        ({"user": "alice", "ttl": "99999h"}, "ttl"),
        ({"user": "alice", "ttl": "1s"}, "ttl"),
        ({"user": "alice", "type": "Eternal"}, "type"),
        ({"user": "system:admin"}, "user"),
        ({"ttl": "1h"}, "user"),
        ({"user": "alice", "type": "Temporary", "ttl": "720h"}, "ttl"),
        ({"user": "alice", "secret": {"name": "Not_A_Name"}}, "secret.name"),
        ({"user": "alice", "secret": {"key": "a/b"}}, "secret.key"),
        ({"user": "alice", "ttlAfterExpired": "-5h"}, "ttlAfterExpired"),
        (
            {"user": "alice", "type": "Temporary", "rotation": {"policy": "Automatic"}},
            "rotation.policy",
        ),
        ({"user": "alice\u202e"}, "user"),
        ({"user": "alice", "groups": ["a\u200b"]}, "groups"),
        (
            {"user": "alice", "secret": {"labels": {"argocd.argoproj.io/secret-type": "cluster"}}},
            "secret.labels",
        ),
        (
            {"user": "alice", "secret": {"annotations": {"kubed.appscode.com/sync": ""}}},
            "secret.annotations",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_object_older_than_a_rule_is_invalid_spec_and_others_go_on(
    namespace, operator, lax_crd, spec, named
):
    lax_crd(lambda: namespace.tokens.create("bad", spec))
    namespace.token("good")
    token = namespace.wait_condition("bad", "Ready", "False", "InvalidSpec", timeout=20)
    assert f"spec.{named}" in condition(token, "Ready")["message"]
    assert status_and_reason(token, "Stalled") == ("True", "InvalidSpec")
    event = namespace.wait_event("bad", "InvalidSpec")
    assert event["type"] == "Warning" and f"spec.{named}" in event["note"]
    assert namespace.secrets.get("bad") is None
    namespace.ready("good", timeout=20)


@pytest.mark.parametrize(
    "spec,named",
    [
        ({"type": "Temporary", "rotation": {"policy": "Automatic"}}, "rotation.policy"),
        ({"groups": ["ok", "a\u200b"]}, "groups"),
        ({"secret": {"labels": {"owner": "helm"}}}, "secret.labels"),
        ({"secret": {"name": "bootstrap-token-a"}}, "secret.name"),
        ({"description": "\u202e"}, "description"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_broke_a_rule_before_it_existed_can_still_be_revoked(
    namespace, operator, lax_crd, spec, named
):
    """The API server applies a rule to a stored field only if that field changes."""
    lax_crd(lambda: namespace.tokens.create("bad", {"user": "alice", **spec}))
    token = namespace.wait_condition("bad", "Ready", "False", "InvalidSpec", timeout=20)
    assert f"spec.{named}" in condition(token, "Ready")["message"]
    namespace.tokens.patch("bad", {"spec": {"revoked": True}})
    namespace.wait_condition("bad", "Ready", "False", "Revoked")


def test_a_session_that_renewed_itself_before_that_was_forbidden_runs_to_its_expiry(
    namespace, operator, lax_crd
):
    namespace.token("ci", type="Temporary", ttl="20s")
    before, value = namespace.ready("ci")["status"], namespace.value("ci")
    lax_crd(
        lambda: namespace.tokens.patch(
            "ci", {"spec": {"rotation": {"policy": "Automatic", "before": "18s"}}}
        )
    )
    token = namespace.wait_condition("ci", "Ready", "False", "InvalidSpec")
    assert "spec.rotation.policy" in condition(token, "Ready")["message"]
    assert token["status"]["tokenHash"] == before["tokenHash"] and "rotateAt" not in token["status"]
    namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=40)
    after = namespace.tokens.get("ci")["status"]
    assert (after["revision"], after["expiresAt"]) == (1, before["expiresAt"]) and namespace.value(
        "ci"
    ) == value


def test_an_invalid_object_mended_is_minted(namespace, operator, lax_crd):
    lax_crd(lambda: namespace.tokens.create("bad", {"user": "alice", "ttl": "banana"}))
    namespace.wait_condition("bad", "Ready", "False", "InvalidSpec", timeout=20)
    namespace.tokens.patch("bad", {"spec": {"ttl": "24h"}})
    namespace.ready("bad")
    namespace.check_consistent("bad")
