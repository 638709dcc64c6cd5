"""A control plane with all policies in force, and the people of the portal's tests: each is known
to it by a bearer token and has roles of their own. It keeps an audit log of every request."""

import json
import re

import yaml

from testbed.cluster import ROOT
from testbed.policies import Grants, GuardedCluster
from testbed.waiting import wait_for

AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}

# (group, resource, names, verb): all of tokens, one Secret, and settings, which belong to no
# namespace: in one they mean nothing.
NARROW = [
    ("apitoken.dev", "apitokens", None, "*"),
    ("", "secrets", ["kept"], "get"),
    ("apitoken.dev", "*", None, "list"),
    ("apitoken.dev", "tokenexpiryconfigs", None, "update"),
]
# Name -> (groups, roles in team-a, roles in the whole cluster). Nobody has a role in team-b.
PEOPLE = {
    "admin@example.com": ([], [], ["cluster-admin"]),
    "viewer@example.com": (["shop"], ["apitoken-viewer"], []),
    "user@example.com": (["shop"], ["apitoken-user"], []),
    "minter@example.com": (["shop"], ["apitoken-minter"], []),
    "owner@example.com": (["shop"], ["admin"], []),
    "settings@example.com": ([], [], ["apitoken-settings", "apitoken-viewer"]),
    "narrow@example.com": ([], [NARROW], []),
    "nobody@example.com": ([], [], []),
}


def trusting(issuer):
    """The API server's configuration of docs/portal.md, for this issuer."""
    page = (ROOT / "docs/portal.md").read_text()
    shown = re.search(r"^```yaml\n(apiVersion: apiserver\.config.*?)^```$", page, re.M | re.S)[1]
    configuration = yaml.safe_load(shown)
    trusted = configuration["jwt"][0]["issuer"]
    trusted |= {"url": issuer.url, "certificateAuthority": issuer.ca_file.read_text()}
    return configuration


class PortalCluster(GuardedCluster):
    """`issuer`: the OpenID provider that the API server trusts, beside the table of tokens."""

    def __init__(self, directory, issuer, *flags):
        self.tokens = {name: f"test-{name.partition('@')[0]}-s3cret" for name in PEOPLE}
        table = directory / "people.csv"
        table.write_text(
            "".join(
                f'{token},{name},{name},"{",".join(PEOPLE[name][0])}"\n'
                for name, token in self.tokens.items()
            )
        )
        trust = directory / "authentication.yaml"
        trust.write_text(json.dumps(self.trusting(issuer)))
        flags = [f"--token-auth-file={table}", f"--authentication-config={trust}", *flags]
        super().__init__(directory, *flags, audit=AUDIT)

    def trusting(self, issuer):
        return trusting(issuer)

    def install(self):
        super().install()
        for name in ("team-a", "team-b"):
            self.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
        self.grants = Grants(self, "team-a")
        for name, (_, here, everywhere) in PEOPLE.items():
            for role in here:
                self.grants.grant(name, role)
            for role in everywhere:
                self.grants.grant(name, role, everywhere=True)
        self.grants.in_force()

    def kubeconfig_of(self, name, directory, namespace="team-a"):
        def as_person(config):
            config["users"][0]["user"] = {"token": self.tokens[name]}
            config["contexts"][0]["context"]["namespace"] = namespace

        path = directory / f"{name.partition('@')[0]}-{namespace}.kubeconfig"
        return self.changed_kubeconfig(path, as_person)

    def audited(self, agent):
        """The requests of that user agent, oldest first."""
        return [
            event
            for event in (
                json.loads(line)
                for line in self.audit_log.read_text().splitlines()
                if line.endswith("}")
            )
            if event.get("userAgent", "").startswith(agent)
        ]

    def wait_audited(self, agent, count):
        return wait_for(
            lambda: len(found := self.audited(agent)) >= count and found,
            20,
            f"the audit log has not {count} requests of {agent}",
        )
