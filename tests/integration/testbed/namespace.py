"""A namespace of one test: its collections, and the waits that most tests share."""

import secrets as random_names

from . import api as kinds
from .mail import LOGIN
from .tokens import condition, encoded, hash_of, status_and_reason, value_in
from .waiting import wait_for


class TestNamespace:
    __test__ = False  # pytest takes classes named Test* for tests

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.tokens = kinds.apitokens(cluster.api, name)
        self.secrets = kinds.secrets(cluster.api, name)
        self.events = kinds.events(cluster.api, name)
        self.leases = kinds.leases(cluster.api, name)
        self.configs = kinds.configs(cluster.api)
        self.config_names = []

    @classmethod
    def made(cls, cluster, labels=None):
        """A new namespace with a name that no other has."""
        name = f"t-{random_names.token_hex(4)}"
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels or {}},
        }
        cluster.api.create("/api/v1/namespaces", body)
        return cls(cluster, name)

    @property
    def flags(self):
        """For an operator with its work and its Secrets in this namespace."""
        return ["--namespaces", self.name, "--operator-namespace", self.name]

    def token(self, name, user="alice@example.com", **spec):
        return self.tokens.create(name, {"user": user, **spec})

    def minted(self, name="ci", **spec):
        """(status, value) of a new token."""
        self.token(name, **spec)
        return self.ready(name)["status"], self.value(name)

    def minted_value(self, name="ci", **spec):
        return self.minted(name, **spec)[1]

    def ready(self, name, timeout=15):
        """The ApiToken, once Ready is True at its current generation."""
        return self.wait_condition(name, "Ready", "True", timeout=timeout)

    def wait_condition(self, name, kind, status, reason=None, timeout=15):
        seen = {}

        def reached():
            seen["token"] = token = self.tokens.get(name)
            found = condition(token, kind)
            current = found.get("observedGeneration") == (token or {}).get("metadata", {}).get(
                "generation"
            )
            return (
                current
                and found["status"] == status
                and (reason is None or found["reason"] == reason)
                and token
            )

        return wait_for(
            reached,
            timeout,
            lambda: (
                f"{name} is not {kind}={status} {reason or ''}: "
                f"{(seen['token'] or {}).get('status')}"
            ),
        )

    def wait_without(self, name, kind, timeout=15):
        """The token, once its status for the current spec has no condition of that type."""

        def without():
            token = self.tokens.get(name)
            current = condition(token, "Ready").get("observedGeneration") == (token or {}).get(
                "metadata", {}
            ).get("generation")
            return current and not condition(token, kind) and token

        return wait_for(
            without,
            timeout,
            lambda: f"{name} still has {kind}: {self.tokens.get(name).get('status')}",
        )

    def wait_all_ready(self, count, timeout=30):
        def all_ready():
            items = self.tokens.list()
            return (
                len(items) == count
                and all(status_and_reason(t, "Ready")[0] == "True" for t in items)
                and items
            )

        return wait_for(
            all_ready,
            timeout,
            lambda: (
                f"not all {count} are Ready: "
                f"{[status_and_reason(token, 'Ready') for token in self.tokens.list()]}"
            ),
        )

    def value(self, name, key="token"):
        return value_in(self.secrets.get(name), key)

    def check_consistent(self, name, secret_name=None, key="token"):
        """Checks what always holds for a live token: the value in its Secret hashes to its
        status."""
        token, secret = self.tokens.get(name), self.secrets.get(secret_name or name)
        assert secret and key in (secret.get("data") or {}), f"{name} has no Secret with {key}"
        assert hash_of(value_in(secret, key)) == token.get("status", {}).get("tokenHash")
        assert [owner["uid"] for owner in secret["metadata"].get("ownerReferences", [])] == [
            token["metadata"]["uid"]
        ]
        return token, secret

    def events_of(self, name, reason=None, kind="ApiToken"):
        return [
            e
            for e in self.events.list()
            if e["regarding"]["name"] == name
            and e["regarding"]["kind"] == kind
            and reason in (None, e["reason"])
        ]

    def wait_event(self, name, reason, note="", timeout=10):
        """The first Event of that reason whose note contains `note`. An Event is written after the
        status that it tells of, so a test that has seen the status waits for its Event."""
        return wait_for(
            lambda: [e for e in self.events_of(name, reason) if note in e["note"]],
            timeout,
            lambda: (
                f"no {reason} Event {note and f'that says {note!r} '}on {name}: "
                f"{[(e['reason'], e['note']) for e in self.events_of(name)]}"
            ),
        )[0]

    def config(self, name, **spec):
        """Makes a TokenExpiryConfig for this namespace only; returns its full name."""
        full = f"{self.name}-{name}"
        spec.setdefault(
            "namespaceSelector", {"matchLabels": {"kubernetes.io/metadata.name": self.name}}
        )
        self.configs.create(full, spec)
        self.config_names.append(full)
        return full

    def mails_through(self, server, name="mail", login=False, **spec):
        """A config that mails platform@example.com through a server without TLS, with a digest
        delay of 0s; `login`: as the Secret smtp says."""
        smtp = {"server": server, "tls": "None", "from": "tokens@example.com"}
        if login:
            smtp["credentialsSecret"] = "smtp"
        spec = {"emails": "platform@example.com", "digest": "0s", "smtp": smtp, **spec}
        return self.config(name, **{key: value for key, value in spec.items() if value is not None})

    def settled_config(self, name, **spec):
        """Like config, and waits until the operator knows it."""
        full = self.config(name, **spec)
        self.wait_config(full, lambda c: condition(c, "Ready"))
        return full

    def config_events(self, name, reason):
        """Events on a cluster-scoped object are in namespace default."""
        found = kinds.events(self.cluster.api, "default").list()
        return [e for e in found if e["regarding"]["name"] == name and e["reason"] == reason]

    def wait_config(self, name, check, timeout=15):
        return wait_for(
            lambda: (lambda c: check(c) and c)(self.configs.get(name)),
            timeout,
            lambda: f"TokenExpiryConfig {name}: {self.configs.get(name)}",
        )

    def secret(self, name, **values):
        return self.secrets.create(
            name,
            type="Opaque",
            data={key.replace("__", "."): encoded(v) for key, v in values.items()},
        )

    def login(self, server, password=LOGIN[1]):
        """The Secret of spec.smtp.credentialsSecret: a login for that server alone."""
        return self.secret("smtp", username=LOGIN[0], password=password, server=server)

    def other_owner(self):
        """An owner reference to an existing object that is no ApiToken; with a missing one the
        garbage collector would delete the Secret."""
        found = self.cluster.api.get(f"/api/v1/namespaces/{self.name}/serviceaccounts/default")
        return {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "name": "default",
            "uid": found["metadata"]["uid"],
        }

    def smtp(self, mail, **changes):
        """spec.smtp for a Mailpit, with its login and CA as Secrets of this namespace (the
        operator's own)."""
        if not self.secrets.get("smtp"):
            self.login(mail.server)
            self.secret("smtp-ca", ca__crt=mail.ca)
        tls = {"starttls": "StartTLS", "implicit": "Implicit"}[mail.tls]
        return {
            "server": mail.server,
            "tls": tls,
            "from": "API tokens <tokens@example.com>",
            "credentialsSecret": "smtp",
            "caSecret": "smtp-ca",
            **changes,
        }

    def remove(self):
        for name in self.config_names:
            self.configs.delete(name)
        self.cluster.api.delete(f"/api/v1/namespaces/{self.name}")
