"""etcd is restored from a snapshot, by etcdctl and etcdutl, as docs/backup.md says: its versions go
back, and what happened since the snapshot is undone. The operator runs on, or is started again."""

import pytest

from testbed.history import History
from testbed.tokens import status_and_reason
from testbed.verifying import auth
from testbed.waiting import eventually, holds, wait_for

REQUESTED = "apitoken.dev/rotate-requested-at"
NAMES = ("kept", "rotated", "revoked", "deleted", "lost")
BUMPED = ("--bump-revision", "1000000000", "--mark-compacted")
FAR = 500  # writes since the snapshot, more than the servers make until the test's end


class Disaster:
    """A namespace with tokens, a snapshot, and what happens after it."""

    def __init__(self, cluster, namespace, path):
        self.cluster, self.namespace, self.path = cluster, namespace, path

    def versions(self):
        """Of all tokens and their Secrets."""
        return {
            (thing["kind"], thing["metadata"]["name"]): thing["metadata"]["resourceVersion"]
            for collection, kind in (
                (self.namespace.tokens, "ApiToken"),
                (self.namespace.secrets, "Secret"),
            )
            for thing in ({**item, "kind": kind} for item in collection.list())
        }

    def save(self):
        for name in NAMES:
            self.namespace.token(name, ttl="48h", type="Permanent")
        self.namespace.wait_all_ready(len(NAMES))
        self.cluster.controlplane("save", "--snapshot", self.path)
        self.saved = self.versions()
        self.values = {name: self.namespace.value(name) for name in NAMES}

    def go_on(self, more_writes):
        """Changes every token but `kept`. Keeps the values that were minted in self.newer."""
        tokens, secrets = self.namespace.tokens, self.namespace.secrets
        tokens.patch("rotated", {"metadata": {"annotations": {REQUESTED: "2026-01-01T00:00:00Z"}}})
        tokens.patch("revoked", {"spec": {"revoked": True}})
        tokens.delete("deleted")
        secrets.delete("lost")
        self.namespace.token("later", ttl="48h")
        for name in ("rotated", "lost"):
            wait_for(
                lambda name=name: tokens.get(name)["status"]["revision"] == 2,
                20,
                f"{name} has no second value",
            )
            self.namespace.ready(name)
        self.namespace.ready("later")
        self.namespace.wait_condition("revoked", "Ready", "False", "Revoked")
        wait_for(lambda: secrets.get("deleted") is None, 60, "the Secret is not collected")
        self.newer = [self.namespace.value(name) for name in ("rotated", "lost", "later")]
        self.write(more_writes)

    def write(self, count):
        """Moves the versions on by `count`."""
        api, path = self.cluster.api, f"/api/v1/namespaces/{self.namespace.name}/configmaps"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "counter"}}
        api.create(path, body)
        for n in range(count):
            api.patch(f"{path}/counter", {"data": {"count": str(n)}})

    def restore(self, flags=()):
        self.cluster.controlplane(
            "restore", "--snapshot", self.path, *(["--", *flags] if flags else [])
        )

    def check_untouched(self):
        """What was restored is what the snapshot held, written by nobody since."""
        assert self.versions() == self.saved

    def check_values(self, operator):
        for name in NAMES:
            token, _ = self.namespace.check_consistent(name)
            assert status_and_reason(token, "Ready") == ("True", "Issued"), name
            assert self.namespace.value(name) == self.values[name], f"{name} was minted over"
            assert auth(operator, self.values[name]).status_code == 200, name
        for value in self.newer:
            assert auth(operator, value).status_code == 401, "an undone value verifies"
        assert self.namespace.tokens.get("later") is None
        assert self.namespace.secrets.get("later") is None

    def check_work_goes_on(self, operator):
        """Each watch brings what happens after the restore."""
        tokens, secrets = self.namespace.tokens, self.namespace.secrets
        self.namespace.token("new", ttl="48h")
        tokens.patch("revoked", {"spec": {"revoked": True}})
        tokens.patch("rotated", {"metadata": {"annotations": {REQUESTED: "2026-01-02T00:00:00Z"}}})
        secrets.delete("lost")
        self.namespace.ready("new", timeout=30)  # the Lease names a process that is gone
        self.namespace.wait_condition("revoked", "Ready", "False", "Revoked")
        for name in ("rotated", "lost"):
            eventually(lambda name=name: self.check_second_value(operator, name), 20)
        assert auth(operator, self.values["revoked"]).status_code == 401
        assert auth(operator, self.values["lost"]).status_code == 401

    def check_second_value(self, operator, name):
        token, _ = self.namespace.check_consistent(name)
        assert token["status"]["revision"] == 2, name
        assert self.namespace.value(name) not in (self.values[name], *self.newer)
        assert auth(operator, self.namespace.value(name)).status_code == 200


@pytest.fixture
def disaster(cluster, namespace, tmp_path):
    return Disaster(cluster, namespace, tmp_path / "snapshot.db")


@pytest.mark.parametrize(
    ("restarted", "more_writes", "flags"),
    [
        pytest.param(False, FAR, (), id="far-back"),
        pytest.param(False, 0, (), id="a-little-back"),
        pytest.param(False, 0, BUMPED, id="bumped"),
        pytest.param(True, FAR, (), id="restarted"),
    ],
)
def test_a_restore_of_etcd_undoes_what_happened_and_nothing_else(
    disaster, start_operator, restarted, more_writes, flags
):
    operator = start_operator("--leader-elect")
    disaster.save()
    disaster.go_on(more_writes)
    if restarted:
        operator.stop()
    disaster.restore(flags)
    if restarted:
        operator = start_operator("--leader-elect")
    with History(disaster.namespace) as history:
        holds(disaster.check_untouched, 3)
        eventually(lambda: disaster.check_values(operator), 20)
        if more_writes and not restarted:
            operator.wait_logged("versions went back.*apitokens", 1)
        disaster.check_work_goes_on(operator)
    history.check_ready_values()
    history.check_revisions()
    history.check_secrets()
