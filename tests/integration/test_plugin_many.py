"""kubectl apitoken for several tokens, for values in Secrets, and for a look at everything."""

import pathlib

import pytest
import yaml

from testbed.certificates import Authority
from testbed.tokens import hash_of
from testbed.waiting import eventually

FAILED, USAGE = 1, 2


@pytest.fixture
def shop(namespace, operator):
    """Two tokens of the shop and one of the bank, all minted."""
    for name, team in (("one", "shop"), ("two", "shop"), ("other", "bank")):
        namespace.tokens.create(name, {"user": "alice@example.com"}, labels={"team": team})
    return {name: namespace.ready(name)["status"] for name in ("one", "two", "other")}


def revisions(namespace):
    return {t["metadata"]["name"]: t["status"]["revision"] for t in namespace.tokens.list()}


def test_create_takes_every_field_of_the_api(plugin, tmp_path):
    certificate = Authority(tmp_path / "ca").files("recipient", "client")[0]
    flags = (
        "--user alice@example.com --ttl 90d --label team=shop --label env=test --delete-after 1h "
        "--rotate --rotate-before 30d --overlap 2h --ttl-after-expired 7d --dry-run client"
    )
    made = yaml.safe_load(plugin.ok("create", "ci", *flags.split(), "--encrypt-to", certificate))
    assert made["metadata"]["labels"] == {"team": "shop", "env": "test"}
    spec = made["spec"]
    assert spec["rotation"] == {"policy": "Automatic", "before": "720h", "overlap": "2h"}
    assert (spec["ttlAfterExpired"], spec["secret"]["deleteAfter"]) == ("168h", "1h")
    assert spec["secret"]["encryptTo"].strip() == pathlib.Path(certificate).read_text().strip()


def test_rotate_by_label_leaves_the_others_alone(plugin, namespace, shop):
    unconfirmed = plugin.run("rotate", "-l", "team=shop")
    assert unconfirmed.returncode == USAGE and "--yes" in unconfirmed.stderr
    lines = plugin.ok("renew", "-l", "team=shop", "--yes").splitlines()
    assert sorted(lines) == [f"apitoken.apitoken.dev/{n} rotated" for n in ("one", "two")]
    assert revisions(namespace) == {"one": 2, "two": 2, "other": 1}
    listed = plugin.ok("list", "--all", "-l", "team=bank", "-o", "name")
    assert listed.split() == ["apitoken.apitoken.dev/other"]


def test_one_that_fails_keeps_none_from_its_turn(plugin, namespace, shop):
    namespace.tokens.patch("two", {"spec": {"revoked": True}})
    done = plugin.run("rotate", "one", "two", "other", "--yes")
    assert done.returncode == FAILED
    assert "error: apitoken.apitoken.dev/two: it was revoked for good" in done.stderr
    assert "2 of 3 ApiTokens rotated, 1 not" in done.stderr
    assert revisions(namespace) == {"one": 2, "two": 1, "other": 2}


def test_revoke_of_several_ends_exactly_those(plugin, namespace, shop):
    plugin.ok("revoke", "one", "other", "--yes")
    revoked = {t["metadata"]["name"] for t in namespace.tokens.list() if t["spec"].get("revoked")}
    assert revoked == {"one", "other"}


@pytest.mark.parametrize(
    "command, words",
    [
        ("rotate", "needs NAME, or --selector, --expiring-within or --all"),
        ("revoke one --all --yes", "contradict each other"),
        ("rotate one two -o token --yes", "rotate one at a time"),
        ("rotate -l team=(shop --yes", "--selector"),
        ("list --token abc", "choose a --context whose user has that token"),
        ("create ci --user a@example.com --label team", "KEY=VALUE"),
        ("create ci --user a@example.com --encrypt-to /nowhere", "/nowhere"),
    ],
)
def test_what_does_not_fit_together_is_refused(plugin, command, words):
    done = plugin.run(*command.split())
    assert done.returncode in (FAILED, USAGE) and words in done.stderr, done.stderr


def test_show_prints_or_copies_the_value_of_the_secret(plugin, shop, tmp_path):
    assert hash_of(plugin.ok("show", "one").strip()) == shop["one"]["tokenHash"]
    program = tmp_path / "bin" / "xclip"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat > {tmp_path}/clipboard\n")
    program.chmod(0o755)
    path = plugin.environment()["PATH"]
    done = plugin.run(
        "show", "one", "--copy", env={"DISPLAY": ":0", "PATH": f"{program.parent}:{path}"}
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert hash_of((tmp_path / "clipboard").read_text()) == shop["one"]["tokenHash"]


def test_check_names_each_fault_and_its_remedy(plugin, namespace, shop):
    config = namespace.config("mail", emails="ops@example.com")

    def checked():
        done = plugin.run("check", "--operator-namespace", namespace.name)
        assert done.returncode == FAILED
        assert f"ok       ApiTokens: 3 in namespace {namespace.name}" in done.stdout
        assert "fault    mint policy:" in done.stdout and "apply manifests/policy" in done.stdout
        assert f"fault    TokenExpiryConfig {config}: NoServer:" in done.stdout

    eventually(checked)


def test_version_as_a_flag(plugin):
    assert plugin.ok("--version").startswith("kubectl-apitoken ")
