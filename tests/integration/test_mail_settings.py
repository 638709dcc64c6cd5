"""Mail settings before any mail is due: to whom a login goes, what cannot work, whom nobody writes to, and the test mail."""

import datetime
import time

import pytest

from bed.mail import LOGIN, HostileServer, Script, SilentServer, part
from bed.tokens import condition, encoded, stands
from bed.waiting import let_pass, wait_for

PLAIN = {"tls": "None", "from": "tokens@example.com"}
TEST_MAIL = "apitoken.dev/test-mail-requested-at"


@pytest.fixture
def hostile():
    server = HostileServer()
    yield server
    server.stop()


def message(config, kind="EmailDelivery"):
    return condition(config, kind)["message"]


# --- the login goes to its own server -----------------------------------------------------------------------------


@pytest.mark.parametrize("bound", ["smtp.example.com:587", "127.0.0.1:1", "not a server"])
def test_a_login_reaches_no_server_but_its_own(space, operator, hostile, bound):
    """Whoever writes settings without a right on Secrets points them at a host of their own."""
    space.login(bound)
    config = space.config(
        "mail",
        emails="platform@example.com",
        digest="0s",
        smtp={"server": hostile.server, "credentialsSecret": "smtp", **PLAIN},
    )
    found = space.wait_config(config, lambda c: stands(c, "Ready") == ("False", "InvalidSpec"))
    assert "key server" in message(found, "Ready") and "smtp" in message(found, "Ready")
    assert stands(found, "EmailDelivery")[0] == "False"
    space.token("ci", ttl="720h1s")
    space.wait_config(config, lambda c: c["status"].get("pendingNotices") == 1)
    let_pass(2)
    assert hostile.connections == 0 and hostile.heard == b""
    space.secrets.patch(
        "smtp", {"data": {"server": encoded(hostile.server)}}
    )  # whoever may write the Secret says so
    wait_for(lambda: b"AUTH" in hostile.heard, 15, "the login of that very server is not used")
    space.wait_config(config, lambda c: stands(c, "Ready") == ("True", "Accepted"))


@pytest.mark.parametrize("key", ["username", "password", "server"])
def test_a_key_that_is_missing_is_said_before_any_mail(space, operator, hostile, key):
    values = {"username": LOGIN[0], "password": LOGIN[1], "server": hostile.server}
    del values[key]
    space.secret("smtp", **values)
    config = space.config(
        "mail",
        emails="platform@example.com",
        smtp={"server": hostile.server, "credentialsSecret": "smtp", **PLAIN},
    )
    space.wait_config(
        config,
        lambda c: (
            stands(c, "Ready") == ("False", "SecretNotFound")
            and f"has no key {key}" in message(c, "Ready")
        ),
    )
    assert hostile.connections == 0


def test_without_tls_a_login_leaves_the_machine_never(space, operator):
    for server in ("10.0.0.1:25", "mail.infra.svc:25"):
        with pytest.raises(Exception, match="a login goes without TLS to a loopback address only"):
            space.config(
                "mail",
                emails="a@example.com",
                smtp={"server": server, "credentialsSecret": "smtp", **PLAIN},
            )


def test_line_ends_of_files_are_no_part_of_a_login(space, operator, scripted_mail):
    script = Script(login=LOGIN)
    server = scripted_mail(script)
    space.secret(
        "smtp", username=LOGIN[0] + "\n", password=LOGIN[1] + "\r\n", server=server.server + "\n"
    )
    space.config(
        "mail",
        emails="platform@example.com",
        digest="0s",
        smtp={"server": server.server, "credentialsSecret": "smtp", **PLAIN},
    )
    space.token("ci", ttl="720h1s")
    wait_for(lambda: script.accepted, 20, "no mail")


# --- what cannot work is said at once -----------------------------------------------------------------------------


def test_a_wrong_password_is_said_at_once_and_not_tried_over_and_over(
    space, operator, scripted_mail
):
    script = Script(login=("tokens", "another-password"))
    server = scripted_mail(script)
    space.login(server.server)
    config = space.config(
        "mail",
        emails="platform@example.com",
        smtp={"server": server.server, "credentialsSecret": "smtp", **PLAIN},
    )
    found = space.wait_config(
        config, lambda c: stands(c, "EmailDelivery") == ("False", "DeliveryFailed")
    )
    for words in (server.server, "AUTH", "535", "credentialsSecret"):
        assert words in message(found)
    assert LOGIN[1] not in str(found) and LOGIN[1] not in operator.log()
    let_pass(3)
    assert script.logins == 1 and not script.attempts
    script.login = LOGIN
    space.secrets.patch("smtp", {"metadata": {"annotations": {"touched": "yes"}}})
    found = space.wait_config(
        config, lambda c: stands(c, "EmailDelivery") == ("Unknown", "NothingSent")
    )
    assert "takes the login" in message(found)
    assert script.logins == 2 and not script.attempts


def test_mail_without_a_server_is_no_server(space, operator, mail):
    config = space.config("mail", emails="platform@example.com")
    found = space.wait_config(config, lambda c: stands(c, "EmailDelivery") == ("False", "NoServer"))
    assert stands(found, "Ready") == ("True", "Accepted")
    wait_for(lambda: space.config_events(config, "NoticeFailed"), 10, "no Event")
    space.configs.patch(config, {"spec": {"smtp": space.smtp(mail)}})
    space.wait_config(config, lambda c: stands(c, "EmailDelivery") == ("Unknown", "NothingSent"))
    space.configs.patch(config, {"spec": {"emails": None}})
    space.wait_config(config, lambda c: not condition(c, "EmailDelivery"))


def test_the_port_that_speaks_starttls_is_named(space, operator, mail):
    config = space.config(
        "mail", emails="platform@example.com", smtp=space.smtp(mail, tls="Implicit")
    )
    found = space.wait_config(config, lambda c: stands(c, "EmailDelivery")[0] == "False")
    assert "set spec.smtp.tls: StartTLS" in message(found)


def test_commas_between_addresses_are_named(space, operator):
    config = space.config("mail", emails="a@example.com, b@example.com")
    found = space.wait_config(config, lambda c: stands(c, "Ready") == ("False", "InvalidAddress"))
    assert "semicolons" in message(found, "Ready")


# --- whom emailTokenUser writes to --------------------------------------------------------------------------------


def test_users_get_mail_in_the_named_domains_alone_and_the_others_are_counted(
    space, operator, mail
):
    config = space.config(
        "mail",
        emails="platform@example.com",
        emailTokenUser=True,
        emailDomains=["example.com"],
        emailUserPrefix="oidc:",
        digest="2s",
        smtp=space.smtp(mail, **{"from": "tokens@platform.example"}),
    )
    users = {
        "plain": "alice@example.com",
        "prefixed": "oidc:bob@example.com",
        "stranger": "eve@evil.example",
        "subdomain": "eve@sub.example.com",
        "iam": "IAM#alice@example.com",
        "machine": f"robot:{space.name}:ci",
    }
    for name, user in users.items():
        space.token(name, user=user, ttl="720h1s", description="words of a tenant")
    told = {}
    for received in wait_for(
        lambda: len(mail.received()) >= 3 and mail.received(), 30, lambda: str(mail.received())
    ):
        told[tuple(received.recipients)] = part(received, "plain") + part(received, "html")
    assert set(told) == {("platform@example.com",), ("alice@example.com",), ("bob@example.com",)}
    assert all(name in told[("platform@example.com",)] for name in users)
    assert "words of a tenant" in told[("platform@example.com",)]
    assert "words of a tenant" not in told[("alice@example.com",)] + told[("bob@example.com",)]
    found = space.wait_config(
        config, lambda c: (c["status"].get("skippedUsers") or {}).get("count") == 4
    )
    assert set(found["status"]["skippedUsers"]["names"]) == {
        users[n] for n in ("stranger", "subdomain", "iam", "machine")
    }
    assert "4 users" in message(found) and "eve@evil.example" in message(found)
    let_pass(2)
    assert len(mail.received()) == 3


def test_the_senders_domain_is_the_default(space, operator, mail):
    config = space.config("mail", emailTokenUser=True, digest="0s", smtp=space.smtp(mail))
    space.token("ours", user="alice@example.com", ttl="720h1s")
    space.token("theirs", user="bob@example.org", ttl="720h1s")
    (received,) = mail.wait_mail()
    assert received.recipients == ["alice@example.com"]
    space.wait_config(
        config,
        lambda c: c["status"].get("skippedUsers") == {"count": 1, "names": ["bob@example.org"]},
    )


# --- the test mail ------------------------------------------------------------------------------------------------


def ask(space, config, seconds=0):
    when = (
        datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    ).strftime("%Y-%m-%dT%H:%M:%SZ")
    space.configs.patch(config, {"metadata": {"annotations": {TEST_MAIL: when}}})
    return when


def answer(space, config, asked, timeout=30):
    found = space.wait_config(
        config,
        lambda c: (c.get("status", {}).get("testMail") or {}).get("requestedAt") == asked,
        timeout,
    )
    return found["status"]["testMail"]


def test_a_test_mail_arrives_and_its_answer_stands_in_status(space, operator, mail):
    config = space.config(
        "mail", emails="platform@example.com; security@example.com", smtp=space.smtp(mail)
    )
    asked = ask(space, config)
    found = answer(space, config, asked)
    assert (
        found["accepted"] == 2
        and not found.get("refused")
        and not found.get("error")
        and found["at"]
    )
    (received,) = mail.wait_mail()
    assert received.recipients == ["platform@example.com", "security@example.com"]
    assert config in received["Subject"] and "Nothing has to be done" in received.get_content()
    ask(space, config, 1)  # at most one a minute
    let_pass(3)
    assert len(mail.received()) == 1


def test_the_servers_word_on_each_address_is_told(space, operator, scripted_mail):
    server = scripted_mail(
        Script(
            recipient=lambda address: (
                "550 5.1.1 no such user" if address.startswith("gone") else None
            )
        )
    )
    config = space.config(
        "mail",
        emails="platform@example.com; gone@example.com",
        smtp={"server": server.server, **PLAIN},
    )
    found = answer(space, config, ask(space, config))
    assert found["accepted"] == 1
    assert found["refused"] == [{"address": "gone@example.com", "reason": "550 5.1.1 no such user"}]


def test_a_test_mail_that_cannot_go_is_answered_within_thirty_seconds(
    space, operator, scripted_mail
):
    silent = SilentServer()
    script = Script(login=("tokens", "another-password"))
    refusing = scripted_mail(script)
    space.login(refusing.server)
    configs = {
        "hangs": (
            space.config("hangs", emails="a@example.com", smtp={"server": silent.server, **PLAIN}),
            "no greeting",
        ),
        "down": (
            space.config("down", emails="a@example.com", smtp={"server": "127.0.0.1:1", **PLAIN}),
            "cannot be reached",
        ),
        "login": (
            space.config(
                "login",
                emails="a@example.com",
                smtp={"server": refusing.server, "credentialsSecret": "smtp", **PLAIN},
            ),
            "authentication refused",
        ),
        "nobody": (
            space.config("nobody", emails="nobody", smtp={"server": refusing.server, **PLAIN}),
            "no valid address",
        ),
        "server": (space.config("server", emails="a@example.com"), "spec.smtp is not set"),
    }
    started = time.monotonic()
    asked = {name: ask(space, config) for name, (config, _) in configs.items()}
    for name, (config, words) in configs.items():
        found = answer(space, config, asked[name], 35)
        assert words in found["error"] and found["accepted"] == 0, (name, found)
    assert time.monotonic() - started < 30
    silent.stop()
    space.configs.patch(configs["server"][0], {"metadata": {"annotations": {TEST_MAIL: "soon"}}})
    assert "no RFC 3339 time" in answer(space, configs["server"][0], "soon")["error"]


def test_a_server_that_hangs_delays_its_own_config_alone(space, operator, mail):
    silent = SilentServer()
    space.config(
        "hangs", emails="platform@example.com", digest="0s", smtp={"server": silent.server, **PLAIN}
    )
    space.token("first", ttl="720h1s")
    wait_for(lambda: silent.connections, 20, "nobody connected")
    space.config("works", emails="platform@example.com", digest="0s", smtp=space.smtp(mail))
    mail.wait_mail(timeout=10)
    silent.stop()
