"""kubectl apitoken: every command against the real API server and operator. Bad input gets one
clear line and the right exit code, and leaves nothing half done."""

import itertools
import json
import os
import re
import resource
import signal
import zlib

import pytest
import yaml

from testbed.certificates import Authority
from testbed.cluster import ROOT
from testbed.mail import Script, SilentServer
from testbed.plugin import PLUGIN, Plugin, in_namespace, is_plugin
from testbed.process import TOKEN_VALUE, free_port
from testbed.rbac import grant
from testbed.tokens import base62, hash_of, status_and_reason, well_formed
from testbed.waiting import SCALE, eventually, wait_for

FAILED, USAGE, NOT_FOUND, NOT_ALLOWED, UNREACHABLE, TIMED_OUT, NOT_VALID = range(1, 8)
INTERRUPTED = 130
WRITER = [
    {
        "apiGroups": ["apitoken.dev"],
        "resources": ["apitokens"],
        "verbs": ["get", "list", "create", "patch", "mint-permanent"],
    }
]
READER = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]


@pytest.fixture
def plugin_as(namespace, tmp_path):
    """plugin_as(user, rules): that user, with these permissions in the test's namespace."""

    def make(user, rules=(), *options):
        text = namespace.cluster.controlplane("kubeconfig", "--user", user, *options)
        name = re.sub("[^a-z]", "-", user)
        if rules:
            grant(namespace.cluster, user, rules, namespace.name)
        return Plugin(
            namespace.cluster,
            in_namespace(namespace.cluster, tmp_path / f"{name}.kubeconfig", namespace.name, text),
        )

    return make


# --- create ---------------------------------------------------------------------------------------


def test_create_shows_the_value_on_a_terminal(namespace, operator, plugin):
    screen = plugin.on_terminal(
        "create", "ci", "--user", "alice@example.com", "--ttl", "90d", "--keep"
    )
    assert screen.returncode == 0, screen.text
    lines = screen.text.split("\n")
    assert "apitoken.apitoken.dev/ci created" in screen.text
    value = next(line for line in lines if line.startswith("apt_"))
    assert well_formed(value) and value == namespace.value("ci")
    token = namespace.tokens.get("ci")
    assert token["spec"] == {"user": "alice@example.com", "ttl": "2160h"}
    assert [f["manager"] for f in token["metadata"]["managedFields"] if "subresource" not in f] == [
        "kubectl-apitoken"
    ]
    assert token["status"]["expiresAt"] in screen.text


def test_create_hides_the_value_from_pipes_unless_asked(namespace, operator, plugin):
    done = plugin.run("create", "a", "--user", "alice")
    assert done.stdout == "apitoken.apitoken.dev/a created\n"
    assert "--show-value" in done.stderr and "Secret a, key token" in done.stderr
    assert (
        plugin.ok("create", "b", "--user", "alice", "-o", "token", "--keep")
        == namespace.value("b") + "\n"
    )
    shown = plugin.ok(
        "create",
        "c",
        "--user",
        "alice",
        "--show-value",
        "--keep",
        "--secret-name",
        "other",
        "--key",
        "api-key",
    )
    assert shown.split("\n")[1] == namespace.value("other", "api-key")
    made = json.loads(plugin.ok("create", "d", "--user", "alice", "-o", "json"))
    assert (
        status_and_reason(made, "Ready") == ("True", "Issued")
        and "managedFields" not in made["metadata"]
    )
    assert not TOKEN_VALUE.search(json.dumps(made))
    assert plugin.ok("create", "e", "--user", "alice", "-o", "name") == "apitoken.apitoken.dev/e\n"


def test_create_sends_everything_that_the_flags_say(namespace, operator, plugin):
    plugin.ok(
        "create",
        "ci",
        "--user",
        "alice",
        "--type",
        "Temporary",
        "--ttl",
        "1h",
        "--description",
        "x: y",
        "--group",
        "a,b",
        "--group",
        "c",
        "--scope",
        "deploy:write",
        "--audience",
        "https://api.example.com",
        "--secret-name",
        "s",
        "--key",
        "k",
    )
    assert namespace.tokens.get("ci")["spec"] == {
        "user": "alice",
        "type": "Temporary",
        "ttl": "1h",
        "description": "x: y",
        "groups": ["a", "b", "c"],
        "scopes": ["deploy:write"],
        "audiences": ["https://api.example.com"],
        "secret": {"name": "s", "key": "k"},
    }
    assert well_formed(namespace.value("s", "k"))


def test_a_client_dry_run_prints_what_kubectl_can_apply(namespace, operator, plugin):
    flags = ["create", "ci", "--user", "alice", "--description", 'yes: "no"\n# 1', "--ttl", "30d"]
    manifest = plugin.ok(*flags, "--dry-run=client")
    assert namespace.tokens.list() == []
    namespace.cluster.kubectl("apply", "-f", "-", input=manifest)
    assert (
        namespace.ready("ci")["spec"]
        == yaml.safe_load(manifest)["spec"]
        == {"user": "alice", "description": 'yes: "no"\n# 1', "ttl": "720h"}
    )
    assert json.loads(plugin.ok(*flags, "--dry-run=client", "-o", "json")) == yaml.safe_load(
        manifest
    )


def test_a_server_dry_run_is_checked_by_the_server_and_creates_nothing(namespace, plugin):
    assert (
        plugin.ok("create", "ci", "--user", "alice", "--dry-run=server")
        == "apitoken.apitoken.dev/ci created (server dry run)\n"
    )
    assert namespace.tokens.list() == []


def test_create_without_waiting(namespace, plugin):
    assert (
        plugin.ok("create", "ci", "--user", "alice", "--wait=false")
        == "apitoken.apitoken.dev/ci created\n"
    )
    assert "status" not in namespace.tokens.get("ci")


def test_a_name_that_is_taken(namespace, operator, plugin):
    plugin.ok("create", "ci", "--user", "alice")
    before = namespace.tokens.get("ci")
    line = plugin.refused(FAILED, "create", "ci", "--user", "bob")
    assert f'apitoken "ci" already exists in namespace {namespace.name}' in line
    assert namespace.tokens.get("ci") == before


def test_wrong_values_are_named_and_nothing_is_sent(namespace, plugin):
    line = plugin.refused(FAILED, "create", "ci", "--user", "system:admin", "--ttl", "9000h")
    assert "spec.user" in line and "spec.ttl: 9000h" in line
    assert "--ttl" in plugin.refused(USAGE, "create", "ci", "--user", "alice", "--ttl", "soon")
    assert "--user" in plugin.refused(USAGE, "create", "ci")
    assert "metadata.name" in plugin.refused(FAILED, "create", "Ci", "--user", "alice")
    assert namespace.tokens.list() == []


def test_what_the_server_alone_refuses_comes_back_in_its_words(namespace, plugin):
    policy = {
        "metadata": {"name": namespace.name},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["apitoken.dev"],
                        "apiVersions": ["*"],
                        "operations": ["CREATE"],
                        "resources": ["apitokens"],
                    }
                ],
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": namespace.name}
                },
            },
            "validations": [{"expression": "false", "message": "no tokens on Fridays"}],
        },
    }
    base = "/apis/admissionregistration.k8s.io/v1"
    api = namespace.cluster.api
    api.create(f"{base}/validatingadmissionpolicies", policy)
    api.create(
        f"{base}/validatingadmissionpolicybindings",
        {
            "metadata": {"name": namespace.name},
            "spec": {"policyName": namespace.name, "validationActions": ["Deny"]},
        },
    )
    try:
        # The policy takes a few seconds to act; a server dry run asks it without making anything.
        eventually(
            lambda: plugin.refused(FAILED, "create", "ci", "--user", "alice", "--dry-run=server"),
            30,
        )
        assert "no tokens on Fridays" in plugin.refused(FAILED, "create", "ci", "--user", "alice")
        assert namespace.tokens.list() == []
    finally:
        api.delete(f"{base}/validatingadmissionpolicybindings/{namespace.name}")
        api.delete(f"{base}/validatingadmissionpolicies/{namespace.name}")


def test_a_namespace_that_is_not_there(plugin):
    line = plugin.refused(NOT_FOUND, "create", "ci", "--user", "alice", "-n", "nowhere")
    assert 'namespaces "nowhere" not found' in line and "kubectl get namespaces" in line


def test_a_foreign_secret_in_the_way_ends_the_waiting_at_once(namespace, operator, plugin):
    namespace.secret("ci", mine="x")
    line = plugin.refused(FAILED, "create", "ci", "--user", "alice", "--timeout", "600s")
    assert "SecretConflict" in line and "the ApiToken was deleted again" in line
    assert namespace.tokens.list() == [] and namespace.value("ci", "mine") == "x"


def test_a_user_who_may_not_delete_learns_what_stays(namespace, operator, plugin_as):
    namespace.secret("ci", mine="x")
    line = plugin_as("alice", WRITER).refused(FAILED, "create", "ci", "--user", "alice")
    assert (
        "SecretConflict" in line
        and "the ApiToken stays" in line
        and f"kubectl delete apitoken ci -n {namespace.name}" in line
    )
    assert status_and_reason(namespace.tokens.get("ci"), "Stalled") == ("True", "SecretConflict")


def test_without_an_operator_create_gives_up_in_time_and_says_what_stays(
    namespace, plugin, start_operator
):
    line = plugin.refused(TIMED_OUT, "create", "ci", "--user", "alice", "--timeout", "2s")
    assert (
        "is it running?" in line
        and f"Do its --namespaces include {namespace.name}?" in line
        and "the ApiToken stays" in line
        and f"kubectl apitoken describe ci -n {namespace.name}" in line
    )
    assert "is apitoken-operator running?" in plugin.ok("describe", "ci")
    start_operator()
    namespace.ready("ci")


def test_an_interrupt_ends_the_waiting_cleanly(namespace, plugin):
    process = plugin.start("create", "ci", "--user", "alice", "--timeout", "600s")
    # Said when the answer to its POST was read; before, the object may exist and the plugin, asked
    # to stop, rightly tells the user to look.
    assert process.stderr.readline().startswith("waiting: ")
    assert namespace.tokens.get("ci")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10 * SCALE)
    assert process.returncode == INTERRUPTED
    assert err.splitlines()[-1].startswith("error: interrupted; the ApiToken stays") and out == ""


def test_an_interrupt_ends_a_request_that_nobody_answers(plugin, tmp_path):
    silent = SilentServer()

    def change(config):
        config["clusters"][0]["cluster"]["server"] = f"https://{silent.server}"

    try:
        process = changed(plugin, tmp_path, change).start("list")
        wait_for(lambda: silent.connections, 20, "no connection")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10 * SCALE) == ("", "error: interrupted\n")
        assert process.returncode == INTERRUPTED
    finally:
        silent.stop()


def test_a_request_that_nobody_answers_ends_with_the_timeout(plugin, tmp_path):
    silent = SilentServer()

    def change(config):
        config["clusters"][0]["cluster"]["server"] = f"https://{silent.server}"

    try:
        away = changed(plugin, tmp_path, change)
        line = away.refused(UNREACHABLE, "create", "ci", "--user", "alice", "--timeout", "2s")
        assert (
            "no answer within 2000 ms" in line
            and "to see whether it was done: kubectl apitoken describe ci" in line
        )
        assert "whether" not in away.refused(UNREACHABLE, "login", "--timeout", "1s")
    finally:
        silent.stop()


def test_progress_moves_on_a_terminal_and_leaves_nothing_behind(plugin):
    screen = plugin.on_terminal("create", "ci", "--user", "alice", "--timeout", "5s")
    assert screen.returncode == TIMED_OUT
    assert "waiting 1s: asked apitoken-operator" in screen.text and "waiting 0s" not in screen.text
    assert not re.search("waiting [0-2]s: no answer", screen.text)
    assert re.search("waiting [345]s: no answer from apitoken-operator yet", screen.text)
    assert re.search("\r\x1b\\[Kerror: apitoken", screen.raw)


def test_output_that_cannot_be_written_is_an_error(namespace, operator, plugin):
    with open("/dev/full", "w", encoding="ascii") as full:
        for flags in (["-o", "token"], ["-o", "json"]):
            done = plugin.run("create", f"ci-{flags[1]}", "--user", "alice", *flags, stdout=full)
            assert done.returncode == FAILED and "standard output cannot be written" in done.stderr


# --- login ----------------------------------------------------------------------------------------


def test_login_gives_a_temporary_token_of_ones_own(namespace, operator, plugin_as):
    alice = plugin_as("alice@example.com", WRITER + READER)
    value = alice.ok("login", "--ttl", "1h", "-o", "token", "--keep").strip()
    (token,) = namespace.tokens.list()
    assert re.fullmatch("login-alice-[a-z0-9]{5}", token["metadata"]["name"])
    assert token["spec"] == {"user": "alice@example.com", "type": "Temporary", "ttl": "1h"}
    assert token["status"]["tokenHash"] == hash_of(value)


def test_login_of_a_name_of_kubernetes_is_refused_before_anything_is_made(namespace, plugin_as):
    line = plugin_as("system:robot", WRITER).refused(FAILED, "login")
    assert "you are system:robot" in line and "create" in line
    assert namespace.tokens.list() == []


# --- list and describe ----------------------------------------------------------------------------


def rows(text):
    return [line.split()[0] for line in text.splitlines()[1:]]


def test_list_shows_what_one_may_see_and_what_expires_first_on_top(namespace, operator, plugin_as):
    for name, user, ttl in (
        ("late", "alice", "8000h"),
        ("bobs", "bob", "100h"),
        ("soon", "alice", "200h"),
        ("sooner", "alice", "150h"),
    ):
        namespace.token(name, user=user, ttl=ttl)
    namespace.wait_all_ready(4)
    alice = plugin_as("alice", WRITER)
    assert rows(alice.ok("list")) == ["bobs", "sooner", "soon", "late"]
    assert [line.split()[:2] for line in alice.ok("list").splitlines()[1:3]] == [
        ["bobs", "bob"],
        ["sooner", "alice"],
    ]
    assert rows(alice.ok("list", "--mine")) == ["sooner", "soon", "late"]
    assert rows(alice.ok("list", "--all")) == rows(alice.ok("list"))
    assert rows(alice.ok("list", "--user", "bob")) == ["bobs"]
    assert rows(alice.ok("list", "--all", "--expiring-within", "7d")) == ["bobs", "sooner"]
    assert rows(alice.ok("list", "--mine", "--expiring-within", "150h")) == ["sooner"]
    assert alice.ok("list", "--mine", "-o", "name").split() == [
        f"apitoken.apitoken.dev/{n}" for n in ("sooner", "soon", "late")
    ]
    mine = json.loads(alice.ok("list", "--mine", "-o", "json"))["items"]
    assert [i["metadata"]["name"] for i in mine] == [
        "sooner",
        "soon",
        "late",
    ]
    assert yaml.safe_load(alice.ok("list", "--all", "-o", "yaml"))["kind"] == "List"
    heading = alice.ok("list", "-o", "wide").splitlines()[0]
    columns = "NAME USER TYPE READY REASON EXPIRES LEFT AGE TOKEN ID SECRET REVISION"
    assert " ".join(heading.split()) == columns


def test_list_over_all_namespaces(make_namespace, tmp_path):
    first, second = make_namespace(), make_namespace()
    plugin = Plugin(first.cluster, in_namespace(first.cluster, tmp_path / "kubeconfig", first.name))
    for namespace in (first, second):
        namespace.token("ci", user=first.name)
    lines = plugin.ok("list", "-A", "--user", first.name).splitlines()
    assert lines[0].split()[:2] == ["NAMESPACE", "NAME"]
    assert {line.split()[0] for line in lines[1:]} == {first.name, second.name}
    assert (
        plugin.ok("list", "-A", "-n", first.name, "--user", first.name, "-o", "name").count("/ci")
        == 2
    ), "-A wins, as with kubectl"
    assert plugin.ok("describe", *plugin.ok("list", "--all", "-o", "name").split()).startswith(
        "Name:           ci\n"
    )


def test_more_tokens_than_a_page(namespace, plugin):
    for number in range(510):
        namespace.token(f"t{number:03}")
    assert len(rows(plugin.ok("list", "--all"))) == 510


def test_nothing_to_list_is_no_error_but_is_said(namespace, plugin):
    done = plugin.run("list")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"in namespace {namespace.name}" in done.stderr and "-A lists" in done.stderr
    assert "--all lists" in plugin.run("list", "--mine").stderr
    assert json.loads(plugin.ok("list", "-o", "json"))["items"] == []
    done = plugin.run("list", "-n", "nosuch")
    assert (done.returncode, done.stdout) == (0, "") and "in namespace nosuch" in done.stderr


def test_a_terminal_gets_colours_unless_it_wants_none(namespace, operator, plugin):
    namespace.token("ci")
    namespace.ready("ci")
    green = "\x1b[32mTrue\x1b[0m"
    assert green in plugin.on_terminal("list", "--all").raw
    assert "\x1b[" not in plugin.on_terminal("list", "--all", env={"NO_COLOR": "1"}).raw
    assert "\x1b[" not in plugin.on_terminal("list", "--all", env={"TERM": "dumb"}).raw
    assert "\x1b[" not in plugin.ok("list", "--all")


def test_describe_shows_all_and_lets_no_text_drive_the_terminal(namespace, operator, plugin):
    namespace.token("ci", description="red\nalert", groups=["a", "b"])
    status = namespace.ready("ci")["status"]
    namespace.wait_event("ci", "Issued")
    text = plugin.ok("describe", "ci")
    for part in (
        "alice@example.com",
        "a, b",
        status["expiresAt"],
        status["tokenID"],
        "Secret:         ci, key token",
        "Ready",
        "Normal   Issued",
    ):
        assert part in text
    assert "\x1b" not in text and "red alert" in text
    assert yaml.safe_load(plugin.ok("describe", "ci", "-o", "yaml"))["metadata"]["name"] == "ci"


def test_describe_of_some_that_are_there_and_one_that_is_not(namespace, operator, plugin):
    namespace.token("ci")
    namespace.ready("ci")
    done = plugin.run("describe", "nope", "ci")
    assert done.returncode == NOT_FOUND and 'apitokens.apitoken.dev "nope" not found' in done.stderr
    assert "Name:           ci" in done.stdout


# --- rotate and revoke ----------------------------------------------------------------------------


def test_rotate_waits_for_a_new_value_each_time(namespace, operator, plugin):
    first = plugin.ok("create", "ci", "--user", "alice", "-o", "token", "--keep").strip()
    second = plugin.ok("rotate", "ci", "-o", "token").strip()
    third = plugin.ok("rotate", "ci", "-o", "token").strip()
    assert len({first, second, third}) == 3
    token = namespace.tokens.get("ci")
    assert token["status"]["tokenHash"] == hash_of(third) and token["status"]["revision"] == 3
    assert "the previous value" in plugin.ok("verify", input=second)
    assert plugin.run("verify", input=first).returncode == NOT_VALID
    done = plugin.run("rotate", "ci")
    assert done.stdout == "apitoken.apitoken.dev/ci rotated\n"


def test_rotate_renews_an_expired_token(namespace, operator, plugin):
    namespace.token("ci", ttl="10s")
    namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=30)
    assert "expires" in plugin.run("rotate", "ci").stderr
    assert status_and_reason(namespace.tokens.get("ci"), "Ready")[0] == "True"


def test_rotate_without_an_operator_says_that_the_request_stays(namespace, plugin, start_operator):
    namespace.token("ci")
    operator = start_operator()
    namespace.ready("ci")
    operator.stop()
    assert "the request stays" in plugin.refused(TIMED_OUT, "rotate", "ci", "--timeout", "1s")
    start_operator()
    wait_for(
        lambda: namespace.tokens.get("ci")["status"]["revision"] == 2,
        20,
        "the request was not served",
    )


def test_revoke_asks_on_a_terminal(namespace, operator, plugin):
    value = plugin.ok("create", "ci", "--user", "alice", "-o", "token")
    no = plugin.on_terminal("revoke", "ci", answer="n")
    assert (
        no.returncode == FAILED
        and "was not revoked" in no.text
        and f"{namespace.name}/ci of alice" in no.text
    )
    assert "valid: " in plugin.ok("verify", input=value)
    yes = plugin.on_terminal("revoke", "ci", answer="y")
    assert yes.returncode == 0 and "apitoken.apitoken.dev/ci revoked" in yes.text
    assert "tokenHash" not in namespace.tokens.get("ci")["status"]
    assert "none of" in plugin.run("verify", input=value).stdout


def test_revoke_without_a_terminal_wants_yes(namespace, operator, plugin):
    namespace.token("ci")
    namespace.ready("ci")
    assert "--yes" in plugin.refused(USAGE, "revoke", "ci")
    assert "revoked" not in namespace.tokens.get("ci")["spec"]
    assert plugin.ok("revoke", "ci", "--yes") == "apitoken.apitoken.dev/ci revoked\n"
    assert plugin.ok("revoke", "ci", "--yes") == "apitoken.apitoken.dev/ci was revoked before\n"
    described = plugin.ok("describe", "ci")
    assert re.search(r"Expires: .*\(revoked\)\n", described) and "Secret:" not in described
    assert "revoked for good" in plugin.refused(FAILED, "rotate", "ci")
    line = plugin.refused(NOT_FOUND, "revoke", "nope", "--yes")
    assert '"nope" not found' in line
    assert f"kubectl apitoken list --all -n {namespace.name}" in line


def test_revoke_without_an_operator_says_that_the_value_may_still_work(namespace, plugin):
    namespace.token("ci")
    assert "may work until the operator acts" in plugin.refused(
        TIMED_OUT, "revoke", "ci", "--yes", "--timeout", "1s"
    )
    assert namespace.tokens.get("ci")["spec"]["revoked"] is True
    assert "Revoked:        requested" in plugin.ok("describe", "ci")


# --- verify ---------------------------------------------------------------------------------------


def verdict(plugin, *args, input=""):
    done = plugin.run("verify", *args, input=input)
    assert done.returncode in (0, NOT_VALID), done.stderr
    assert done.stdout.startswith(
        "not valid: " if done.returncode else ("valid: ", "well-formed: ")
    ), done.stdout
    return done.stdout


def test_verify_separates_genuine_from_valid(namespace, operator, plugin):
    value = plugin.ok("create", "ci", "--user", "alice", "-o", "token").strip()
    assert f"valid: apitoken {namespace.name}/ci, user alice" in verdict(
        plugin, input=f"  {value}\n"
    )
    assert "valid: " in verdict(plugin, value)
    assert "checksum" in verdict(plugin, input=value[:-1] + ("a" if value[-1] != "a" else "b"))
    assert "well-formed" in verdict(plugin, "--offline", input=value)
    assert "begin with apt_" in verdict(plugin, input="ghp_123")
    assert "the token is empty" in verdict(plugin)
    namespace.tokens.delete("ci")
    assert "none of" in verdict(plugin, input=value)


def test_verify_knows_an_expired_token(namespace, operator, plugin):
    value = plugin.ok("create", "ci", "--user", "alice", "--ttl", "10s", "-o", "token")
    namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=30)
    assert "expired" in verdict(plugin, input=value)


def test_a_jwt_is_shown_and_looked_up_too(namespace, operator, plugin):
    value = plugin.ok(
        "create", "ci", "--user", "alice", "--type", "Temporary", "--format", "JWT", "-o", "token"
    ).strip()
    assert (
        value.count(".") == 2
        and hash_of(value) == namespace.tokens.get("ci")["status"]["tokenHash"]
    )
    assert f"valid: apitoken {namespace.name}/ci" in verdict(plugin, input=value)
    assert "form of a JWT" in verdict(plugin, "--offline", input=value)
    assert "none of" in verdict(plugin, input=value + "x")


def test_a_value_that_is_encrypted_for_somebody_is_not_shown(namespace, operator, plugin, tmp_path):
    namespace.token("ci", secret={"encryptTo": Authority(tmp_path).file.read_text()})
    namespace.ready("ci")
    assert "key token.cms" in plugin.ok("describe", "ci")
    screen = plugin.on_terminal("rotate", "ci")
    assert screen.returncode == 0 and "encrypted for its recipient" in screen.text
    done = plugin.run("rotate", "ci", "-o", "token")
    assert (done.returncode, done.stdout) == (
        FAILED,
        "",
    ) and "Secret ci, key token.cms" in done.stderr
    assert namespace.tokens.get("ci")["status"]["revision"] == 2, "it was not rotated for nothing"


def test_verify_offline_asks_nobody(plugin):
    assert (
        "well-formed"
        in plugin.run(
            "verify",
            "--offline",
            input="apt_" + "0" * 40 + base62(zlib.crc32(b"0" * 40), 6),
            env={"KUBECONFIG": "/nowhere"},
        ).stdout
    )


def test_verify_looks_as_far_as_the_user_may(namespace, operator, plugin_as):
    alice = plugin_as("alice", WRITER + READER)
    value = alice.ok("create", "ci", "--user", "alice", "--type", "Temporary", "-o", "token")
    done = alice.run("verify", input=value)
    assert done.returncode == 0 and f"only namespace {namespace.name}" in done.stderr
    assert "forbidden" in alice.refused(NOT_ALLOWED, "verify", "-A", input=value)
    assert "forbidden" in alice.refused(
        NOT_ALLOWED, "verify", "-A", "-n", namespace.name, input=value
    )


# --- lint, help, completion -----------------------------------------------------------------------


def test_test_mail_shows_the_servers_answer_for_each_address(
    namespace, operator, plugin, mail, scripted_mail
):
    works = namespace.config(
        "works", emails="platform@example.com; security@example.com", smtp=namespace.smtp(mail)
    )
    assert f"tokenexpiryconfig/{works}: the mail server accepted it for 2 recipients" in plugin.ok(
        "test-mail", works
    )
    assert len(mail.received()) == 1
    refusing = scripted_mail(
        Script(recipient=lambda address: "550 no such user" if address.startswith("gone") else None)
    )
    some = namespace.config(
        "some",
        emails="platform@example.com; gone@example.com",
        smtp={"server": refusing.server, "tls": "None", "from": "tokens@example.com"},
    )
    done = plugin.run("test-mail", f"tec/{some}")
    assert done.returncode == FAILED
    assert (
        "accepted it for 1 recipient\n" in done.stdout
        and "refused: gone@example.com: 550 no such user" in done.stdout
    )
    assert "refused 1 of 2" in done.stderr
    none = namespace.config("none", emails="platform@example.com")
    assert "spec.smtp is not set" in plugin.refused(FAILED, "test-mail", none)
    line = plugin.refused(NOT_FOUND, "test-mail", "nonsense")
    assert "not found" in line and "kubectl get tokenexpiryconfigs" in line


def test_test_mail_without_an_operator_says_that_the_request_stays(namespace, plugin):
    config = namespace.config(
        "mail",
        emails="platform@example.com",
        smtp={"server": "127.0.0.1:1", "tls": "None", "from": "tokens@example.com"},
    )
    assert "The request stays" in plugin.refused(TIMED_OUT, "test-mail", config, "--timeout", "1s")
    assert (
        plugin.ok("test-mail", config, "--wait=false")
        == f"test mail of tokenexpiryconfig/{config} requested\n"
    )


def test_lint_names_what_is_wrong_and_explains_the_rest(plugin, tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text((ROOT / "manifests/samples/apitoken-temporary.yaml").read_text())
    bad.write_text(
        "apiVersion: apitoken.dev/v1alpha1\nkind: ApiToken\nmetadata: {name: ci}\n"
        "spec: {user: a, tll: 3h, ttl: 3d}\n---\n"
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"
    )
    assert ": ok: a Temporary token for" in plugin.ok("lint", "-f", good)
    done = plugin.run("lint", "-f", good, "-f", bad)
    assert done.returncode == NOT_VALID
    assert (
        "did you mean ttl?" in done.stdout
        and '"3d" is not a duration' in done.stdout
        and "secret/x: not checked" in done.stdout
    )
    assert plugin.run("lint", "-f", "-", input=bad.read_text()).returncode == NOT_VALID
    assert "line" in plugin.refused(NOT_VALID, "lint", "-f", "-", input="a: [b\n")
    assert "no object of kind ApiToken" in plugin.refused(NOT_VALID, "lint", "-f", "-", input="")
    assert "/nowhere" in plugin.refused(FAILED, "lint", "-f", "/nowhere")


def test_lint_reads_of_a_directory_what_kubectl_would(plugin, tmp_path):
    token = (
        "apiVersion: apitoken.dev/v1alpha1\nkind: ApiToken\nmetadata: {name: %s}\nspec: {user: a}\n"
    )
    (tmp_path / "inner.yaml").mkdir()
    for name in ("b.yml", "a.yaml", "note.txt", "inner.yaml/deeper.yaml"):
        (tmp_path / name).write_text(token % name.split(".", maxsplit=1)[0])
    (tmp_path / "c.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(token % "c")]})
    )
    lines = plugin.ok("lint", "-f", tmp_path).splitlines()
    assert [line.split(":")[0].rsplit("/", maxsplit=1)[1] for line in lines] == [
        "a.yaml",
        "b.yml",
        "c.json",
    ]
    assert len(plugin.ok("lint", "-f", f"{tmp_path}/a.yaml,{tmp_path}/b.yml").splitlines()) == 2
    (tmp_path / "empty").mkdir()
    assert "empty holds no *.yaml, *.yml or *.json" in plugin.refused(
        NOT_VALID, "lint", "-f", tmp_path / "empty"
    )
    assert "No such file" in plugin.refused(FAILED, "lint", "-f", tmp_path / "nope")
    assert "larger than" in plugin.refused(FAILED, "lint", "-f", "/dev/zero")


def test_lint_answers_hostile_files_in_bounded_time_and_memory(plugin, tmp_path):
    """tests/unit/kube/yaml_document_test.cpp tests the limits."""
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in range(1, 10):
        laughs += f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n"
    for name, text, answer in (
        ("comma", ",", "line 1"),
        ("deep", "[" * 100_000, "line 1: nested deeper"),
        ("laughs", laughs, "line 6: more nodes"),
        ("self", "a: &a\n- *a\n", "line 2"),
        ("key", "kind: ApiToken\n? " + "k" * 2_000_000 + "\n: 1\n", ""),
    ):
        file = tmp_path / f"{name}.yaml"
        file.write_text(text)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        for given in (("-f", file), ("-f", "-"), ("-f", tmp_path)):
            done = plugin.run("lint", *given, input=text if given[1] == "-" else "")
            assert done.returncode == NOT_VALID, f"{name}: {done.stderr}"
            assert answer in done.stderr and (
                not answer or ("standard input" if given[1] == "-" else str(file)) in done.stderr
            ), done.stderr
        assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 30 * SCALE, name
        file.unlink()
    (tmp_path / "hostile").write_text(",")
    done = plugin.run("list", "--kubeconfig", tmp_path / "hostile")
    assert done.returncode == UNREACHABLE and f"{tmp_path}/hostile: no YAML, line 1" in done.stderr


def test_the_first_signal_ends_lint_for_every_input(plugin, tmp_path):
    os.mkfifo(tmp_path / "silent.yaml")  # opening it waits for a writer, who never comes
    large = tmp_path / "large.yaml"
    large.write_text("w " * 4_000_000)
    for file in (tmp_path / "silent.yaml", large):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = plugin.start("lint", "-f", file)
            wait_for(lambda pid=process.pid: is_plugin(pid), 20, "lint has not begun")
            process.send_signal(number)
            assert process.wait(2 * SCALE) in (
                INTERRUPTED,
                -number,
            )  # the latter before it looks after signals


def test_lint_takes_no_misspelt_kind_of_its_group_for_a_foreign_one(plugin, tmp_path):
    manifest = {
        "apiVersion": "apitoken.dev/v1alpha1",
        "kind": "ApiTokn",
        "metadata": {"name": "ci"},
        "spec": {"user": "a"},
    }
    good = (ROOT / "manifests/samples/apitoken-temporary.yaml").read_text()
    done = plugin.run("lint", "-f", "-", input=f"{json.dumps(manifest)}\n---\n{good}")
    assert done.returncode == NOT_VALID and "did you mean ApiToken?" in done.stdout


def test_lint_agrees_with_the_server(namespace, plugin):
    """The API server refuses each spec that lint calls wrong, and no other."""
    for spec in (
        {"user": "a"},
        {"user": ""},
        {"user": "system:x"},
        {"user": "a", "ttl": "5s"},
        {"user": "a", "ttl": "1h30m"},
        {"user": "a", "type": "Temp"},
        {"user": "a", "secret": {"key": ".."}},
        {"user": "a", "groups": ["system:masters"]},
        {"user": "a", "format": "JWT"},
        {"user": "a", "rotation": {"policy": "Sometimes"}},
        {"user": 5},
        {"user": "a", "nonsense": 1},
        {"user": "a", "type": "Temporary", "ttl": "25h"},
        {"user": "a", "secret": {"labels": {"a b": "c"}}},
    ):
        manifest = {
            "apiVersion": "apitoken.dev/v1alpha1",
            "kind": "ApiToken",
            "metadata": {"name": "ci", "namespace": namespace.name},
            "spec": spec,
        }
        server = namespace.cluster.kubectl(
            "create",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
            input=json.dumps(manifest),
            check=False,
        )
        linted = plugin.run("lint", "-f", "-", input=json.dumps(manifest))
        assert (linted.returncode == 0) == (server.returncode == 0), (
            f"{spec}\n{linted.stdout}\n{server.stderr}"
        )


def test_help_version_and_usage(plugin):
    assert "Exit codes:" in plugin.ok("help") and "Exit codes:" in plugin.ok()
    assert "--expiring-within" in plugin.ok("list", "--help") == plugin.ok("help", "list")
    assert re.fullmatch(r"kubectl-apitoken \d+\.\d+\.\d+\n", plugin.ok("version"))
    assert "did you mean list?" in plugin.refused(USAGE, "lst")
    assert "did you mean --context?" in plugin.refused(USAGE, "list", "--contxt", "x")
    assert "does not go with" in plugin.refused(USAGE, "describe", "ci", "-A")
    assert plugin.run("version", program=[str(PLUGIN)]).returncode == 0


def test_kubectl_completes_through_the_plugin(namespace, plugin):
    namespace.token("ci-deploy")
    assert "rotate\t" in plugin.run("apitoken", "ro", program=["kubectl", "__complete"]).stdout
    assert (
        "ci-deploy\n"
        in plugin.run("apitoken", "describe", "ci", program=["kubectl", "__complete"]).stdout
    )


def test_the_bash_script_completes(namespace, plugin, tmp_path):
    namespace.token("ci-deploy")
    script = tmp_path / "completion"
    script.write_text(plugin.ok("completion", "bash"))
    for words, expected in (
        (["rev"], "revoke"),
        (["revoke", "ci"], "ci-deploy"),
        (["create", "x", "--type", "T"], "Temporary"),
    ):
        line = " ".join(f"'{w}'" for w in words)
        shell = (
            f"source {script}; COMP_WORDS=(kubectl-apitoken {line}); COMP_CWORD={len(words)}; "
            '_kubectl_apitoken; echo "${COMPREPLY[@]}"'
        )
        assert plugin.run("-c", shell, program=["bash"]).stdout == expected + "\n"
    assert "fish" in plugin.refused(USAGE, "completion", "tcsh")


# --- no permissions, no cluster, no operator ------------------------------------------------------


def test_missing_permissions_are_named_and_nothing_is_created(namespace, operator, plugin_as):
    bob = plugin_as("bob")
    for args in (
        ["create", "ci", "--user", "bob"],
        ["login"],
        ["list"],
        ["describe", "ci"],
        ["rotate", "ci"],
        ["revoke", "ci", "--yes"],
    ):
        line = bob.refused(NOT_ALLOWED, *args)
        assert "bob" in line and "forbidden" in line and namespace.name in line
    assert namespace.tokens.list() == []


def test_who_may_not_read_the_value_is_refused_before_anything_is_made(
    namespace, operator, plugin_as
):
    alice = plugin_as("alice", WRITER)
    for args in (
        ["create", "ci", "--user", "alice", "-o", "token"],
        ["create", "ci", "--user", "alice", "--show-value"],
        ["login", "-o", "token"],
    ):
        line = alice.refused(NOT_ALLOWED, *args, "--keep")
        assert (
            "may not read Secret" in line
            and namespace.name in line
            and "leave out --keep" in line
            and "--show-value=false" in line
        )
    assert alice.on_terminal("create", "ci", "--user", "alice", "--keep").returncode == NOT_ALLOWED
    assert namespace.tokens.list() == []
    screen = alice.on_terminal(
        "create", "ci", "--user", "alice", "--secret-name", "s", "--show-value=false"
    )
    assert (
        screen.returncode == 0
        and "Secret s, key token" in screen.text
        and "apt_" not in screen.text
    )
    assert "may not read Secret s " in alice.refused(NOT_ALLOWED, "rotate", "ci", "-o", "token")
    assert namespace.tokens.get("ci")["status"]["revision"] == 1
    assert alice.ok("rotate", "ci") == "apitoken.apitoken.dev/ci rotated\n"


def test_a_user_who_may_create_but_not_read_learns_that_the_token_stays(
    namespace, operator, plugin_as
):
    line = plugin_as("alice", [{**WRITER[0], "verbs": ["create", "mint-permanent"]}]).refused(
        NOT_ALLOWED, "create", "ci", "--user", "alice"
    )
    assert "forbidden" in line and "the ApiToken stays" in line
    namespace.ready("ci")


def test_a_permission_on_the_one_secret_suffices(namespace, operator, plugin_as):
    alice = plugin_as("alice", [*WRITER, {**READER[0], "resourceNames": ["ci"]}])
    assert (
        alice.ok("create", "ci", "--user", "alice", "-o", "token", "--keep")
        == namespace.value("ci") + "\n"
    )
    alice.refused(NOT_ALLOWED, "create", "other", "--user", "alice", "-o", "token", "--keep")


def test_an_expired_certificate_is_recognised(plugin_as):
    line = plugin_as("bob", (), "--expired").refused(NOT_ALLOWED, "list")
    assert re.search(r"client certificate of the kubeconfig expired at \d{4}-\d\d-\d\dT", line)


def changed(plugin, tmp_path, change):
    path = plugin.cluster.changed_kubeconfig(tmp_path / "changed", change)
    return Plugin(plugin.cluster, path)


def test_credentials_that_are_not_accepted(plugin, tmp_path):
    def change(config):
        config["users"][0]["user"] = {"token": "stale"}

    assert "401 Unauthorized" in changed(plugin, tmp_path, change).refused(NOT_ALLOWED, "list")


def test_a_cluster_that_cannot_be_reached(plugin, tmp_path):
    port = free_port()

    def change(config):
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"

    away = changed(plugin, tmp_path, change)
    for args in (["list"], ["create", "ci", "--user", "a"], ["revoke", "ci", "--yes"]):
        line = away.refused(UNREACHABLE, *args)
        assert "the cluster cannot be reached" in line and str(port) in line


def test_a_server_that_is_not_the_one_of_the_kubeconfig(plugin, tmp_path):
    def change(config):
        config["clusters"][0]["cluster"]["tls-server-name"] = "elsewhere.example.com"

    assert "certificate was refused" in changed(plugin, tmp_path, change).refused(
        UNREACHABLE, "list"
    )


def test_kubeconfigs_that_cannot_be_used(namespace, plugin, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("a: [b\n")
    assert "no YAML" in plugin.refused(UNREACHABLE, "list", "--kubeconfig", broken)
    assert "/nowhere does not exist" in plugin.refused(
        UNREACHABLE, "list", "--kubeconfig", "/nowhere"
    )
    assert 'names the context "nope"' in plugin.refused(UNREACHABLE, "list", "--context", "nope")
    assert "no credentials" in plugin.refused(
        UNREACHABLE, "list", env={"KUBECONFIG": "", "HOME": str(tmp_path)}
    )


def test_context_and_namespace_come_from_where_kubectl_takes_them(
    namespace, make_namespace, plugin, tmp_path
):
    other = make_namespace()
    other.token("ci", user="x")

    def change(config):
        config["contexts"].append(
            {
                "name": "other",
                "context": {**config["contexts"][0]["context"], "namespace": other.name},
            }
        )

    both = changed(plugin, tmp_path, change)
    assert rows(both.ok("list", "--all", "--context", "other")) == ["ci"]
    assert rows(plugin.ok("list", "--all", "-n", other.name)) == ["ci"]
    assert plugin.ok("list", "--all") == ""
    namespace.token("mine", user="x")
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(plugin.kubeconfig.read_text())
    assert rows(plugin.ok("list", "--all", env={"KUBECONFIG": "", "HOME": str(tmp_path)})) == [
        "mine"
    ]


@pytest.fixture
def other_crd(cluster):
    """other_crd(None) removes ApiTokens from the cluster; other_crd(change) serves them with a
    changed schema."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    served = "/apis/apitoken.dev/v1alpha1/apitokens"

    def become(change):
        if change is None:
            cluster.api.delete(f"{path}/apitokens.apitoken.dev")
            wait_for(lambda: cluster.api.get(served) is None, 60, "ApiTokens are still served")
            return
        crd = yaml.safe_load((ROOT / "crds/apitokens.yaml").read_text())
        change(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"])
        cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump(crd))

    yield become
    cluster.apply_crds()


def test_a_cluster_without_the_operators_crds(other_crd, plugin):
    other_crd(None)
    for args in (
        ["list"],
        ["create", "ci", "--user", "a"],
        ["describe", "ci"],
        ["rotate", "ci"],
        ["revoke", "ci", "--yes"],
    ):
        assert "install apitoken-operator" in plugin.refused(NOT_FOUND, *args)


def test_an_older_operator_that_does_not_know_a_field(other_crd, namespace, plugin):
    other_crd(lambda properties: properties["spec"]["properties"].pop("scopes"))
    refused = eventually(
        lambda: plugin.refused(
            FAILED, "create", "ci", "--user", "a", "--scope", "x", "--dry-run=server"
        ),
        30,
    )
    assert "does not know spec.scopes" in refused and "upgrade" in refused
    assert "does not know spec.scopes" in plugin.refused(
        FAILED, "create", "ci", "--user", "a", "--scope", "x"
    )
    assert namespace.tokens.list() == []


def test_an_older_cluster_that_accepts_no_jwk_is_recognised(other_crd, namespace, plugin):
    def change(properties):
        field = properties["spec"]["properties"]["secret"]["properties"]["encryptTo"]
        field["x-kubernetes-validations"] = [
            {
                "rule": "self.contains('-----BEGIN CERTIFICATE-----')",
                "message": "spec.secret.encryptTo must be PEM",
            }
        ]

    other_crd(change)
    create = ["create", "ci", "--user", "a", "--show-value"]
    line = eventually(lambda: plugin.refused(FAILED, *create, "--dry-run=server"), 30)
    assert (
        "spec.secret.encryptTo must be PEM" in line
        and "upgrade apitoken-operator" in line
        and "--keep" in line
    )
    assert "upgrade apitoken-operator" in plugin.refused(FAILED, *create)
    assert plugin.ok(*create, "--keep", "--dry-run=server")
    assert namespace.tokens.list() == []


def test_an_older_cluster_that_shows_no_encrypted_value_keeps_no_token_that_nobody_can_open(
    other_crd, namespace, operator, plugin
):
    other_crd(lambda properties: properties["status"]["properties"].pop("encryptedValue"))

    names = (f"ci-{number}" for number in itertools.count())

    def refused():  # once the changed schema is in force
        name = next(names)
        return name, plugin.refused(FAILED, "create", name, "--user", "a", "-o", "token")

    name, line = eventually(refused, 30)
    assert (
        "status.encryptedValue" in line and "upgrade apitoken-operator" in line and "--keep" in line
    )
    assert "the ApiToken was deleted again" in line and namespace.tokens.get(name) is None
