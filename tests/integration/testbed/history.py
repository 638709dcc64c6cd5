"""The history of a namespace, revision by revision: two watches straight to the API server,
replayed in the order of its revisions."""

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
        self._threads = []

    def __enter__(self):
        for kind, collection in (
            ("token", self.namespace.tokens),
            ("secret", self.namespace.secrets),
        ):
            listed = self.namespace.cluster.api.get(collection.path)
            for item in listed["items"] or []:
                self.state[kind, item["metadata"]["name"]] = item
            self._follow(kind, collection, listed["metadata"]["resourceVersion"])
        return self

    def _follow(self, kind, collection, version):
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

        def read():
            try:
                for line in answer.iter_lines(chunk_size=None):
                    event = json.loads(line)
                    self.events.append(
                        (
                            int(event["object"]["metadata"]["resourceVersion"]),
                            kind,
                            event["type"],
                            event["object"],
                        )
                    )
            except (requests.RequestException, AttributeError, ValueError):
                pass  # the API server ended

        self._threads.append(threading.Thread(target=read, daemon=True))
        self._threads[-1].start()

    def __exit__(self, *raised):
        # To close an answer that another thread reads would wait for its next line: the threads end
        # with the server's time limit.
        self.events = list(self.events)

    def check_ready_values(self):
        """At each revision the Secret of a Ready token holds a valid value. Returns the number
        of revisions."""
        state = dict(self.state)
        for revision, kind, change, thing in sorted(self.events, key=lambda event: event[0]):
            name = thing["metadata"]["name"]
            if change == "DELETED":
                state.pop((kind, name), None)
            else:
                state[kind, name] = thing
            self._check(
                state.get(("token", name)),
                state.get(("secret", name)),
                f"{name} at revision {revision}",
            )
        return len(self.events)

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
