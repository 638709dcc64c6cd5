"""Nobody gains what belongs to others: a copied token hash, a second owner of a Secret, a
reserved group, a robot of another namespace."""

import copy
import threading

import pytest
import requests

from testbed.tokens import condition, hash_of, status_and_reason
from testbed.waiting import eventually, holds, let_pass, wait_for


def auth(operator, token):
    """(status, user) by /auth."""
    answer = requests.get(
        f"{operator.verify_url}/auth",
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
        verify=False,
    )  # with a certificate of its own
    return answer.status_code, answer.headers.get("X-Auth-Request-User")


def review(operator, token):
    """The answer of /tokenreview."""
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token},
    }
    return requests.post(
        f"{operator.verify_url}/tokenreview", json=body, timeout=20, verify=False
    ).json()["status"]


class Asking:
    """Asks /auth about one token again and again while the context is open; keeps every answer."""

    def __init__(self, operator, token):
        self.answers = []
        self._operator, self._token, self._stop = operator, token, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.is_set():
            self.answers.append(auth(self._operator, self._token))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


@pytest.fixture
def tenants(launch, make_namespace):
    """The operator, and two namespaces that it serves."""
    alice, mallory = make_namespace(), make_namespace()
    operator = launch(
        "--namespaces", f"{alice.name},{mallory.name}", "--operator-namespace", alice.name
    )
    return operator, alice, mallory


def copies_of(status):
    """Statuses that claim the value of another token: as the current one, and as the previous
    one, both until 2099."""
    yield {"tokenHash": status["tokenHash"], "expiresAt": "2099-01-01T00:00:00Z"}
    yield {
        "previous": {
            "tokenID": "stolen00",
            "tokenHash": status["tokenHash"],
            "validUntil": "2099-01-01T00:00:00Z",
        }
    }


def test_a_copied_hash_takes_nothing_from_the_older_token(tenants):
    operator, alice, mallory = tenants
    status, value = alice.minted()
    let_pass(1.1)  # creation times are whole seconds
    mallory.minted("thief", user="mallory@example.com")
    with Asking(operator, value) as asking:
        for _ in range(10):
            for claim in copies_of(status):
                mallory.tokens.api.patch(f"{mallory.tokens.path}/thief/status", {"status": claim})
        event = mallory.wait_event("thief", "DuplicateHash")
        wait_for(lambda: len(asking.answers) > 50, 30, "nobody asks")
    assert set(asking.answers) == {(200, "alice@example.com")}
    assert event["type"] == "Warning"
    assert f"{alice.name}/ci" in event["note"] and f"{mallory.name}/thief" in event["note"]
    alice.check_consistent("ci")
    alice.tokens.patch("ci", {"spec": {"revoked": True}})
    mallory.tokens.delete("thief")
    wait_for(lambda: auth(operator, value)[0] == 401, 10, "a revoked token goes on")


def test_two_owners_of_a_secret_make_it_nobodys(namespace, operator):
    status, value = namespace.minted()
    namespace.token("evil", user="mallory@example.com", secret={"name": "ci"})
    evil = namespace.wait_condition("evil", "Ready", "False", "SecretConflict")
    mine = namespace.secrets.get("ci")["metadata"]["ownerReferences"]
    theirs = {
        **copy.deepcopy(mine[0]),
        "name": "evil",
        "uid": evil["metadata"]["uid"],
        "controller": False,
    }
    namespace.secrets.patch("ci", {"metadata": {"ownerReferences": [*mine, theirs]}})
    token = namespace.wait_condition("ci", "Ready", "False", "SecretConflict")
    assert "has other owners beside this ApiToken" in condition(token, "Ready")["message"]
    assert "ownerReferences" in namespace.wait_event("ci", "SecretConflict")["note"]

    def neither_writes():
        assert status_and_reason(namespace.tokens.get("ci"), "Ready") == ("False", "SecretConflict")
        assert status_and_reason(namespace.tokens.get("evil"), "Ready") == (
            "False",
            "SecretConflict",
        )
        assert namespace.value("ci") == value

    holds(neither_writes, 2)
    namespace.secrets.patch("ci", {"metadata": {"ownerReferences": mine}})
    assert namespace.ready("ci")["status"]["tokenHash"] == status["tokenHash"] == hash_of(value)
    namespace.check_consistent("ci")


def test_a_second_owner_that_came_while_the_operator_was_down_is_seen(namespace, start_operator):
    operator = start_operator()
    _, value = namespace.minted()
    namespace.token("evil", user="mallory@example.com", secret={"name": "ci"})
    evil = namespace.wait_condition("evil", "Ready", "False", "SecretConflict")
    operator.stop()
    mine = namespace.secrets.get("ci")["metadata"]["ownerReferences"]
    theirs = {
        **copy.deepcopy(mine[0]),
        "name": "evil",
        "uid": evil["metadata"]["uid"],
        "controller": False,
    }
    namespace.secrets.patch("ci", {"metadata": {"ownerReferences": [theirs, *mine]}})
    start_operator()
    namespace.wait_condition("ci", "Ready", "False", "SecretConflict")
    namespace.tokens.delete(
        "evil"
    )  # the garbage collector takes out the reference of an owner that is gone
    namespace.ready("ci", timeout=60)
    namespace.check_consistent("ci")
    assert namespace.value("ci") == value


def test_a_reserved_group_is_refused_at_every_door(namespace, start_operator):
    lax = start_operator("--reserved-groups=", "--reserved-secret-metadata=sync.example.com/")
    _, value = namespace.minted(groups=["kubeadm:cluster-admins"])
    _, harmless = namespace.minted("harmless", groups=["deployers"])
    assert auth(lax, value)[0] == 200 and review(lax, value)["user"]["groups"] == [
        "kubeadm:cluster-admins"
    ]
    namespace.token("synced", secret={"labels": {"a.sync.example.com/to": "x"}})
    token = namespace.wait_condition("synced", "Ready", "False", "InvalidSpec")
    assert (
        "spec.secret.labels: a.sync.example.com/to=x makes another controller act"
        in condition(token, "Ready")["message"]
    )
    lax.stop()
    strict = start_operator()
    token = namespace.wait_condition("ci", "Ready", "False", "InvalidSpec")
    assert (
        'spec.groups: "kubeadm:cluster-admins" is reserved' in condition(token, "Ready")["message"]
    )
    assert auth(strict, value) == (401, None)
    assert review(strict, value) == {"authenticated": False}
    assert auth(strict, harmless)[0] == 200
    namespace.token("jwt", type="Temporary", format="JWT", groups=["kubeadm:cluster-admins"])
    namespace.wait_condition("jwt", "Ready", "False", "InvalidSpec")
    assert namespace.secrets.get("jwt") is None


def test_a_robot_is_minted_for_in_its_own_namespace_alone(namespace, operator):
    _, value = namespace.minted(user=f"robot:{namespace.name}:ci")
    assert auth(operator, value) == (200, f"robot:{namespace.name}:ci")
    for name, user in (
        ("other", "robot:kube-system:ci"),
        ("prefix", f"robot:{namespace.name}x:ci"),
    ):
        namespace.token(name, user=user)
        token = namespace.wait_condition(name, "Ready", "False", "InvalidSpec")
        assert f"use robot:{namespace.name}:<name>" in condition(token, "Ready")["message"]
        assert namespace.secrets.get(name) is None
    eventually(lambda: namespace.wait_event("other", "InvalidSpec"))
