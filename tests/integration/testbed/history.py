"""The history of a namespace, revision by revision: two watches straight to the API server,
replayed in the order of its revisions."""

import collections
import json
import threading

import requests

from .tokens import hash_of, moment, status_and_reason, value_in


class History:
    """Use it as `with History(namespace) as history:`; afterwards history.check_ready_values()."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.events = []  # (revision, kind, type, object)
        self.state = {}  # by (kind, name), as it stood at the beginning
        # By (kind, name): between these two revisions no watch has shown its changes.
        self.unseen = collections.defaultdict(list)
        self._threads = []
        self._over = threading.Event()

    def __enter__(self):
        for kind, collection in (
            ("token", self.namespace.tokens),
            ("secret", self.namespace.secrets),
        ):
            listed = self.namespace.cluster.api.get(collection.path)
            for item in listed["items"] or []:
                self.state[kind, item["metadata"]["name"]] = item
            version = listed["metadata"]["resourceVersion"]
            watch = self._watch(collection, version)
            thread = threading.Thread(
                target=self._follow, args=(kind, collection, watch, version), daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return self

    def _follow(self, kind, collection, watch, version):
        """Watches, also after an end of the API server: from the last version seen, or, if its new
        cache does not reach back so far, from a list of what there is."""
        known = {name: thing for (which, name), thing in self.state.items() if which == kind}
        while not self._over.is_set():
            try:
                watch = watch or self._watch(collection, version)
                for line in watch.iter_lines(chunk_size=None):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        version = self._list_again(kind, collection, known, int(version))
                        break
                    thing = event["object"]
                    version = thing["metadata"]["resourceVersion"]
                    known[thing["metadata"]["name"]] = thing
                    self.events.append((int(version), kind, event["type"], thing))
            except (requests.RequestException, AttributeError, ValueError):
                self._over.wait(0.1)  # the API server ended
            watch = None

    def _list_again(self, kind, collection, known, since):
        listed = self.namespace.cluster.api.get(collection.path)
        version = listed["metadata"]["resourceVersion"]
        found = {item["metadata"]["name"]: item for item in listed["items"] or []}
        for name in known.keys() - found.keys():
            self.unseen[kind, name].append((since, int(version)))
            self.events.append((int(version), kind, "DELETED", known.pop(name)))
        for name, item in found.items():
            known[name] = item
            revision = int(item["metadata"]["resourceVersion"])
            self.unseen[kind, name].append((since, revision))
            self.events.append((revision, kind, "MODIFIED", item))
        return version

    @staticmethod
    def _watch(collection, version):
        api = collection.api
        answer = requests.get(
            api.url + collection.path,
            params={"watch": "true", "resourceVersion": version, "timeoutSeconds": 280},
            stream=True,
            verify=api.ca,
            cert=api.pair,
            timeout=300,
        )
        answer.raise_for_status()
        return answer

    def __exit__(self, *raised):
        # To close an answer that another thread reads would wait for its next line: the threads end
        # with the server's time limit.
        self._over.set()
        self.events = list(self.events)

    def check_ready_values(self):
        """At each revision that was seen the Secret of a Ready token holds a valid value. Returns
        the number of revisions."""
        state = dict(self.state)
        for revision, kind, change, thing in sorted(self.events, key=lambda event: event[0]):
            name = thing["metadata"]["name"]
            if change == "DELETED":
                state.pop((kind, name), None)
            else:
                state[kind, name] = thing
            gaps = self.unseen["token", name] + self.unseen["secret", name]
            if any(begin < revision < end for begin, end in gaps):
                continue
            self._check(
                state.get(("token", name)),
                state.get(("secret", name)),
                f"{name} at revision {revision}",
            )
        return len(self.events)

    def check_revisions(self):
        """No revision of a token was ever published with two values."""
        values = collections.defaultdict(set)
        for _, kind, _, thing in self.events:
            status = thing.get("status", {})
            if kind == "token" and status.get("tokenHash"):
                values[thing["metadata"]["uid"], status["revision"]].add(status["tokenHash"])
        assert {at: found for at, found in values.items() if len(found) > 1} == {}

    def check_secrets(self):
        """At no revision had a token two Secrets, or a Secret of a token another owner."""
        owned = {}  # the uid of the ApiToken, by the name of the Secret
        for revision, kind, change, thing in sorted(self.events, key=lambda event: event[0]):
            if kind != "secret":
                continue
            name = thing["metadata"]["name"]
            owned.pop(name, None)
            if change == "DELETED" or "apitoken.dev/token-hash" not in (
                thing["metadata"].get("annotations") or {}
            ):
                continue
            owners = [owner["uid"] for owner in thing["metadata"].get("ownerReferences", [])]
            assert len(owners) == 1, f"Secret {name} at revision {revision} has owners {owners}"
            assert owners[0] not in owned.values(), f"two Secrets at revision {revision}: {name}"
            owned[name] = owners[0]

    @staticmethod
    def _check(token, secret, where):
        if not token or not secret or status_and_reason(token, "Ready")[0] != "True":
            return
        status, held = token["status"], hash_of(value_in(secret))
        valid = {status.get("tokenHash")}
        previous = status.get("previous")
        written = moment(secret["metadata"]["annotations"]["apitoken.dev/issued-at"])
        if previous and moment(previous["validUntil"]) > written:
            valid.add(previous["tokenHash"])
        assert held in valid, f"{where}: a Ready token's Secret holds a value that does not verify"
