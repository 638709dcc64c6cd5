"""Rotation: on request, automatic, and through crashes. The value in a Secret works at every
instant."""

import datetime
import itertools
import json
import random
import re
import threading
import time

import pytest

from testbed.api import ApiError
from testbed.cluster import ROOT
from testbed.rbac import allow, kubeconfig_with
from testbed.tokens import (
    condition,
    encoded,
    hash_of,
    moment,
    seconds_between,
    seconds_since,
    status_and_reason,
    value_in,
    well_formed,
)
from testbed.waiting import SCALE, eventually, holds, let_pass, pause, wait_for

ROTATE = "apitoken.dev/rotate-requested-at"
times = (moment("2026-01-01T00:00:00Z") + datetime.timedelta(seconds=n) for n in itertools.count())


def request(namespace, name="ci", value=None):
    """Asks for a rotation by a new value; returns it."""
    value = value or next(times).strftime("%Y-%m-%dT%H:%M:%SZ")
    namespace.tokens.patch(name, {"metadata": {"annotations": {ROTATE: value}}})
    return value


def wait_rotated(namespace, before, name="ci", timeout=15):
    """The status after a rotation, when the Secret holds its value and the overlap has begun."""

    def rotated():
        token, secret = namespace.check_consistent(name)
        assert token["status"]["revision"] > before["revision"]
        assert status_and_reason(token, "Ready") == ("True", "Rotated")
        assert "replacedAt" in token["status"].get("previous", {"replacedAt": "no previous value"})
        assert (
            secret["metadata"]["annotations"]["apitoken.dev/token-hash"]
            == token["status"]["tokenHash"]
        )
        return token["status"]

    return eventually(rotated, timeout)


def rotate(namespace, before, name="ci"):
    request(namespace, name)
    return wait_rotated(namespace, before, name)


def keys(namespace, name="ci"):
    return set(namespace.secrets.get(name)["data"])


def check_revision_stays(namespace, revision, name="ci", seconds=1.5):
    def same():
        assert namespace.tokens.get(name)["status"]["revision"] == revision

    holds(same, seconds)


def wait_until(text):
    wait_for(lambda: time.time() >= moment(text).timestamp(), 30, "the clock stands")


# --- on request -----------------------------------------------------------------------------------


def test_a_request_is_served_once_and_recorded(namespace, start_operator):
    operator = start_operator()
    before, value = namespace.minted(ttl="1000h")
    asked = request(namespace)
    status = wait_rotated(namespace, before)
    assert status["lastRotationRequest"] == asked
    assert (status["revision"], status["issuedAt"]) == (2, status["lastRotationTime"])
    assert seconds_between(status["issuedAt"], status["expiresAt"]) == 1000 * 3600
    assert seconds_between(status["warnAt"], status["expiresAt"]) == 720 * 3600
    assert status["previous"]["tokenID"] == before["tokenID"] != status["tokenID"]
    assert status["previous"]["tokenHash"] == before["tokenHash"] == hash_of(value)
    assert (
        seconds_between(status["previous"]["replacedAt"], status["previous"]["validUntil"])
        == 24 * 3600
    )
    assert 0 <= seconds_between(status["issuedAt"], status["previous"]["replacedAt"]) <= 3 * SCALE
    secret = namespace.secrets.get("ci")
    assert well_formed(value_in(secret)) and value_in(secret) != value
    assert (
        set(secret["data"]) == {"token", "previous-token"}
        and value_in(secret, "previous-token") == value
    )
    annotations = secret["metadata"]["annotations"]
    assert (annotations["apitoken.dev/revision"], annotations["apitoken.dev/token-id"]) == (
        "2",
        status["tokenID"],
    )
    assert annotations["apitoken.dev/expires-at"] == status["expiresAt"]
    event = namespace.wait_event("ci", "Rotated")
    assert event["type"] == "Normal" and status["tokenID"] in event["note"]
    assert value_in(secret) not in json.dumps([event, status])
    assert [
        operator.metrics().value("apitoken_minted_total", kind=kind) for kind in ("issue", "rotate")
    ] == [1, 1]
    namespace.tokens.patch("ci", {"metadata": {"annotations": {"example.com/note": "new"}}})
    operator.stop()
    operator = start_operator()
    check_revision_stays(namespace, 2)
    assert operator.metrics().writes() == 0
    assert namespace.tokens.get("ci")["metadata"]["annotations"][ROTATE] == asked


def test_the_previous_value_leaves_status_and_secret_after_the_overlap(namespace, operator):
    before, value = namespace.minted(rotation={"overlap": "3s"})
    status = rotate(namespace, before)
    assert seconds_between(status["previous"]["replacedAt"], status["previous"]["validUntil"]) == 3
    assert namespace.value("ci", "previous-token") == value
    fresh = namespace.value("ci")

    def left():
        assert "previous" not in namespace.tokens.get("ci")["status"]
        assert keys(namespace) == {"token"}

    eventually(left, 10)
    assert seconds_since(status["previous"]["validUntil"]) >= 0, "it left too early"
    assert namespace.value("ci") == fresh
    check_revision_stays(namespace, 2, seconds=1)


def test_with_an_overlap_of_zero_the_previous_value_is_invalid_at_once(namespace, operator):
    before, value = namespace.minted(rotation={"overlap": "0s"})
    status = rotate(namespace, before)
    assert "previous" not in status and before["tokenHash"] not in json.dumps(status)
    assert keys(namespace) == {"token"} and namespace.value("ci") != value


def test_a_second_rotation_within_the_overlap_invalidates_the_oldest_value(namespace, operator):
    before, first = namespace.minted()
    middle = rotate(namespace, before)
    second = namespace.value("ci")
    status = rotate(namespace, middle)
    assert status["previous"]["tokenHash"] == hash_of(second)
    assert namespace.value("ci", "previous-token") == second
    assert hash_of(first) not in json.dumps(status)


def test_a_request_that_is_not_a_time_is_reported_and_ignored(namespace, operator):
    before, value = namespace.minted()
    request(namespace, value="soon")
    event = namespace.wait_event("ci", "InvalidSpec")
    assert event["type"] == "Warning" and ROTATE in event["note"] and '"soon"' in event["note"]
    wait_for(
        lambda: namespace.tokens.get("ci")["status"].get("ignoredRotationRequest") == "soon",
        10,
        "not recorded",
    )
    check_revision_stays(namespace, 1, seconds=1)
    assert namespace.value("ci") == value
    assert status_and_reason(namespace.tokens.get("ci"), "Ready") == ("True", "Issued")
    rotate(namespace, before)


def test_a_request_that_was_served_is_not_served_again_after_one_that_is_no_time(
    namespace, operator
):
    before, _ = namespace.minted()
    served = request(namespace)
    revision = wait_rotated(namespace, before)["revision"]
    request(namespace, value="soon")
    wait_for(
        lambda: namespace.tokens.get("ci")["status"].get("ignoredRotationRequest") == "soon",
        10,
        "not recorded",
    )
    request(namespace, value=served)
    check_revision_stays(namespace, revision)
    assert namespace.tokens.get("ci")["status"]["lastRotationRequest"] == served


def test_a_request_at_creation_that_is_not_a_time_is_reported(namespace, operator):
    namespace.tokens.create("ci", {"user": "alice@example.com"}, annotations={ROTATE: "rubbish"})
    status = namespace.ready("ci")["status"]
    assert "lastRotationRequest" not in status and status["ignoredRotationRequest"] == "rubbish"
    assert '"rubbish"' in namespace.wait_event("ci", "InvalidSpec")["note"]


def test_a_request_at_birth_counts_as_served(namespace, operator):
    namespace.tokens.create(
        "ci", {"user": "alice@example.com"}, annotations={ROTATE: "2026-01-01T00:00:00Z"}
    )
    status = namespace.ready("ci")["status"]
    assert (
        status["lastRotationRequest"] == "2026-01-01T00:00:00Z" and "lastRotationTime" not in status
    )
    check_revision_stays(namespace, 1, seconds=1)
    assert status_and_reason(namespace.tokens.get("ci"), "Ready") == ("True", "Issued")


def test_a_request_renews_an_expired_token(namespace, operator):
    before, value = namespace.minted(ttl="10s")
    namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=20)
    namespace.tokens.patch("ci", {"spec": {"ttl": "1000h"}})
    status = rotate(namespace, before)
    assert seconds_between(status["issuedAt"], status["expiresAt"]) == 1000 * 3600
    assert "previous" not in status, "what has expired works again"
    assert keys(namespace) == {"token"} and namespace.value("ci") != value
    for kind in ("ExpiringSoon", "Stalled"):
        assert not condition(namespace.tokens.get("ci"), kind)


@pytest.mark.parametrize("loss", ["deleted", "edited"])
def test_a_value_lost_within_the_overlap_is_replaced_and_lives_no_longer(namespace, operator, loss):
    before, first = namespace.minted()
    rotated = rotate(namespace, before)
    lost = namespace.value("ci")
    if loss == "deleted":
        namespace.secrets.delete("ci")
    else:
        namespace.secrets.patch("ci", {"data": {"token": encoded("mine")}})

    def healed():
        token, _ = namespace.check_consistent("ci")
        assert token["status"]["revision"] == 3
        return token["status"]

    status = eventually(healed)
    for kept in ("expiresAt", "lastRotationTime", "previous"):
        assert status[kept] == rotated[kept]
    assert hash_of(lost) not in json.dumps(status)
    assert keys(namespace) == ({"token"} if loss == "deleted" else {"token", "previous-token"})
    assert loss == "deleted" or namespace.value("ci", "previous-token") == first


def test_a_foreign_previous_token_is_removed_from_the_secret(namespace, operator):
    before, _ = namespace.minted(rotation={"overlap": "1h"})
    rotate(namespace, before)
    namespace.secrets.patch("ci", {"data": {"previous-token": encoded("mine")}})
    eventually(lambda: keys(namespace) == {"token"} or pytest.fail("a forged previous value stays"))


def test_revoking_within_the_overlap_invalidates_both_values(namespace, operator):
    before, _ = namespace.minted()
    rotate(namespace, before)
    namespace.tokens.patch("ci", {"spec": {"revoked": True}})
    status = namespace.wait_condition("ci", "Ready", "False", "Revoked")["status"]
    assert "tokenHash" not in status and "previous" not in status
    wait_for(lambda: namespace.secrets.get("ci") is None, 10, "the Secret stays")
    request(namespace)
    holds(lambda: not namespace.secrets.get("ci") or pytest.fail("a revoked token was rotated"), 1)


def test_a_refused_write_leaves_the_previous_value_valid_and_is_retried(
    cluster, namespace, start_operator, tmp_path
):
    """The operator may not change Secrets at first, and may later."""
    who = f"rotator-{namespace.name}"
    may = ["get", "list", "watch", "create"]
    rules = [
        {"apiGroups": ["apitoken.dev", "events.k8s.io"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": may},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": may},
    ]
    with kubeconfig_with(cluster, who, rules, tmp_path / "rotator") as path:
        operator = start_operator(kubeconfig=path)
        before, value = namespace.minted()
        request(namespace)
        event = namespace.wait_event("ci", "MintFailed")
        assert (
            event["type"] == "Warning" and "patch" in event["note"] and "secrets" in event["note"]
        )
        token = namespace.wait_condition("ci", "Reconciling", "True", "Pending")
        assert status_and_reason(token, "Ready") == ("True", "Rotated")
        assert namespace.value("ci") == value and token["status"]["previous"][
            "tokenHash"
        ] == hash_of(value)
        again = request(
            namespace
        )  # nobody has the value of the first one: the Secret still holds the previous value
        served = wait_for(
            lambda: (lambda s: s["lastRotationRequest"] == again and s)(
                namespace.tokens.get("ci")["status"]
            ),
            15,
            "not served",
        )
        assert served["previous"] == token["status"]["previous"]
        rules[2]["verbs"] = ["*"]
        allow(cluster, who, rules)
        status = wait_rotated(namespace, before, timeout=30)
        assert (
            status["previous"]["tokenHash"]
            == hash_of(value)
            == hash_of(namespace.value("ci", "previous-token"))
        )
        operator.stop()


@pytest.fixture
def frozen_secrets(cluster, namespace):
    """A foreign policy that refuses every change of a Secret in this namespace."""
    path, name = "/apis/admissionregistration.k8s.io/v1", f"frozen-{namespace.name}"
    cluster.api.create(
        f"{path}/validatingadmissionpolicies",
        {
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "resources": ["secrets"],
                            "operations": ["UPDATE"],
                        }
                    ]
                },
                "validations": [{"expression": "false", "message": "frozen"}],
            },
        },
    )
    cluster.api.create(
        f"{path}/validatingadmissionpolicybindings",
        {
            "metadata": {"name": name},
            "spec": {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {
                    "namespaceSelector": {
                        "matchLabels": {"kubernetes.io/metadata.name": namespace.name}
                    }
                },
            },
        },
    )

    def thaw():
        cluster.api.delete(f"{path}/validatingadmissionpolicybindings/{name}")

    yield thaw
    thaw()
    cluster.api.delete(f"{path}/validatingadmissionpolicies/{name}")


def wait_frozen(namespace):
    def frozen():
        with pytest.raises(ApiError):
            namespace.secrets.patch(
                "ci", {"metadata": {"annotations": {"example.com/frozen": "?"}}}
            )

    eventually(frozen, 20)


def test_the_overlap_counts_from_the_moment_the_new_value_is_in_the_secret(
    namespace, operator, frozen_secrets
):
    before, value = namespace.minted(rotation={"overlap": "3s"})
    wait_frozen(namespace)
    request(namespace)
    namespace.wait_event("ci", "MintFailed")
    let_pass(5)  # longer than the overlap

    def works_on():
        token = namespace.wait_condition("ci", "Reconciling", "True", "Pending")
        assert status_and_reason(token, "Ready") == ("True", "Rotated")
        previous = token["status"]["previous"]
        assert previous["tokenHash"] == hash_of(value) == hash_of(namespace.value("ci"))
        assert previous["validUntil"] == before["expiresAt"] and "replacedAt" not in previous
        assert token["status"]["revision"] <= before["revision"] + 5, (
            "a value is minted at each of its own events"
        )

    holds(works_on, 2)
    metrics = operator.metrics()
    assert metrics.value("apitokens_rotation_unfinished") == 1
    started = metrics.value(
        "apitoken_rotation_started_timestamp_seconds", namespace=namespace.name, name="ci"
    )
    assert started == moment(namespace.tokens.get("ci")["status"]["lastRotationTime"]).timestamp()
    frozen_secrets()
    status = wait_rotated(namespace, before, timeout=60)
    assert seconds_between(status["previous"]["replacedAt"], status["previous"]["validUntil"]) == 3
    eventually(
        lambda: (
            "previous" not in namespace.tokens.get("ci")["status"]
            or pytest.fail("the previous value stays")
        ),
        15,
    )
    assert operator.metrics().value("apitokens_rotation_unfinished") == 0


@pytest.mark.parametrize("change", ["rotated", "overlap over"])
def test_an_immutable_secret_is_deleted_and_created_again(namespace, operator, change):
    before, value = namespace.minted(
        rotation={"overlap": "4s"}, secret={"labels": {"team": "shop"}}
    )
    uid = namespace.secrets.get("ci")["metadata"]["uid"]
    if change == "overlap over":
        before = rotate(namespace, before)
        value = namespace.value("ci")
    namespace.secrets.patch("ci", {"immutable": True, "data": {"mine": encoded("stays")}})
    if change == "rotated":
        rotate(namespace, before)

    def recreated():
        _, secret = namespace.check_consistent("ci")
        assert secret["metadata"]["uid"] != uid and not secret.get("immutable")
        assert secret["metadata"]["labels"]["team"] == "shop"
        assert value_in(secret, "mine") == "stays"
        assert (value_in(secret) == value) == (change == "overlap over")
        assert "previous-token" in secret["data"] or change == "overlap over"

    eventually(recreated, 20)


# --- show once ------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [None, "2h"], ids=["taken-back", "later"])
def test_a_secret_shown_once_stays_deleted_when_the_field_changes(namespace, operator, after):
    before, value = namespace.minted(secret={"deleteAfter": "2s"})
    wait_for(lambda: namespace.secrets.get("ci") is None, 10, "the Secret stays")
    assert namespace.wait_condition("ci", "Ready", "True")["status"]["deliveredAt"]
    namespace.tokens.patch("ci", {"spec": {"secret": {"deleteAfter": after}}})

    def lives_on():
        status = namespace.tokens.get("ci")["status"]
        assert (status["tokenHash"], status["revision"]) == (hash_of(value), before["revision"])
        assert namespace.secrets.get("ci") is None

    holds(lives_on, 2)


def test_a_secret_shown_once_goes_and_a_rotation_shows_the_next(namespace, start_operator):
    operator = start_operator()
    before, value = namespace.minted(secret={"deleteAfter": "3s"})
    wait_for(lambda: namespace.secrets.get("ci") is None, 10, "the Secret stays")
    assert seconds_since(before["issuedAt"]) >= 3, "it went too early"
    operator.stop()
    start_operator()

    def lives_on():
        token = namespace.tokens.get("ci")
        assert status_and_reason(token, "Ready")[0] == "True"
        assert (token["status"]["tokenHash"], token["status"]["revision"]) == (hash_of(value), 1)
        assert namespace.secrets.get("ci") is None

    holds(lives_on, 1)
    eventually(
        lambda: (
            "shown once" in condition(namespace.tokens.get("ci"), "Ready")["message"]
            or pytest.fail("not said")
        ),
        5,
    )
    status = rotate(namespace, before)
    assert status["previous"]["tokenHash"] == hash_of(value)
    assert keys(namespace) == {"token"}, "the previous value is shown again"
    wait_for(lambda: namespace.secrets.get("ci") is None, 10, "the second Secret stays")
    assert namespace.tokens.get("ci")["status"]["tokenHash"] == status["tokenHash"]


def test_the_commands_of_the_page_rotate(namespace, operator, shell):
    """docs/rotation.md: its manifests are accepted, its commands run as they stand."""
    for language, block in re.findall(
        r"^```(yaml|sh)\n(.*?)^```", (ROOT / "docs/rotation.md").read_text(), re.M | re.S
    ):
        if language == "sh":
            printed = shell(block)
        else:
            rehearsal = "" if "kind: ApiToken" in block else "--dry-run=server"
            namespace.cluster.kubectl(
                "apply",
                "-n",
                namespace.name,
                "--validate=strict",
                *rehearsal.split(),
                "-f",
                "-",
                input=block,
            )
        if "kind: ApiToken" in block:
            namespace.ready("ci-deploy")
    assert "annotated" in printed
    ready = namespace.wait_condition("ci-deploy", "Ready", "True", "Rotated")
    eventually(
        lambda: (
            namespace.tokens.get("ci-deploy")["status"]["revision"] == 3
            or pytest.fail("not rotated again")
        )
    )
    assert namespace.ready("report-reader")["status"]["rotateAt"]
    assert ready["spec"]["rotation"]["overlap"] == "0s"


# --- by itself ------------------------------------------------------------------------------------


def test_an_automatic_rotation_comes_at_its_time_and_warns_nobody(namespace, operator):
    before, value = namespace.minted(ttl="60s", rotation={"policy": "Automatic", "before": "50s"})
    assert 50 <= seconds_between(before["rotateAt"], before["expiresAt"]) <= 51
    status = wait_rotated(namespace, before, timeout=25)
    assert 0 <= seconds_between(before["rotateAt"], status["lastRotationTime"]) <= 5 * SCALE
    previous = {**status["previous"]}
    assert previous.pop("replacedAt") >= status["lastRotationTime"]
    assert previous == {
        "tokenID": before["tokenID"],
        "tokenHash": hash_of(value),
        "validUntil": before["expiresAt"],
    }
    assert 50 <= seconds_between(status["rotateAt"], status["expiresAt"]) <= 51
    assert "lastRotationRequest" not in status
    assert not namespace.events_of("ci", "ExpiringSoon")


def test_tokens_made_together_are_spread_and_each_keeps_its_instant(namespace, start_operator):
    hour = 3600
    operator = start_operator()
    for number in range(20):
        namespace.token(
            f"t{number}", ttl="1000h", rotation={"policy": "Automatic", "before": "400h"}
        )
    planned = {t["metadata"]["name"]: t["status"]["rotateAt"] for t in namespace.wait_all_ready(20)}
    for token in namespace.tokens.list():
        assert (
            400 * hour
            <= seconds_between(token["status"]["rotateAt"], token["status"]["expiresAt"])
            <= 440 * hour
        )
    assert len(set(planned.values())) >= 18
    instants = sorted(moment(at) for at in planned.values())
    assert (instants[-1] - instants[0]).total_seconds() > 10 * hour
    operator.stop()
    namespace.tokens.patch("t0", {"spec": {"description": "changed"}})
    start_operator()
    namespace.ready("t0")
    assert {
        t["metadata"]["name"]: t["status"]["rotateAt"] for t in namespace.tokens.list()
    } == planned


def test_automatic_rotations_slept_through_are_made_up_at_start(namespace, start_operator):
    operator = start_operator()
    over, _ = namespace.minted("over", ttl="10s", rotation={"policy": "Automatic", "before": "2s"})
    due, value = namespace.minted(
        "due", ttl="40s", rotation={"policy": "Automatic", "before": "34s"}
    )
    operator.stop()
    wait_until(over["expiresAt"])
    start_operator()
    assert "previous" not in wait_rotated(namespace, over, "over")
    assert wait_rotated(namespace, due, "due")["previous"]["tokenHash"] == hash_of(value)


def test_warnings_of_an_automatic_token_wait_until_its_rotation_is_overdue(namespace, operator):
    namespace.token("manual", ttl="720h1s")
    automatic, _ = namespace.minted(
        "automatic", ttl="600s", rotation={"policy": "Automatic", "before": "200s"}
    )
    namespace.wait_condition("manual", "ExpiringSoon", "True")
    span = seconds_between(automatic["rotateAt"], automatic["expiresAt"])
    assert seconds_between(automatic["rotateAt"], automatic["warnAt"]) == span // 10
    assert not condition(namespace.tokens.get("automatic"), "ExpiringSoon")

    overdue, _ = namespace.minted(
        "overdue", ttl="30s", rotation={"policy": "Automatic", "before": "27s"}
    )
    namespace.secrets.patch(
        "overdue", {"metadata": {"ownerReferences": [namespace.other_owner()]}}
    )  # somebody else's now: nothing can be written
    token = namespace.wait_condition("overdue", "ExpiringSoon", "True")
    assert status_and_reason(token, "Ready") == ("False", "SecretConflict")
    assert seconds_since(overdue["warnAt"]) >= 0
    namespace.wait_event("overdue", "ExpiringSoon")
    assert not namespace.events_of("automatic", "ExpiringSoon")


# --- no moment without a value that works ---------------------------------------------------------


class RotationLoad:
    """Asks for rotations of all tokens of a namespace again and again, and reads Secrets and
    ApiTokens at the same time.

    A Secret and its ApiToken cannot be read at one instant, and a token may be rotated twice
    between two reads. So the reader lists the Secrets, and then the ApiTokens at the revision of
    that list. Both lists are one state of the cluster: a value in it whose hash is in no status
    was in the Secret without being valid."""

    def __init__(self, namespace, count):
        self.namespace = namespace
        self.names = [f"t{n}" for n in range(count)]
        self.asked = {}
        self.states = self.previous_seen = self.minted = 0
        self.faults = []
        self.over = threading.Event()
        self.threads = [
            threading.Thread(target=self.keep, args=(work,)) for work in (self.ask, self.read)
        ]

    def __enter__(self):
        for name in self.names:
            self.namespace.token(name)
        self.namespace.wait_all_ready(len(self.names))
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *raised):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert not self.faults, "\n".join(self.faults[:5])

    def keep(self, work):
        while not self.over.is_set():
            try:
                work()
            except (ApiError, OSError) as error:  # the API server is away, or has only just started
                if isinstance(error, ApiError) and error.code not in (403, 500, 503):
                    self.faults.append(f"{work.__name__}: {error}")
                    return
                pause(0.05)

    def ask(self):
        for name in self.names:
            if self.over.is_set():
                return
            value = next(times).strftime("%Y-%m-%dT%H:%M:%SZ")
            self.asked.pop(name, None)  # whether a request that fails was taken is not known
            self.asked[name] = request(self.namespace, name, value)

    def read(self):
        api, now = self.namespace.cluster.api, time.time()
        secrets = api.get(self.namespace.secrets.path)
        revision = secrets["metadata"]["resourceVersion"]
        tokens = api.get(
            self.namespace.tokens.path, resourceVersion=revision, resourceVersionMatch="Exact"
        )
        held = {s["metadata"]["name"]: s for s in secrets["items"]}
        for token in tokens["items"]:
            self.check_state(token, held.get(token["metadata"]["name"]), now, revision)
        self.minted = sum(token["status"]["revision"] for token in tokens["items"])
        self.states += 1

    def check_state(self, token, secret, now, revision):
        name, status = token["metadata"]["name"], token["status"]
        value_hash = hash_of(value_in(secret)) if secret else None
        previous = status.get("previous", {})
        if value_hash == status["tokenHash"]:
            return
        if (
            value_hash == previous.get("tokenHash")
            and now < moment(previous["validUntil"]).timestamp()
        ):
            self.previous_seen += 1
            return
        self.faults.append(
            f"{name} at revision {revision}: the Secret holds {value_hash}, "
            f"the status {status['tokenHash']} and {previous}"
        )

    def check_served(self):
        """The last requests are done, and nothing is half done."""

        def served():
            for name in self.names:
                token, secret = self.namespace.check_consistent(name)
                assert (
                    name not in self.asked
                    or token["status"]["lastRotationRequest"] == self.asked[name]
                )
                assert (
                    hash_of(value_in(secret, "previous-token"))
                    == token["status"]["previous"]["tokenHash"]
                )

        eventually(served, 30)


def test_kill_nine_amid_rotations_never_leaves_a_value_that_does_not_work(
    namespace, start_operator
):
    chance = random.Random(4)
    operator = start_operator()
    with RotationLoad(namespace, 30) as load:
        for _ in range(10):
            goal = load.minted + chance.randrange(5, 60)
            wait_for(lambda goal=goal: load.minted >= goal or load.faults, 30, "nothing is rotated")
            operator.kill()
            operator = start_operator(wait_ready=False)
        operator.wait_ready()
    load.check_served()
    assert load.states > 20 and load.previous_seen > 0, "the reader saw no rotation under way"


def test_a_restart_of_the_api_server_amid_rotations_never_leaves_a_value_that_does_not_work(
    namespace, operator, cluster
):
    try:
        with RotationLoad(namespace, 30) as load:
            for end in ("kill-apiserver", "stop-apiserver"):
                let_pass(1)
                cluster.controlplane(end)
                cluster.controlplane("start-apiserver")
            let_pass(2)
    finally:
        cluster.controlplane("start-apiserver")
    assert operator.running()
    load.check_served()
    assert load.states > 20
