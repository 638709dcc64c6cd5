"""Commands of the guides run as they stand: docs/tutorial.md, docs/backup.md, the runbooks of a
token and the first token of README.md."""

import re

import pytest

from testbed.pages import blocks, commands
from testbed.tokens import value_in
from testbed.waiting import eventually, holds


def expire(namespace):
    namespace.token("ci", ttl="10s")
    namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=30)


def conflict(namespace):
    namespace.secret("ci", token="somebody's")
    namespace.token("ci")
    namespace.wait_condition("ci", "Ready", "False", "SecretConflict")


def mint(namespace):
    namespace.token("ci")
    namespace.ready("ci")


# Runbook -> what brings a token into the state that its alert is about.
RUNBOOKS = {
    "ApiTokenExpired": expire,
    "ApiTokenExpiringCritical": mint,
    "ApiTokenExpiringSoon": mint,
    "ApiTokenMintFailing": conflict,
    "ApiTokenRotationStuck": mint,
}


def test_the_tutorial_leads_to_a_renewed_token(namespace, operator, shell):
    for script in commands("docs/tutorial.md"):
        shell(script)
        token = namespace.tokens.get("first")
        if "annotate" in script:
            assert token["status"]["revision"] == 2, "the token was not renewed"
    assert token is None, "the tutorial leaves its token"


def test_the_first_token_of_the_readme_is_minted(namespace, operator, shell, tmp_path):
    page = list(blocks("README.md"))
    (manifest,) = [b.text for b in page if "kind: ApiToken\n" in b.text]
    (session,) = [b.text for b in page if b.language == "console"]
    (tmp_path / "ci-deploy.yaml").write_text(manifest)
    shell("kubectl apply -f ci-deploy.yaml")
    namespace.ready("ci-deploy")
    outputs = [shell(line) for line in re.findall(r"^\$ (.*)$", session, re.M)]
    assert len(outputs) == 3
    assert outputs[0].split()[:6] == ["NAME", "USER", "TYPE", "READY", "REASON", "EXPIRES"]
    assert outputs[1] == namespace.value("ci-deploy")
    assert outputs[2] == namespace.tokens.get("ci-deploy")["status"]["expiresAt"]


def test_a_restore_by_the_page_keeps_a_token_alive(namespace, start_operator, shell):
    """docs/backup.md, with the operator stopped as the page says."""
    operator = start_operator()
    namespace.token("ci")
    before = namespace.ready("ci")["status"]
    value = namespace.value("ci")
    for script in commands("docs/backup.md", "Save"):
        shell(script.replace("team-a", namespace.name))
    operator.stop()
    namespace.tokens.delete("ci")
    namespace.secrets.delete("ci")

    def lost():
        assert namespace.tokens.get("ci") is None and namespace.secrets.get("ci") is None

    eventually(lost, 15)
    for script in commands("docs/backup.md", "Restore"):
        shell(script)
    start_operator()

    def restored():
        token, secret = namespace.check_consistent("ci")
        assert value_in(secret) == value, "another value was minted"
        assert token["status"]["expiresAt"] == before["expiresAt"]

    eventually(restored, 15)
    holds(restored, 1)


@pytest.mark.parametrize("alert", RUNBOOKS)
def test_the_commands_of_a_runbook_run(namespace, operator, shell, alert):
    RUNBOOKS[alert](namespace)
    scripts = commands(f"docs/runbooks/{alert}.md")
    assert scripts, "the runbook has no command that is run"
    for script in scripts:
        # NAME is a part of NAMESPACE, which is replaced first.
        here = script.replace("NAMESPACE", namespace.name).replace("NAME", "ci")
        shell(here.replace("-A", f"-n {namespace.name}"))
