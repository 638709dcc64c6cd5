"""kubectl apitoken for several tokens, for values in Secrets, and for a look at everything."""

import base64
import pathlib
import re

import pytest
import yaml

from testbed.api import leases
from testbed.certificates import Authority
from testbed.process import TOKEN_VALUE
from testbed.tokens import hash_of
from testbed.waiting import eventually

ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmission"
FAILED, USAGE = 1, 2
INSTANT = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"


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
        ("list -o jsonpath={.items}", "use kubectl get apitokens -o jsonpath={.items}"),
        ("create ci --user a@example.com --label team", "KEY=VALUE"),
        ("create ci --user a@example.com --encrypt-to /nowhere", "/nowhere"),
    ],
)
def test_what_does_not_fit_together_is_refused(plugin, command, words):
    done = plugin.run(*command.split())
    assert done.returncode in (FAILED, USAGE) and words in done.stderr, done.stderr


class Clipboard:
    """A desktop's program that puts its input into a file."""

    def __init__(self, directory, path):
        self.file, program = directory / "clipboard", directory / "bin" / "xclip"
        program.parent.mkdir()
        self.inherited = directory / "inherited"
        program.write_text(
            f"#!/bin/sh\ncat > {self.file}\nreadlink /proc/$$/fd/* > {self.inherited} || true\n"
        )
        program.chmod(0o755)
        self.env = {"DISPLAY": ":0", "PATH": f"{program.parent}:{path}"}


@pytest.fixture
def clipboard(plugin, tmp_path):
    return Clipboard(tmp_path, plugin.environment()["PATH"])


def test_show_prints_or_copies_the_value_of_the_secret(plugin, shop, clipboard):
    assert hash_of(plugin.ok("show", "one").strip()) == shop["one"]["tokenHash"]
    done = plugin.run("show", "one", "--copy", env=clipboard.env)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert hash_of(clipboard.file.read_text()) == shop["one"]["tokenHash"]
    # Programs of clipboards stay; our connections must not stay with them.
    inherited = clipboard.inherited.read_text()
    assert "pipe:" in inherited and "socket:" not in inherited


def test_a_terminal_is_asked_to_copy_where_no_desktop_is(plugin, shop):
    screen = plugin.on_terminal("show", "one", "--copy", env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    assert screen.returncode == 0 and "by the terminal (OSC 52)" in screen.text, screen.raw
    (copied,) = re.findall(r"\x1b\]52;c;([\w+/=]+)\x07", screen.raw)
    assert hash_of(base64.b64decode(copied).decode()) == shop["one"]["tokenHash"]


def test_a_new_value_is_copied_in_place_of_printed(plugin, namespace, operator, clipboard):
    def copied(*command):
        done = plugin.run(*command, "--copy", env=clipboard.env)
        assert done.returncode == 0 and "on the clipboard, by xclip" in done.stderr, done.stderr
        assert not TOKEN_VALUE.search(done.stdout)
        return hash_of(clipboard.file.read_text())

    made = copied("create", "new", "--user", "alice@example.com")
    assert made == namespace.tokens.get("new")["status"]["tokenHash"]
    assert "encryptTo" in namespace.tokens.get("new")["spec"]["secret"], "it was shown once"
    rotated = copied("rotate", "new")
    assert rotated == namespace.tokens.get("new")["status"]["tokenHash"] != made


def test_help_fits_the_terminal(plugin):
    for columns in (50, 90):
        screen = plugin.on_terminal("rotate", "--help", columns=columns)
        lines = [line for line in screen.text.splitlines() if "kubectl" not in line]
        assert columns - 20 < max(map(len, lines)) <= columns, screen.text


def test_check_names_each_fault_and_its_remedy(plugin, namespace, shop):
    config = namespace.config("mail", emails="ops@example.com")

    def checked():
        done = plugin.run("check", "--operator-namespace", namespace.name)
        assert done.returncode == FAILED
        assert f"ok       ApiTokens: 3 in namespace {namespace.name}" in done.stdout
        assert "fault    mint policy:" in done.stdout and "apply manifests/policy" in done.stdout
        assert f"fault    TokenExpiryConfig {config}: NoServer:" in done.stdout

    eventually(checked)


@pytest.fixture
def lenient_policy(cluster):
    """A mint policy whose binding only warns."""
    paths = [f"{ADMISSION}{kind}" for kind in ("policies", "policybindings")]
    meta = {"name": "apitoken-mint"}
    rule = {
        "apiGroups": ["example.com"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["nothings"],
    }
    policy = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false"}],
    }
    binding = {"policyName": "apitoken-mint", "validationActions": ["Warn"]}
    for path, spec in zip(paths, (policy, binding)):
        cluster.api.create(path, {"metadata": meta, "spec": spec})
    yield
    for path in reversed(paths):
        cluster.api.delete(f"{path}/apitoken-mint")


def test_check_says_what_to_do_about_each_fault(
    plugin, namespace, shop, lenient_policy, cluster, tmp_path
):
    place = namespace.name
    renewed = {"holderIdentity": "gone", "renewTime": "2020-01-01T00:00:00.000000Z"}
    leases(cluster.api, place).create("apitoken-operator", renewed)
    namespace.secret("apitoken-operator-tls", note="no certificate")
    namespace.secret("taken", token="of somebody else")
    namespace.tokens.create("taken", {"user": "alice@example.com"})
    namespace.wait_condition("taken", "Ready", "False", "SecretConflict")

    def faults():
        done = plugin.run("check", "--operator-namespace", place)
        assert done.returncode == FAILED
        return dict(
            line.removeprefix("fault").strip().split(": ", 1)
            for line in done.stdout.splitlines()
            if line.startswith("fault")
        )

    found = faults()
    assert found["operator"] == (
        f"no replica leads; the Lease apitoken-operator in namespace {place} was last renewed "
        f"2020-01-01T00:00:00.000000Z: look at kubectl -n {place} get pods"
    )
    policy = found["mint policy"]
    assert "put Deny into spec.validationActions, as manifests/policy has it" in policy
    verification = "certificate of the verification endpoints"
    assert found[verification] == (
        f"Secret apitoken-operator-tls in namespace {place} has no certificate under key tls.crt; "
        "make it again, see docs/verify.md"
    )
    assert re.match("SecretConflict: .*taken", found["apitoken taken"])

    of_a_day = Authority(tmp_path / "ca").sign("verify", "server")[0]
    namespace.secrets.patch(
        "apitoken-operator-tls", {"data": {"tls.crt": base64.b64encode(of_a_day).decode()}}
    )
    assert re.fullmatch(
        f"ends {INSTANT}: renew the one in Secret apitoken-operator-tls of namespace {place}",
        faults()[verification],
    )


def test_check_tells_those_who_may_little_which_role_would_help(plugin, shop):
    said = " ".join(plugin.ok("check", "--as", "jane").split())
    assert "you may not: create apitokens (role apitoken-user), patch apitokens" in said
    assert "mint-permanent apitokens (role apitoken-minter)" in said


def test_version_as_a_flag(plugin):
    assert plugin.ok("--version").startswith("kubectl-apitoken ")
