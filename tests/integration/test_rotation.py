"""Rotation: on request, by itself, and through crashes. The value that a reader finds in a Secret works at every instant."""

import datetime
import itertools
import json
import random
import re
import threading
import time

import pytest

from bed.api import ApiError
from bed.cluster import ROOT
from bed.tokens import (
    condition,
    encoded,
    hash_of,
    moment,
    seconds_between,
    seconds_since,
    stands,
    value_in,
    well_formed,
)
from bed.waiting import SCALE, eventually, holds, let_pass, wait_for

ROTATE = "apitoken.dev/rotate-requested-at"
times = (moment("2026-01-01T00:00:00Z") + datetime.timedelta(seconds=n) for n in itertools.count())


def request(space, name="ci", value=None):
    """Asks for a rotation by a value never used before; returns it."""
    value = value or next(times).strftime("%Y-%m-%dT%H:%M:%SZ")
    space.tokens.patch(name, {"metadata": {"annotations": {ROTATE: value}}})
    return value


def minted(space, name="ci", **spec):
    space.token(name, **spec)
    return space.ready(name)["status"], space.value(name)


def wait_rotated(space, before, name="ci", timeout=15):
    """The status after a rotation, once the Secret holds its value and the overlap has begun."""

    def rotated():
        token, secret = space.check_consistent(name)
        assert token["status"]["revision"] > before["revision"]
        assert stands(token, "Ready") == ("True", "Rotated")
        assert "replacedAt" in token["status"].get("previous", {"replacedAt": "no previous value"})
        assert (
            secret["metadata"]["annotations"]["apitoken.dev/token-hash"]
            == token["status"]["tokenHash"]
        )
        return token["status"]

    return eventually(rotated, timeout)


def rotate(space, before, name="ci"):
    request(space, name)
    return wait_rotated(space, before, name)


def keys(space, name="ci"):
    return set(space.secrets.get(name)["data"])


def check_revision_stays(space, revision, name="ci", seconds=1.5):
    def same():
        assert space.tokens.get(name)["status"]["revision"] == revision

    holds(same, seconds)


def wait_until(text):
    wait_for(lambda: time.time() >= moment(text).timestamp(), 30, "the clock stands")


# --- on request ---------------------------------------------------------------------------------------------------


def test_a_request_is_served_once_and_recorded(space, start_operator):
    operator = start_operator()
    before, value = minted(space, ttl="1000h")
    asked = request(space)
    status = wait_rotated(space, before)
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
    secret = space.secrets.get("ci")
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
    event = space.wait_event("ci", "Rotated")
    assert event["type"] == "Normal" and status["tokenID"] in event["note"]
    assert value_in(secret) not in json.dumps([event, status])
    assert [
        operator.metrics().value("apitoken_minted_total", kind=kind) for kind in ("issue", "rotate")
    ] == [1, 1]
    space.tokens.patch("ci", {"metadata": {"annotations": {"example.com/note": "new"}}})
    operator.stop()
    operator = start_operator()
    check_revision_stays(space, 2)
    assert operator.metrics().writes() == 0
    assert space.tokens.get("ci")["metadata"]["annotations"][ROTATE] == asked


def test_the_former_value_leaves_status_and_secret_after_its_overlap(space, operator):
    before, value = minted(space, rotation={"overlap": "3s"})
    status = rotate(space, before)
    assert seconds_between(status["previous"]["replacedAt"], status["previous"]["validUntil"]) == 3
    assert space.value("ci", "previous-token") == value
    fresh = space.value("ci")

    def left():
        assert "previous" not in space.tokens.get("ci")["status"]
        assert keys(space) == {"token"}

    eventually(left, 10)
    assert seconds_since(status["previous"]["validUntil"]) >= 0, "it left too early"
    assert space.value("ci") == fresh
    check_revision_stays(space, 2, seconds=1)


def test_with_an_overlap_of_zero_the_former_value_is_void_at_once(space, operator):
    before, value = minted(space, rotation={"overlap": "0s"})
    status = rotate(space, before)
    assert "previous" not in status and before["tokenHash"] not in json.dumps(status)
    assert keys(space) == {"token"} and space.value("ci") != value


def test_a_second_rotation_within_the_overlap_voids_the_oldest_value(space, operator):
    before, first = minted(space)
    middle = rotate(space, before)
    second = space.value("ci")
    status = rotate(space, middle)
    assert status["previous"]["tokenHash"] == hash_of(second)
    assert space.value("ci", "previous-token") == second
    assert hash_of(first) not in json.dumps(status)


def test_a_request_that_is_no_time_is_told_about_and_ignored(space, operator):
    before, value = minted(space)
    request(space, value="soon")
    event = space.wait_event("ci", "InvalidSpec")
    assert event["type"] == "Warning" and ROTATE in event["note"] and '"soon"' in event["note"]
    wait_for(
        lambda: space.tokens.get("ci")["status"].get("ignoredRotationRequest") == "soon",
        10,
        "not recorded",
    )
    check_revision_stays(space, 1, seconds=1)
    assert space.value("ci") == value
    assert stands(space.tokens.get("ci"), "Ready") == ("True", "Issued")
    rotate(space, before)


def test_a_request_that_was_served_is_not_served_again_after_one_that_is_no_time(space, operator):
    before, _ = minted(space)
    served = request(space)
    revision = wait_rotated(space, before)["revision"]
    request(space, value="soon")
    wait_for(
        lambda: space.tokens.get("ci")["status"].get("ignoredRotationRequest") == "soon",
        10,
        "not recorded",
    )
    request(space, value=served)
    check_revision_stays(space, revision)
    assert space.tokens.get("ci")["status"]["lastRotationRequest"] == served


def test_a_request_at_birth_that_is_no_time_is_told_about(space, operator):
    space.tokens.create("ci", {"user": "alice@example.com"}, annotations={ROTATE: "rubbish"})
    status = space.ready("ci")["status"]
    assert "lastRotationRequest" not in status and status["ignoredRotationRequest"] == "rubbish"
    assert '"rubbish"' in space.wait_event("ci", "InvalidSpec")["note"]


def test_a_request_at_birth_counts_as_served(space, operator):
    space.tokens.create(
        "ci", {"user": "alice@example.com"}, annotations={ROTATE: "2026-01-01T00:00:00Z"}
    )
    status = space.ready("ci")["status"]
    assert (
        status["lastRotationRequest"] == "2026-01-01T00:00:00Z" and "lastRotationTime" not in status
    )
    check_revision_stays(space, 1, seconds=1)
    assert stands(space.tokens.get("ci"), "Ready") == ("True", "Issued")


def test_a_request_renews_an_expired_token(space, operator):
    before, value = minted(space, ttl="10s")
    space.wait_condition("ci", "Ready", "False", "Expired", timeout=20)
    space.tokens.patch("ci", {"spec": {"ttl": "1000h"}})
    status = rotate(space, before)
    assert seconds_between(status["issuedAt"], status["expiresAt"]) == 1000 * 3600
    assert "previous" not in status, "what has expired works again"
    assert keys(space) == {"token"} and space.value("ci") != value
    for kind in ("ExpiringSoon", "Stalled"):
        assert not condition(space.tokens.get("ci"), kind)


@pytest.mark.parametrize("loss", ["deleted", "edited"])
def test_a_value_lost_within_the_overlap_is_replaced_and_lives_no_longer(space, operator, loss):
    before, first = minted(space)
    rotated = rotate(space, before)
    lost = space.value("ci")
    if loss == "deleted":
        space.secrets.delete("ci")
    else:
        space.secrets.patch("ci", {"data": {"token": encoded("mine")}})

    def healed():
        token, _ = space.check_consistent("ci")
        assert token["status"]["revision"] == 3
        return token["status"]

    status = eventually(healed)
    for kept in ("expiresAt", "lastRotationTime", "previous"):
        assert status[kept] == rotated[kept]
    assert hash_of(lost) not in json.dumps(status)
    assert keys(space) == ({"token"} if loss == "deleted" else {"token", "previous-token"})
    assert loss == "deleted" or space.value("ci", "previous-token") == first


def test_what_somebody_puts_in_place_of_the_former_value_leaves(space, operator):
    before, _ = minted(space, rotation={"overlap": "1h"})
    rotate(space, before)
    space.secrets.patch("ci", {"data": {"previous-token": encoded("mine")}})
    eventually(lambda: keys(space) == {"token"} or pytest.fail("a forged former value stays"))


def test_revoking_within_the_overlap_voids_both_values(space, operator):
    before, _ = minted(space)
    rotate(space, before)
    space.tokens.patch("ci", {"spec": {"revoked": True}})
    status = space.wait_condition("ci", "Ready", "False", "Revoked")["status"]
    assert "tokenHash" not in status and "previous" not in status
    wait_for(lambda: space.secrets.get("ci") is None, 10, "the Secret stays")
    request(space)
    holds(lambda: not space.secrets.get("ci") or pytest.fail("a revoked token was rotated"), 1)


def test_a_refused_write_leaves_the_former_value_in_force_and_is_made_up_for(
    cluster, space, start_operator, tmp_path
):
    """The operator may do everything but change Secrets; later that too."""
    rbac, who = "/apis/rbac.authorization.k8s.io/v1", f"rotator-{space.name}"
    may = ["get", "list", "watch", "create"]
    rules = [
        {"apiGroups": ["apitoken.dev", "events.k8s.io"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": may},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": may},
    ]
    cluster.api.create(f"{rbac}/clusterroles", {"metadata": {"name": who}, "rules": rules})
    cluster.api.create(
        f"{rbac}/clusterrolebindings",
        {
            "metadata": {"name": who},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": who,
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who}],
        },
    )
    try:
        path = tmp_path / "rotator"
        path.write_text(cluster.controlplane("kubeconfig", "--user", who))
        operator = start_operator(kubeconfig=path)
        before, value = minted(space)
        request(space)
        event = space.wait_event("ci", "MintFailed")
        assert (
            event["type"] == "Warning" and "patch" in event["note"] and "secrets" in event["note"]
        )
        token = space.wait_condition("ci", "Reconciling", "True", "Pending")
        assert stands(token, "Ready") == ("True", "Rotated")
        assert space.value("ci") == value and token["status"]["previous"]["tokenHash"] == hash_of(
            value
        )
        again = request(
            space
        )  # nobody has the value of the first one: what the Secret holds stays the former value
        served = wait_for(
            lambda: (lambda s: s["lastRotationRequest"] == again and s)(
                space.tokens.get("ci")["status"]
            ),
            15,
            "not served",
        )
        assert served["previous"] == token["status"]["previous"]
        rules[2]["verbs"] = ["*"]
        cluster.api.patch(f"{rbac}/clusterroles/{who}", {"rules": rules})
        status = wait_rotated(space, before, timeout=30)
        assert (
            status["previous"]["tokenHash"]
            == hash_of(value)
            == hash_of(space.value("ci", "previous-token"))
        )
        operator.stop()
    finally:
        cluster.api.delete(f"{rbac}/clusterrolebindings/{who}")
        cluster.api.delete(f"{rbac}/clusterroles/{who}")


@pytest.fixture
def frozen_secrets(cluster, space):
    """A policy of somebody else that refuses every change of a Secret in this namespace."""
    path, name = "/apis/admissionregistration.k8s.io/v1", f"frozen-{space.name}"
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
                        "matchLabels": {"kubernetes.io/metadata.name": space.name}
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


def wait_frozen(space):
    def frozen():
        with pytest.raises(ApiError):
            space.secrets.patch("ci", {"metadata": {"annotations": {"example.com/frozen": "?"}}})

    eventually(frozen, 20)


def test_the_overlap_counts_from_the_moment_the_new_value_is_in_the_secret(
    space, operator, frozen_secrets
):
    before, value = minted(space, rotation={"overlap": "3s"})
    wait_frozen(space)
    request(space)
    space.wait_event("ci", "MintFailed")
    let_pass(5)  # longer than the overlap

    def works_on():
        token = space.wait_condition("ci", "Reconciling", "True", "Pending")
        assert stands(token, "Ready") == ("True", "Rotated")
        previous = token["status"]["previous"]
        assert previous["tokenHash"] == hash_of(value) == hash_of(space.value("ci"))
        assert previous["validUntil"] == before["expiresAt"] and "replacedAt" not in previous
        assert token["status"]["revision"] <= before["revision"] + 5, (
            "a value is drawn at each of its own events"
        )

    holds(works_on, 2)
    metrics = operator.metrics()
    assert metrics.value("apitokens_rotation_unfinished") == 1
    started = metrics.value(
        "apitoken_rotation_started_timestamp_seconds", namespace=space.name, name="ci"
    )
    assert started == moment(space.tokens.get("ci")["status"]["lastRotationTime"]).timestamp()
    frozen_secrets()
    status = wait_rotated(space, before, timeout=60)
    assert seconds_between(status["previous"]["replacedAt"], status["previous"]["validUntil"]) == 3
    eventually(
        lambda: (
            "previous" not in space.tokens.get("ci")["status"]
            or pytest.fail("the previous value stays")
        ),
        15,
    )
    assert operator.metrics().value("apitokens_rotation_unfinished") == 0


@pytest.mark.parametrize("change", ["rotated", "overlap over"])
def test_an_immutable_secret_is_deleted_and_made_anew(space, operator, change):
    before, value = minted(space, rotation={"overlap": "4s"}, secret={"labels": {"team": "shop"}})
    uid = space.secrets.get("ci")["metadata"]["uid"]
    if change == "overlap over":
        before = rotate(space, before)
        value = space.value("ci")
    space.secrets.patch("ci", {"immutable": True, "data": {"mine": encoded("stays")}})
    if change == "rotated":
        rotate(space, before)

    def anew():
        token, secret = space.check_consistent("ci")
        assert secret["metadata"]["uid"] != uid and not secret.get("immutable")
        assert secret["metadata"]["labels"]["team"] == "shop"
        assert value_in(secret, "mine") == "stays"
        assert (value_in(secret) == value) == (change == "overlap over")
        assert "previous-token" in secret["data"] or change == "overlap over"

    eventually(anew, 20)


# --- show once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [None, "2h"], ids=["taken-back", "later"])
def test_what_was_delivered_stays_delivered_whatever_becomes_of_the_field(space, operator, after):
    before, value = minted(space, secret={"deleteAfter": "2s"})
    wait_for(lambda: space.secrets.get("ci") is None, 10, "the Secret stays")
    assert space.wait_condition("ci", "Ready", "True")["status"]["deliveredAt"]
    space.tokens.patch("ci", {"spec": {"secret": {"deleteAfter": after}}})

    def lives_on():
        status = space.tokens.get("ci")["status"]
        assert (status["tokenHash"], status["revision"]) == (hash_of(value), before["revision"])
        assert space.secrets.get("ci") is None

    holds(lives_on, 2)


def test_a_secret_shown_once_goes_and_a_rotation_shows_the_next(space, start_operator):
    operator = start_operator()
    before, value = minted(space, secret={"deleteAfter": "3s"})
    wait_for(lambda: space.secrets.get("ci") is None, 10, "the Secret stays")
    assert seconds_since(before["issuedAt"]) >= 3, "it went too early"
    operator.stop()
    start_operator()

    def lives_on():
        token = space.tokens.get("ci")
        assert stands(token, "Ready")[0] == "True"
        assert (token["status"]["tokenHash"], token["status"]["revision"]) == (hash_of(value), 1)
        assert space.secrets.get("ci") is None

    holds(lives_on, 1)
    eventually(
        lambda: (
            "delivered" in condition(space.tokens.get("ci"), "Ready")["message"]
            or pytest.fail("not said")
        ),
        5,
    )
    status = rotate(space, before)
    assert status["previous"]["tokenHash"] == hash_of(value)
    assert keys(space) == {"token"}, "the former value is shown again"
    wait_for(lambda: space.secrets.get("ci") is None, 10, "the second Secret stays")
    assert space.tokens.get("ci")["status"]["tokenHash"] == status["tokenHash"]


def test_the_commands_of_the_page_rotate(space, operator, shell):
    """docs/rotation.md: its manifests are accepted, its commands run as they stand."""
    for language, block in re.findall(
        r"^```(yaml|sh)\n(.*?)^```", (ROOT / "docs/rotation.md").read_text(), re.M | re.S
    ):
        if language == "sh":
            printed = shell(block)
        else:
            rehearsal = "" if "kind: ApiToken" in block else "--dry-run=server"
            space.cluster.kubectl(
                "apply",
                "-n",
                space.name,
                "--validate=strict",
                *rehearsal.split(),
                "-f",
                "-",
                input=block,
            )
        if "kind: ApiToken" in block:
            space.ready("ci-deploy")
    assert "annotated" in printed
    ready = space.wait_condition("ci-deploy", "Ready", "True", "Rotated")
    eventually(
        lambda: (
            space.tokens.get("ci-deploy")["status"]["revision"] == 3
            or pytest.fail("not rotated again")
        )
    )
    assert space.ready("report-reader")["status"]["rotateAt"]
    assert ready["spec"]["rotation"]["overlap"] == "0s"


# --- by itself ----------------------------------------------------------------------------------------------------


def test_an_automatic_rotation_comes_at_its_time_and_warns_nobody(space, operator):
    before, value = minted(space, ttl="60s", rotation={"policy": "Automatic", "before": "50s"})
    assert 50 <= seconds_between(before["rotateAt"], before["expiresAt"]) <= 51
    status = wait_rotated(space, before, timeout=25)
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
    assert not space.events_of("ci", "ExpiringSoon")


def test_tokens_made_together_are_spread_and_each_keeps_its_instant(space, start_operator):
    hour = 3600
    operator = start_operator()
    for number in range(20):
        space.token(f"t{number}", ttl="1000h", rotation={"policy": "Automatic", "before": "400h"})
    drawn = {t["metadata"]["name"]: t["status"]["rotateAt"] for t in space.wait_all_ready(20)}
    for token in space.tokens.list():
        assert (
            400 * hour
            <= seconds_between(token["status"]["rotateAt"], token["status"]["expiresAt"])
            <= 440 * hour
        )
    assert len(set(drawn.values())) >= 18
    instants = sorted(moment(at) for at in drawn.values())
    assert (instants[-1] - instants[0]).total_seconds() > 10 * hour
    operator.stop()
    space.tokens.patch("t0", {"spec": {"description": "changed"}})
    start_operator()
    space.ready("t0")
    assert {t["metadata"]["name"]: t["status"]["rotateAt"] for t in space.tokens.list()} == drawn


def test_automatic_rotations_slept_through_are_made_up_at_start(space, start_operator):
    operator = start_operator()
    over, _ = minted(space, "over", ttl="10s", rotation={"policy": "Automatic", "before": "2s"})
    due, value = minted(space, "due", ttl="40s", rotation={"policy": "Automatic", "before": "34s"})
    operator.stop()
    wait_until(over["expiresAt"])
    start_operator()
    assert "previous" not in wait_rotated(space, over, "over")
    assert wait_rotated(space, due, "due")["previous"]["tokenHash"] == hash_of(value)


def test_warnings_of_an_automatic_token_wait_until_its_rotation_is_overdue(space, operator):
    space.token("manual", ttl="720h1s")
    automatic, _ = minted(
        space, "automatic", ttl="600s", rotation={"policy": "Automatic", "before": "200s"}
    )
    space.wait_condition("manual", "ExpiringSoon", "True")
    span = seconds_between(automatic["rotateAt"], automatic["expiresAt"])
    assert seconds_between(automatic["rotateAt"], automatic["warnAt"]) == span // 10
    assert not condition(space.tokens.get("automatic"), "ExpiringSoon")

    overdue, _ = minted(
        space, "overdue", ttl="30s", rotation={"policy": "Automatic", "before": "27s"}
    )
    space.secrets.patch(
        "overdue", {"metadata": {"ownerReferences": [space.other_owner()]}}
    )  # somebody else's now: nothing can be written
    token = space.wait_condition("overdue", "ExpiringSoon", "True")
    assert stands(token, "Ready") == ("False", "SecretConflict")
    assert seconds_since(overdue["warnAt"]) >= 0
    space.wait_event("overdue", "ExpiringSoon")
    assert not space.events_of("automatic", "ExpiringSoon")


# --- no moment without a value that works -------------------------------------------------------------------------


class Storm:
    """Asks for rotations of all tokens of a namespace over and over, and reads Secrets and ApiTokens meanwhile.

    A Secret and its ApiToken cannot be read at one instant, and between two reads a token may be rotated twice. So the reader
    lists the Secrets, and then the ApiTokens as they stood at the revision of that list: the two are one state of the cluster,
    and a value that is not vouched for in it was in the Secret without being valid.
    """

    def __init__(self, space, count):
        self.space = space
        self.names = [f"t{n}" for n in range(count)]
        self.asked = {}
        self.states = self.former = self.minted = 0
        self.faults = []
        self.over = threading.Event()
        self.threads = [
            threading.Thread(target=self.keep, args=(work,)) for work in (self.ask, self.read)
        ]

    def __enter__(self):
        for name in self.names:
            self.space.token(name)
        self.space.wait_all_ready(len(self.names))
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
                time.sleep(0.05)

    def ask(self):
        for name in self.names:
            if self.over.is_set():
                return
            value = next(times).strftime("%Y-%m-%dT%H:%M:%SZ")
            self.asked.pop(name, None)  # whether a request that fails was taken is not known
            self.asked[name] = request(self.space, name, value)

    def read(self):
        api, now = self.space.cluster.api, time.time()
        secrets = api.get(self.space.secrets.path)
        revision = secrets["metadata"]["resourceVersion"]
        tokens = api.get(
            self.space.tokens.path, resourceVersion=revision, resourceVersionMatch="Exact"
        )
        held = {s["metadata"]["name"]: s for s in secrets["items"]}
        for token in tokens["items"]:
            self.judge(token, held.get(token["metadata"]["name"]), now, revision)
        self.minted = sum(token["status"]["revision"] for token in tokens["items"])
        self.states += 1

    def judge(self, token, secret, now, revision):
        name, status = token["metadata"]["name"], token["status"]
        value_hash = hash_of(value_in(secret)) if secret else None
        previous = status.get("previous", {})
        if value_hash == status["tokenHash"]:
            return
        if (
            value_hash == previous.get("tokenHash")
            and now < moment(previous["validUntil"]).timestamp()
        ):
            self.former += 1
            return
        self.faults.append(
            f"{name} at revision {revision}: the Secret holds {value_hash}, the status {status['tokenHash']} and {previous}"
        )

    def check_served(self):
        """All that was asked for last is done, and nothing is half done."""

        def served():
            for name in self.names:
                token, secret = self.space.check_consistent(name)
                assert (
                    name not in self.asked
                    or token["status"]["lastRotationRequest"] == self.asked[name]
                )
                assert (
                    hash_of(value_in(secret, "previous-token"))
                    == token["status"]["previous"]["tokenHash"]
                )

        eventually(served, 30)


def test_kill_nine_amid_rotations_never_leaves_a_value_that_does_not_work(space, start_operator):
    chance = random.Random(4)
    operator = start_operator()
    with Storm(space, 30) as storm:
        for _ in range(10):
            goal = storm.minted + chance.randrange(5, 60)
            wait_for(lambda: storm.minted >= goal or storm.faults, 30, "nothing is rotated")
            operator.kill()
            operator = start_operator(wait_ready=False)
        operator.wait_ready()
    storm.check_served()
    assert storm.states > 20 and storm.former > 0, "the reader saw no rotation under way"


def test_a_restart_of_the_api_server_amid_rotations_never_leaves_a_value_that_does_not_work(
    space, operator, cluster
):
    try:
        with Storm(space, 30) as storm:
            for end in ("kill-apiserver", "stop-apiserver"):
                let_pass(1)
                cluster.controlplane(end)
                cluster.controlplane("start-apiserver")
            let_pass(2)
    finally:
        cluster.controlplane("start-apiserver")
    assert operator.running()
    storm.check_served()
    assert storm.states > 20
