"""Mail settings before any mail is due: which server gets a login, which settings cannot work,
which users get no mail, and the test mail."""

import datetime
import time

import pytest

from testbed.mail import LOGIN, HostileServer, Script, SilentServer, part
from testbed.tokens import condition, encoded, status_and_reason
from testbed.waiting import let_pass, wait_for

TEST_MAIL = "apitoken.dev/test-mail-requested-at"


@pytest.fixture
def hostile():
    server = HostileServer()
    yield server
    server.stop()


def message(config, kind="EmailDelivery"):
    return condition(config, kind)["message"]


# --- the login goes to its own server -------------------------------------------------------------


@pytest.mark.parametrize("bound", ["smtp.example.com:587", "127.0.0.1:1", "not a server"])
def test_a_login_reaches_no_server_but_its_own(namespace, operator, hostile, bound):
    """An account without permission on Secrets points the settings at a host of its own."""
    namespace.login(bound)
    config = namespace.mails_through(hostile.server, login=True)
    found = namespace.wait_config(
        config, lambda c: status_and_reason(c, "Ready") == ("False", "InvalidSpec")
    )
    assert "key server" in message(found, "Ready") and "smtp" in message(found, "Ready")
    assert status_and_reason(found, "EmailDelivery")[0] == "False"
    namespace.token("ci", ttl="720h1s")
    namespace.wait_config(config, lambda c: c["status"].get("pendingNotices") == 1)
    let_pass(2)
    assert hostile.connections == 0 and hostile.heard == b""
    namespace.secrets.patch(
        "smtp", {"data": {"server": encoded(hostile.server)}}
    )  # an account that may write the Secret says so
    wait_for(lambda: b"AUTH" in hostile.heard, 15, "the login of that very server is not used")
    namespace.wait_config(config, lambda c: status_and_reason(c, "Ready") == ("True", "Accepted"))


@pytest.mark.parametrize("key", ["username", "password", "server"])
def test_a_key_that_is_missing_is_said_before_any_mail(namespace, operator, hostile, key):
    values = {"username": LOGIN[0], "password": LOGIN[1], "server": hostile.server}
    del values[key]
    namespace.secret("smtp", **values)
    config = namespace.mails_through(hostile.server, login=True, digest=None)
    namespace.wait_config(
        config,
        lambda c: (
            status_and_reason(c, "Ready") == ("False", "SecretNotFound")
            and f"has no key {key}" in message(c, "Ready")
        ),
    )
    assert hostile.connections == 0


def test_without_tls_a_login_leaves_the_machine_never(namespace, operator):
    for server in ("10.0.0.1:25", "mail.infra.svc:25"):
        with pytest.raises(Exception, match="a login goes without TLS to a loopback address only"):
            namespace.mails_through(server, login=True, emails="a@example.com", digest=None)


def test_line_ends_of_files_are_no_part_of_a_login(namespace, operator, scripted_mail):
    script = Script(login=LOGIN)
    server = scripted_mail(script)
    namespace.secret(
        "smtp", username=LOGIN[0] + "\n", password=LOGIN[1] + "\r\n", server=server.server + "\n"
    )
    namespace.mails_through(server.server, login=True)
    namespace.token("ci", ttl="720h1s")
    wait_for(lambda: script.accepted, 20, "no mail")


# --- what cannot work is said at once -------------------------------------------------------------


def test_a_wrong_password_is_said_at_once_and_not_tried_over_and_over(
    namespace, operator, scripted_mail
):
    script = Script(login=("tokens", "another-password"))
    server = scripted_mail(script)
    namespace.login(server.server)
    config = namespace.mails_through(server.server, login=True, digest=None)
    found = namespace.wait_config(
        config, lambda c: status_and_reason(c, "EmailDelivery") == ("False", "DeliveryFailed")
    )
    for words in (server.server, "AUTH", "535", "credentialsSecret"):
        assert words in message(found)
    assert LOGIN[1] not in str(found) and LOGIN[1] not in operator.log()
    let_pass(3)
    assert script.logins == 1 and not script.attempts
    script.login = LOGIN
    namespace.secrets.patch("smtp", {"metadata": {"annotations": {"touched": "yes"}}})
    found = namespace.wait_config(
        config, lambda c: status_and_reason(c, "EmailDelivery") == ("Unknown", "NothingSent")
    )
    assert "accepts the login" in message(found)
    assert script.logins == 2 and not script.attempts


def test_mail_without_a_server_is_no_server(namespace, operator, mail):
    config = namespace.config("mail", emails="platform@example.com")
    found = namespace.wait_config(
        config, lambda c: status_and_reason(c, "EmailDelivery") == ("False", "NoServer")
    )
    assert status_and_reason(found, "Ready") == ("True", "Accepted")
    wait_for(lambda: namespace.config_events(config, "NoticeFailed"), 10, "no Event")
    namespace.configs.patch(config, {"spec": {"smtp": namespace.smtp(mail)}})
    namespace.wait_config(
        config, lambda c: status_and_reason(c, "EmailDelivery") == ("Unknown", "NothingSent")
    )
    namespace.configs.patch(config, {"spec": {"emails": None}})
    namespace.wait_config(config, lambda c: not condition(c, "EmailDelivery"))


def test_the_port_that_speaks_starttls_is_named(namespace, operator, mail):
    config = namespace.config(
        "mail", emails="platform@example.com", smtp=namespace.smtp(mail, tls="Implicit")
    )
    found = namespace.wait_config(
        config, lambda c: status_and_reason(c, "EmailDelivery")[0] == "False"
    )
    assert "set spec.smtp.tls: StartTLS" in message(found)


def test_commas_between_addresses_are_named(namespace, operator):
    config = namespace.config("mail", emails="a@example.com, b@example.com")
    found = namespace.wait_config(
        config, lambda c: status_and_reason(c, "Ready") == ("False", "InvalidAddress")
    )
    assert "semicolons" in message(found, "Ready")


# --- whom emailTokenUser writes to ----------------------------------------------------------------


def test_users_get_mail_in_the_named_domains_alone_and_the_others_are_counted(
    namespace, operator, mail
):
    config = namespace.config(
        "mail",
        emails="platform@example.com",
        emailTokenUser=True,
        emailDomains=["example.com"],
        emailUserPrefix="oidc:",
        digest="2s",
        smtp=namespace.smtp(mail, **{"from": "tokens@platform.example"}),
    )
    users = {
        "plain": "alice@example.com",
        "prefixed": "oidc:bob@example.com",
        "stranger": "eve@evil.example",
        "subdomain": "eve@sub.example.com",
        "iam": "IAM#alice@example.com",
        "machine": f"robot:{namespace.name}:ci",
    }
    for name, user in users.items():
        namespace.token(name, user=user, ttl="720h1s", description="words of a tenant")
    text_by_recipient = {}
    for received in wait_for(
        lambda: len(mail.received()) >= 3 and mail.received(), 30, lambda: str(mail.received())
    ):
        text_by_recipient[tuple(received.recipients)] = part(received, "plain") + part(
            received, "html"
        )
    assert set(text_by_recipient) == {
        ("platform@example.com",),
        ("alice@example.com",),
        ("bob@example.com",),
    }
    assert all(name in text_by_recipient[("platform@example.com",)] for name in users)
    assert "words of a tenant" in text_by_recipient[("platform@example.com",)]
    assert (
        "words of a tenant"
        not in text_by_recipient[("alice@example.com",)] + text_by_recipient[("bob@example.com",)]
    )
    found = namespace.wait_config(
        config, lambda c: (c["status"].get("skippedUsers") or {}).get("count") == 4
    )
    assert set(found["status"]["skippedUsers"]["names"]) == {
        users[n] for n in ("stranger", "subdomain", "iam", "machine")
    }
    assert "4 users" in message(found) and "eve@evil.example" in message(found)
    let_pass(2)
    assert len(mail.received()) == 3


def test_the_senders_domain_is_the_default(namespace, operator, mail):
    config = namespace.config("mail", emailTokenUser=True, digest="0s", smtp=namespace.smtp(mail))
    namespace.token("ours", user="alice@example.com", ttl="720h1s")
    namespace.token("theirs", user="bob@example.org", ttl="720h1s")
    (received,) = mail.wait_mail()
    assert received.recipients == ["alice@example.com"]
    namespace.wait_config(
        config,
        lambda c: c["status"].get("skippedUsers") == {"count": 1, "names": ["bob@example.org"]},
    )


# --- the test mail --------------------------------------------------------------------------------


def ask(namespace, config, seconds=0):
    when = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    namespace.configs.patch(config, {"metadata": {"annotations": {TEST_MAIL: when}}})
    return when


def answer(namespace, config, asked, timeout=30):
    found = namespace.wait_config(
        config,
        lambda c: (c.get("status", {}).get("testMail") or {}).get("requestedAt") == asked,
        timeout,
    )
    return found["status"]["testMail"]


def test_a_test_mail_arrives_and_its_answer_stands_in_status(namespace, operator, mail):
    config = namespace.config(
        "mail", emails="platform@example.com; security@example.com", smtp=namespace.smtp(mail)
    )
    asked = ask(namespace, config)
    found = answer(namespace, config, asked)
    assert (
        found["accepted"] == 2
        and not found.get("refused")
        and not found.get("error")
        and found["at"]
    )
    (received,) = mail.wait_mail()
    assert received.recipients == ["platform@example.com", "security@example.com"]
    assert config in received["Subject"] and "Nothing has to be done" in received.get_content()
    ask(namespace, config, 1)  # at most one a minute
    let_pass(3)
    assert len(mail.received()) == 1


def test_the_servers_answer_for_each_address_is_shown(namespace, operator, scripted_mail):
    server = scripted_mail(
        Script(
            recipient=lambda address: (
                "550 5.1.1 no such user" if address.startswith("gone") else None
            )
        )
    )
    config = namespace.mails_through(
        server.server, emails="platform@example.com; gone@example.com", digest=None
    )
    found = answer(namespace, config, ask(namespace, config))
    assert found["accepted"] == 1
    assert found["refused"] == [{"address": "gone@example.com", "reason": "550 5.1.1 no such user"}]


def test_a_test_mail_that_cannot_go_is_answered_within_thirty_seconds(
    namespace, operator, scripted_mail
):
    silent = SilentServer()
    script = Script(login=("tokens", "another-password"))
    refusing = scripted_mail(script)
    namespace.login(refusing.server)
    configs = {
        "hangs": (
            namespace.mails_through(silent.server, "hangs", emails="a@example.com", digest=None),
            "no greeting",
        ),
        "down": (
            namespace.mails_through("127.0.0.1:1", "down", emails="a@example.com", digest=None),
            "cannot be reached",
        ),
        "login": (
            namespace.mails_through(
                refusing.server, "login", login=True, emails="a@example.com", digest=None
            ),
            "authentication refused",
        ),
        "nobody": (
            namespace.mails_through(refusing.server, "nobody", emails="nobody", digest=None),
            "no valid address",
        ),
        "server": (namespace.config("server", emails="a@example.com"), "spec.smtp is not set"),
    }
    started = time.monotonic()
    asked = {name: ask(namespace, config) for name, (config, _) in configs.items()}
    for name, (config, words) in configs.items():
        found = answer(namespace, config, asked[name], 35)
        assert words in found["error"] and found["accepted"] == 0, (name, found)
    assert time.monotonic() - started < 30
    silent.stop()
    namespace.configs.patch(
        configs["server"][0], {"metadata": {"annotations": {TEST_MAIL: "soon"}}}
    )
    assert "not an RFC 3339 time" in answer(namespace, configs["server"][0], "soon")["error"]


def test_a_server_that_hangs_delays_its_own_config_alone(namespace, operator, mail):
    silent = SilentServer()
    namespace.mails_through(silent.server, "hangs")
    namespace.token("first", ttl="720h1s")
    wait_for(lambda: silent.connections, 20, "nobody connected")
    namespace.config("works", emails="platform@example.com", digest="0s", smtp=namespace.smtp(mail))
    mail.wait_mail(timeout=10)
    silent.stop()
