"""--dry-run: plans are shown, nothing is written."""

import json

from testbed.waiting import let_pass


def test_a_dry_run_shows_the_plan_and_writes_nothing(namespace, start_operator, mail):
    namespace.config("mail", emails="platform@example.com", digest="0s", smtp=namespace.smtp(mail))
    namespace.token("ci", ttl="100h")
    before = {s["metadata"]["name"] for s in namespace.secrets.list()}
    operator = start_operator("--dry-run")
    operator.wait_logged("ci")
    let_pass(2)
    assert "issue" in operator.log() or "mint" in operator.log()
    assert operator.metrics().writes() == 0
    assert {s["metadata"]["name"] for s in namespace.secrets.list()} == before
    assert "status" not in namespace.tokens.get("ci")
    assert not namespace.events.list()
    assert not mail.received()


def test_a_dry_run_of_what_is_minted_plans_nothing(namespace, start_operator):
    operator = start_operator()
    namespace.token("ci")
    namespace.ready("ci")
    operator.stop()
    operator = start_operator("--dry-run")
    let_pass(1.5)
    assert operator.metrics().writes() == 0
    assert namespace.tokens.get("ci")["status"]["revision"] == 1


def test_version_and_help_need_no_cluster(launch, tmp_path):
    for flag in ("--version", "--help"):
        operator = launch(flag, kubeconfig=tmp_path / "none", wait_ready=False)
        assert operator.wait_exit() == 0
        assert "apitoken-operator" in operator.log()
    for flag in (
        "--kubeconfig",
        "--metrics-bind-address",
        "--health-probe-bind-address",
        "--operator-namespace",
        "--namespaces",
        "--workers",
        "--leader-elect",
        "--log-level",
        "--log-format",
        "--per-token-metrics",
        "--dry-run",
    ):
        assert flag in operator.log()


def test_json_logs_are_json(namespace, start_operator):
    operator = start_operator("--log-format", "json", "--log-level", "debug")
    namespace.token("ci")
    namespace.ready("ci")
    operator.stop()
    lines = [json.loads(line) for line in operator.log().splitlines()]
    assert any(line.get("name") == "ci" or line.get("token") for line in lines), lines[-5:]
