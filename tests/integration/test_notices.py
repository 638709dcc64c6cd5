"""Near expiry: condition, Event, metric and mail, each delivered once, through servers that work
and servers that fail."""

import email.utils

import pytest

from testbed.mail import LOGIN, Mailpit, Script, SilentServer, part
from testbed.tokens import (
    condition,
    encoded,
    moment,
    seconds_between,
    seconds_since,
    status_and_reason,
)
from testbed.waiting import eventually, let_pass, wait_for

# Warned one second after it was minted, 30 days before its expiry.
SOON = "720h1s"


def ledger(namespace, name):
    """{(config, before): entry} of an ApiToken."""
    notices = namespace.tokens.get(name).get("status", {}).get("notices", [])
    return {(n.get("config", ""), n["before"]): n for n in notices}


def wait_sent(namespace, name, config, before, timeout=20):
    return wait_for(
        lambda: ledger(namespace, name).get((config, before), {}).get("sentAt"),
        timeout,
        lambda: f"{name} is not entered as sent for {before}: {ledger(namespace, name)}",
    )


# --- without mail ---------------------------------------------------------------------------------


def test_without_any_config_a_token_is_warned_about_thirty_days_ahead(namespace, operator):
    namespace.token("far", ttl="721h")
    namespace.token("near", ttl=SOON)
    near = namespace.wait_condition("near", "ExpiringSoon", "True")
    assert status_and_reason(near, "Ready") == ("True", "ExpiringSoon")
    assert seconds_between(near["status"]["warnAt"], near["status"]["expiresAt"]) == 720 * 3600
    message = condition(near, "ExpiringSoon")["message"]
    assert near["status"]["expiresAt"] in message and "rotate-requested-at" in message
    event = namespace.wait_event("near", "ExpiringSoon")
    assert event["type"] == "Warning"
    assert near["status"]["expiresAt"] in event["note"]
    assert len(event["note"].encode()) < 1024
    assert not condition(namespace.ready("far"), "ExpiringSoon")
    entries = wait_for(lambda: ledger(namespace, "near"), 10, "the ledger is empty")
    assert list(entries) == [("", "720h")]
    assert entries[("", "720h")]["eventAt"]
    assert "sentAt" not in entries[("", "720h")]
    assert not namespace.events_of("far", "ExpiringSoon")
    eventually(lambda: check_fleet(operator))


def check_fleet(operator):
    metrics = operator.metrics()
    assert metrics.value("apitokens_expiring", within="30d") == 1
    assert metrics.value("apitokens_expiring", within="7d") == 0
    assert metrics.value("apitokens", type="Permanent", reason="ExpiringSoon") == 1
    assert metrics.value("apitoken_notices_total", channel="event") >= 1


def test_reminders_are_delivered_in_turn_and_then_the_expiry(namespace, operator):
    config = namespace.settled_config("steps", reminders=["14s", "7s"])
    namespace.token("ci", ttl="20s")
    token = namespace.ready("ci")
    assert seconds_between(token["status"]["warnAt"], token["status"]["expiresAt"]) == 14
    assert not condition(token, "ExpiringSoon")
    namespace.wait_condition("ci", "ExpiringSoon", "True", timeout=15)
    namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=25)
    entries = wait_for(
        lambda: (lambda e: len(e) == 3 and e)(ledger(namespace, "ci")),
        10,
        lambda: str(ledger(namespace, "ci")),
    )
    assert set(entries) == {(config, "14s"), (config, "7s"), (config, "0s")}
    expires = moment(token["status"]["expiresAt"])
    for (_, before), entry in entries.items():
        late = (moment(entry["eventAt"]) - expires).total_seconds() + int(before[:-1])
        assert 0 <= late <= 4, f"{before} was delivered {late} s after it was due"
    assert len(namespace.events_of("ci", "ExpiringSoon")) == 2
    assert len(namespace.events_of("ci", "Expired")) == 1


def test_only_the_nearest_due_reminder_is_delivered(namespace, operator):
    namespace.token("ci", ttl="100h")
    issued = namespace.ready("ci")["status"]["issuedAt"]
    wait_for(lambda: seconds_since(issued) > 3, 10, "time stands still")
    config = namespace.config("ladder", reminders=["99h59m59s", "99h59m58s", "24h"])
    wait_for(lambda: ledger(namespace, "ci"), 10, "the ledger is empty")
    let_pass(1)
    assert list(ledger(namespace, "ci")) == [(config, "99h59m58s")]
    assert len(namespace.events_of("ci", "ExpiringSoon")) == 1


def test_a_temporary_token_is_warned_by_reminders_shorter_than_its_ttl(namespace, operator):
    config = namespace.settled_config("both", reminders=["720h", "30m"])
    namespace.token("session", type="Temporary", ttl="1h")
    status = namespace.ready("session")["status"]
    assert seconds_between(status["warnAt"], status["expiresAt"]) == 1800
    namespace.token("brief", type="Temporary", ttl="20m")
    assert "warnAt" not in namespace.ready("brief")["status"]
    let_pass(1)
    assert ledger(namespace, "session") == {} and ledger(namespace, "brief") == {}
    assert config in namespace.config_names


@pytest.mark.parametrize("how", ["no config", "a config of 30 days"])
def test_a_permanent_token_shorter_than_every_reminder_is_warned_late_and_once(
    namespace, operator, how
):
    config = namespace.settled_config("days", warnBeforeDays=30) if how != "no config" else ""
    namespace.token("ci", ttl="12s")
    token = namespace.ready("ci")
    assert not condition(token, "ExpiringSoon"), "warned from birth"
    assert seconds_between(token["status"]["warnAt"], token["status"]["expiresAt"]) == 4
    namespace.wait_condition("ci", "ExpiringSoon", "True", timeout=15)
    namespace.wait_condition("ci", "Ready", "False", "Expired", timeout=15)
    entries = wait_for(
        lambda: (lambda e: len(e) == 2 and e)(ledger(namespace, "ci")),
        10,
        lambda: str(ledger(namespace, "ci")),
    )
    assert set(entries) == {(config, "4s"), (config, "0s")}
    assert len(namespace.events_of("ci", "ExpiringSoon")) == 1


def test_a_config_made_later_warns_of_tokens_already_there(namespace, operator):
    namespace.token("ci", ttl="1440h1s")
    assert not condition(namespace.ready("ci"), "ExpiringSoon")
    config = namespace.config("early", warnBeforeDays=60)
    token = namespace.wait_condition("ci", "ExpiringSoon", "True")
    assert seconds_between(token["status"]["warnAt"], token["status"]["expiresAt"]) == 60 * 86400
    wait_for(lambda: (config, "1440h") in ledger(namespace, "ci"), 10, "not entered")
    namespace.configs.delete(config)
    namespace.wait_without("ci", "ExpiringSoon")


def test_selectors_choose_tokens_and_the_status_counts_them(namespace, operator):
    config = namespace.config(
        "prod", warnBeforeDays=60, tokenSelector={"matchLabels": {"tier": "production"}}
    )
    namespace.tokens.create(
        "prod-near", {"user": "a", "ttl": "1440h1s"}, labels={"tier": "production"}
    )
    namespace.tokens.create(
        "prod-far", {"user": "a", "ttl": "8760h"}, labels={"tier": "production"}
    )
    namespace.tokens.create("other", {"user": "a", "ttl": "1440h1s"})
    namespace.wait_condition("prod-near", "ExpiringSoon", "True")
    namespace.wait_config(
        config,
        lambda c: (
            c.get("status", {}).get("matchedTokens") == 2 and c["status"].get("expiringTokens") == 1
        ),
    )
    assert status_and_reason(namespace.configs.get(config), "Ready") == ("True", "Accepted")
    assert not condition(namespace.configs.get(config), "EmailDelivery")
    assert not condition(namespace.ready("other"), "ExpiringSoon")
    namespace.tokens.patch("other", {"metadata": {"labels": {"tier": "production"}}})
    namespace.wait_condition("other", "ExpiringSoon", "True")
    namespace.wait_config(
        config,
        lambda c: c["status"].get("matchedTokens") == 3 and c["status"].get("expiringTokens") == 2,
    )


def test_a_namespace_selector_follows_the_namespaces_labels(namespace, operator):
    namespace.config(
        "labelled",
        warnBeforeDays=60,
        namespaceSelector={"matchLabels": {"watched": namespace.name}},
    )
    namespace.token("ci", ttl="1440h1s")
    assert not condition(namespace.ready("ci"), "ExpiringSoon")
    namespace.cluster.api.patch(
        f"/api/v1/namespaces/{namespace.name}",
        {"metadata": {"labels": {"watched": namespace.name}}},
    )
    namespace.wait_condition("ci", "ExpiringSoon", "True")


def test_contradictory_reminders_are_refused_by_name(namespace, operator):
    with pytest.raises(Exception, match="reminders"):
        namespace.config("bad", reminders=["24h", "168h"])
    with pytest.raises(Exception, match="exclude each other"):
        namespace.config("bad", reminders=["24h"], warnBeforeDays=30)


# --- mail that arrives ----------------------------------------------------------------------------


def test_a_mail_says_what_to_do(namespace, operator, mail):
    config = namespace.config(
        "mail",
        warnBeforeDays=30,
        emails=" platform@example.com ;security@example.com; ",
        digest="0s",
        smtp=namespace.smtp(mail),
    )
    namespace.token("ci", ttl=SOON, description="deploys the shop")
    status = namespace.wait_condition("ci", "ExpiringSoon", "True")["status"]
    (message,) = mail.wait_mail()
    assert message.recipients == ["platform@example.com", "security@example.com"]
    assert message["From"] == "API tokens <tokens@example.com>"
    assert message["Message-ID"].startswith("<") and email.utils.parsedate_to_datetime(
        message["Date"]
    )
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = part(message, "plain"), part(message, "html")
    for wanted in (
        "ci",
        namespace.name,
        "alice@example.com",
        "deploys the shop",
        status["tokenID"],
    ):
        assert wanted in text and wanted in html, wanted
    assert "30 days" in text
    assert status["expiresAt"][:10] in text and "UTC" in text
    assert f"kubectl -n {namespace.name}" in text or f"kubectl --namespace {namespace.name}" in text
    assert namespace.value("ci") not in message.as_string()
    wait_sent(namespace, "ci", config, "720h")
    assert ledger(namespace, "ci")[(config, "720h")]["eventAt"]
    done = namespace.wait_config(
        config, lambda c: status_and_reason(c, "EmailDelivery")[0] == "True"
    )
    assert done["status"]["lastEmailTime"]
    assert done["status"].get("pendingNotices", 0) == 0
    assert (operator.metrics().value("apitoken_notices_total", channel="email") or 0) >= 1


def test_a_mail_names_the_cluster_and_the_config_and_links_to_the_portal(
    namespace, start_operator, mail
):
    start_operator("--cluster-name=prod-eu", "--portal-url=https://portal.example.com/")
    config = namespace.config(
        "mail", emails="platform@example.com", digest="0s", smtp=namespace.smtp(mail)
    )
    namespace.token("ci", ttl=SOON)
    (message,) = mail.wait_mail()
    link = f"https://portal.example.com/tokens/{namespace.name}/ci"
    assert message["Subject"].startswith("[prod-eu] 1 API token expires within 30 days")
    for kind in ("plain", "html"):
        assert f"Cluster prod-eu, TokenExpiryConfig {config}" in part(message, kind)
        assert link in part(message, kind)
    event = namespace.wait_event("ci", "ExpiringSoon")
    assert event["note"].endswith(f"Open in the portal: {link}")
    assert len(event["note"].encode()) < 1024


def test_a_restart_sends_nothing_again(namespace, start_operator, mail):
    operator = start_operator()
    config = namespace.config(
        "mail", emails="platform@example.com", digest="0s", smtp=namespace.smtp(mail)
    )
    namespace.token("ci", ttl=SOON)
    wait_sent(namespace, "ci", config, "720h")
    operator.stop()
    operator = start_operator()
    namespace.token("other", ttl=SOON)
    wait_sent(namespace, "other", config, "720h")
    let_pass(1)
    assert len(mail.received()) == 2
    assert len(namespace.events_of("ci", "ExpiringSoon")) == 1


def test_a_digest_gathers_tokens_into_one_mail(namespace, operator, mail):
    config = namespace.config(
        "mail", emails="platform@example.com", digest="4s", smtp=namespace.smtp(mail)
    )
    for number in range(5):
        namespace.token(f"token-{number}", ttl=SOON)
    for number in range(5):
        wait_sent(namespace, f"token-{number}", config, "720h")
    (message,) = mail.received()
    assert all(
        f"token-{number}" in part(message, kind)
        for number in range(5)
        for kind in ("plain", "html")
    )


def test_a_token_user_gets_only_their_own_tokens(namespace, operator, mail):
    config = namespace.config(
        "mail",
        emails="platform@example.com",
        emailTokenUser=True,
        digest="3s",
        smtp=namespace.smtp(mail),
    )
    namespace.token("of-alice", user="alice@example.com", ttl=SOON)
    namespace.token("of-bob", user="bob@example.com", ttl=SOON)
    namespace.token("of-nobody", user="build-robot", ttl=SOON)
    for name in ("of-alice", "of-bob", "of-nobody"):
        wait_sent(namespace, name, config, "720h")
    text_by_recipient = {tuple(m.recipients): part(m, "plain") for m in mail.wait_mail(3)}
    assert set(text_by_recipient) == {
        ("platform@example.com",),
        ("alice@example.com",),
        ("bob@example.com",),
    }
    assert (
        "of-bob" not in text_by_recipient[("alice@example.com",)]
        and "of-nobody" not in text_by_recipient[("alice@example.com",)]
    )
    assert "of-alice" in text_by_recipient[("alice@example.com",)]
    assert all(
        name in text_by_recipient[("platform@example.com",)]
        for name in ("of-alice", "of-bob", "of-nobody")
    )


def test_a_quoted_local_part_is_an_address_like_others(namespace, operator, mail):
    config = namespace.config(
        "mail",
        emails='"on call"@example.com; "a;b"@example.com; platform@example.com',
        digest="0s",
        smtp=namespace.smtp(mail, **{"from": 'API tokens <"API tokens"@example.com>'}),
    )
    namespace.wait_config(config, lambda c: status_and_reason(c, "Ready") == ("True", "Accepted"))
    namespace.token("ci", ttl=SOON)
    (message,) = mail.wait_mail()
    assert [a.addr_spec for a in message["To"].addresses] == [
        '"on call"@example.com',
        '"a;b"@example.com',
        "platform@example.com",
    ]
    assert message["From"].addresses[0].addr_spec == '"API tokens"@example.com'
    wait_sent(namespace, "ci", config, "720h")


def test_mail_goes_by_implicit_tls_too(namespace, operator, tmp_path):
    server = Mailpit(tmp_path / "mail", tls="implicit")
    try:
        namespace.config(
            "mail", emails="platform@example.com", digest="0s", smtp=namespace.smtp(server)
        )
        namespace.token("ci", ttl=SOON)
        server.wait_mail()
    finally:
        server.purge()


def test_text_from_users_cannot_break_out_of_the_mail(namespace, operator, mail):
    namespace.config("mail", emails="platform@example.com", digest="0s", smtp=namespace.smtp(mail))
    namespace.token(
        "ci",
        ttl=SOON,
        user="<script>@example.com",
        description="a\r\nBcc: eve@example.com\r\n\r\n<b>x</b> & .\r\n.\r\nQUIT ümlaut",
    )
    (message,) = mail.wait_mail()
    assert message.recipients == ["platform@example.com"]
    assert message["Bcc"] is None
    html = part(message, "html")
    assert "<script>" not in html and "<b>x</b>" not in html
    assert "ümlaut" in part(message, "plain") and "ümlaut" in html


# --- settings that cannot work --------------------------------------------------------------------


def test_a_bad_address_is_shown_and_the_others_get_their_mail(namespace, operator, mail):
    config = namespace.config(
        "mail",
        emails="platform@example.com; not an address; security@example.com",
        digest="0s",
        smtp=namespace.smtp(mail),
    )
    found = namespace.wait_config(
        config, lambda c: status_and_reason(c, "Ready") == ("False", "InvalidAddress")
    )
    assert "not an address" in condition(found, "Ready")["message"]
    namespace.token("ci", ttl=SOON)
    (message,) = mail.wait_mail()
    assert message.recipients == ["platform@example.com", "security@example.com"]
    namespace.configs.patch(config, {"spec": {"emails": "platform@example.com"}})
    namespace.wait_config(config, lambda c: status_and_reason(c, "Ready") == ("True", "Accepted"))


def test_mail_waits_for_a_missing_secret_and_goes_when_it_is_there(namespace, operator, mail):
    smtp = namespace.smtp(mail)
    namespace.secrets.delete("smtp")
    config = namespace.config("mail", emails="platform@example.com", digest="0s", smtp=smtp)
    found = namespace.wait_config(
        config, lambda c: status_and_reason(c, "Ready") == ("False", "SecretNotFound")
    )
    assert "smtp" in condition(found, "Ready")["message"]
    namespace.token("ci", ttl=SOON)
    namespace.wait_condition("ci", "ExpiringSoon", "True")
    namespace.wait_event("ci", "ExpiringSoon")
    namespace.wait_config(config, lambda c: c["status"].get("pendingNotices") == 1)
    assert not mail.received()
    namespace.login(mail.server)
    mail.wait_mail(timeout=10)
    wait_sent(namespace, "ci", config, "720h")
    namespace.wait_config(config, lambda c: status_and_reason(c, "Ready") == ("True", "Accepted"))


def test_a_secret_without_a_key_is_a_secret_not_found(namespace, operator, mail):
    smtp = namespace.smtp(mail)
    namespace.secrets.patch("smtp", {"data": {"password": None}})
    config = namespace.config("mail", emails="platform@example.com", digest="0s", smtp=smtp)
    found = namespace.wait_config(
        config, lambda c: status_and_reason(c, "Ready") == ("False", "SecretNotFound")
    )
    assert "has no key password" in condition(found, "Ready")["message"]
    assert status_and_reason(found, "EmailDelivery") == ("False", "SecretNotFound")
    namespace.secrets.patch("smtp", {"data": {"password": encoded(LOGIN[1])}})
    namespace.wait_config(
        config,
        lambda c: (
            status_and_reason(c, "Ready") == ("True", "Accepted")
            and status_and_reason(c, "EmailDelivery")[0] == "Unknown"
        ),
    )
    namespace.token("ci", ttl=SOON)
    mail.wait_mail(timeout=10)
    namespace.wait_config(config, lambda c: status_and_reason(c, "EmailDelivery")[0] == "True")


# --- servers that fail ----------------------------------------------------------------------------


def test_a_server_that_is_down_gets_the_mail_once_it_is_up(namespace, operator, tmp_path):
    server = Mailpit(tmp_path / "mail")
    try:
        server.stop()
        config = namespace.config(
            "mail", emails="platform@example.com", digest="0s", smtp=namespace.smtp(server)
        )
        namespace.token("ci", ttl=SOON)
        namespace.wait_config(
            config,
            lambda c: (
                status_and_reason(c, "EmailDelivery")[0] == "False"
                and c["status"].get("pendingNotices") == 1
            ),
        )
        wait_for(
            lambda: namespace.config_events(config, "NoticeFailed"), 10, "no NoticeFailed Event"
        )
        assert "sentAt" not in ledger(namespace, "ci").get((config, "720h"), {})
        eventually(lambda: operator.metrics().value("apitoken_notice_oldest_pending_seconds") > 0)
        server.start()
        server.wait_mail(timeout=45)
        wait_sent(namespace, "ci", config, "720h")
        namespace.wait_config(
            config,
            lambda c: (
                status_and_reason(c, "EmailDelivery")[0] == "True"
                and not c["status"].get("pendingNotices")
            ),
        )
    finally:
        server.purge()


def test_a_restart_still_reports_that_mail_fails(namespace, start_operator):
    operator = start_operator()
    config = namespace.mails_through("127.0.0.1:1")
    namespace.token("ci", ttl=SOON)
    failed = condition(
        namespace.wait_config(
            config, lambda c: status_and_reason(c, "EmailDelivery")[0] == "False"
        ),
        "EmailDelivery",
    )
    wait_for(lambda: namespace.config_events(config, "NoticeFailed"), 10, "no NoticeFailed Event")
    operator.stop()
    namespace.configs.patch(config, {"spec": {"digest": "1h"}})  # nothing is tried for as long
    start_operator()
    found = namespace.wait_config(
        config,
        lambda c: c["status"]["observedGeneration"] == 2 and c["status"].get("pendingNotices") == 1,
    )
    assert condition(found, "EmailDelivery") == {**failed, "observedGeneration": 2}
    assert len(namespace.config_events(config, "NoticeFailed")) == 1


def test_a_mail_tried_again_keeps_its_message_id(namespace, operator, scripted_mail):
    script = Script(received=lambda attempt: "451 try again" if attempt == 1 else None)
    server = scripted_mail(script)
    config = namespace.mails_through(server.server)
    namespace.token("ci", ttl=SOON)
    wait_sent(namespace, "ci", config, "720h", timeout=50)
    first, second = script.attempts
    assert first["Message-ID"] == second["Message-ID"]
    assert first.recipients == second.recipients
    assert namespace.name in part(second, "plain")


def test_a_message_id_is_the_same_after_a_crash(namespace, start_operator, scripted_mail):
    script = Script(received=lambda attempt: "451 try again" if attempt == 1 else None)
    server = scripted_mail(script)
    operator = start_operator()
    config = namespace.mails_through(server.server)
    namespace.token("ci", ttl=SOON)
    wait_for(lambda: script.attempts, 15, "no attempt")
    operator.kill()
    start_operator()
    wait_sent(namespace, "ci", config, "720h")
    first, second = script.attempts
    assert first["Message-ID"] == second["Message-ID"]


def test_one_refused_recipient_does_not_keep_the_others_from_theirs(
    namespace, operator, scripted_mail
):
    script = Script(
        recipient=lambda address: "550 no such user" if address.startswith("gone") else None
    )
    server = scripted_mail(script)
    config = namespace.mails_through(
        server.server, emails="platform@example.com; gone@example.com; security@example.com"
    )
    namespace.token("ci", ttl=SOON)
    wait_for(lambda: script.accepted, 20, "nothing accepted")
    assert script.accepted[0].recipients == ["platform@example.com", "security@example.com"]
    wait_for(
        lambda: namespace.config_events(config, "NoticeFailed"), 10, "the refusal is not reported"
    )
    assert "gone@example.com" in namespace.config_events(config, "NoticeFailed")[0]["note"]


def test_a_server_that_refuses_the_login_is_reported_without_the_password(
    namespace, operator, scripted_mail
):
    script = Script(login=("tokens", "another-password"))
    server = scripted_mail(script)
    namespace.login(server.server)
    config = namespace.mails_through(server.server, login=True)
    failed = namespace.wait_config(
        config, lambda c: status_and_reason(c, "EmailDelivery")[0] == "False"
    )
    assert script.logins and not script.attempts
    event = wait_for(
        lambda: namespace.config_events(config, "NoticeFailed"), 10, "no NoticeFailed Event"
    )[0]
    for place in (operator.log(), str(failed), event["note"]):
        assert LOGIN[1] not in place and encoded(LOGIN[1]) not in place


def test_a_server_that_hangs_holds_nobody_up(namespace, start_operator):
    operator = start_operator()
    server = SilentServer()
    try:
        namespace.mails_through(server.server)
        namespace.token("ci", ttl=SOON)
        wait_for(lambda: server.connections, 20, "nobody connected")
        namespace.token("other", ttl="8760h")
        namespace.ready("other")
        operator.stop()
    finally:
        server.stop()


def test_a_server_without_a_trusted_certificate_gets_no_password(namespace, operator, mail):
    smtp = namespace.smtp(mail)
    del smtp["caSecret"]
    config = namespace.config("mail", emails="platform@example.com", digest="0s", smtp=smtp)
    namespace.token("ci", ttl=SOON)
    failed = namespace.wait_config(
        config, lambda c: status_and_reason(c, "EmailDelivery")[0] == "False"
    )
    assert "certificate" in condition(failed, "EmailDelivery")["message"].lower()
    assert not mail.received()


def test_a_server_that_offers_no_starttls_gets_nothing(namespace, operator, scripted_mail):
    script = Script(login=LOGIN)
    server = scripted_mail(script)
    namespace.login(server.server)
    config = namespace.config(
        "mail",
        emails="platform@example.com",
        digest="0s",
        smtp={"server": server.server, "from": "tokens@example.com", "credentialsSecret": "smtp"},
    )
    namespace.token("ci", ttl=SOON)
    namespace.wait_config(config, lambda c: status_and_reason(c, "EmailDelivery")[0] == "False")
    assert not script.logins and not script.attempts


def test_a_revoked_tokens_pending_mail_is_dropped(namespace, operator, scripted_mail):
    script = Script()
    server = scripted_mail(script)
    config = namespace.mails_through(server.server, digest="5s")
    namespace.token("gone", ttl=SOON)
    namespace.token("stays", ttl=SOON)
    for name in ("gone", "stays"):
        namespace.wait_condition(name, "ExpiringSoon", "True")
    namespace.tokens.patch("gone", {"spec": {"revoked": True}})
    wait_sent(namespace, "stays", config, "720h")
    assert all("gone" not in part(m, "plain") for m in script.accepted)
