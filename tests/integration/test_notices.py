"""Near expiry: condition, Event, metric and mail, each told once, through servers that work and servers that do not."""

import email.utils

import pytest

from bed.mail import LOGIN, Mailpit, Script, SilentServer, part
from bed.tokens import condition, encoded, moment, seconds_between, seconds_since, stands
from bed.waiting import eventually, let_pass, wait_for

# Warned one second after it was minted, 30 days before its expiry.
SOON = "720h1s"

PLAIN = {"tls": "None", "from": "tokens@example.com"}


def ledger(space, name):
    """{(config, before): entry} of an ApiToken."""
    notices = space.tokens.get(name).get("status", {}).get("notices", [])
    return {(n.get("config", ""), n["before"]): n for n in notices}


def wait_sent(space, name, config, before, timeout=20):
    return wait_for(
        lambda: ledger(space, name).get((config, before), {}).get("sentAt"),
        timeout,
        lambda: f"{name} is not entered as sent for {before}: {ledger(space, name)}",
    )


# --- without mail -------------------------------------------------------------------------------------------------


def test_without_any_config_a_token_is_warned_about_thirty_days_ahead(space, operator):
    space.token("far", ttl="721h")
    space.token("near", ttl=SOON)
    near = space.wait_condition("near", "ExpiringSoon", "True")
    assert stands(near, "Ready") == ("True", "ExpiringSoon")
    assert seconds_between(near["status"]["warnAt"], near["status"]["expiresAt"]) == 720 * 3600
    assert near["status"]["expiresAt"] in condition(near, "ExpiringSoon")["message"]
    event = space.wait_event("near", "ExpiringSoon")
    assert event["type"] == "Warning"
    assert near["status"]["expiresAt"] in event["note"]
    assert len(event["note"].encode()) < 1024
    assert not condition(space.ready("far"), "ExpiringSoon")
    entries = wait_for(lambda: ledger(space, "near"), 10, "the ledger is empty")
    assert list(entries) == [("", "720h")]
    assert entries[("", "720h")]["eventAt"]
    assert "sentAt" not in entries[("", "720h")]
    assert not space.events_of("far", "ExpiringSoon")
    eventually(lambda: check_fleet(operator))


def check_fleet(operator):
    metrics = operator.metrics()
    assert metrics.value("apitokens_expiring", within="30d") == 1
    assert metrics.value("apitokens_expiring", within="7d") == 0
    assert metrics.value("apitokens", type="Permanent", reason="ExpiringSoon") == 1
    assert metrics.value("apitoken_notices_total", channel="event") >= 1


def test_reminders_are_told_in_turn_and_then_the_expiry(space, operator):
    config = space.settled_config("steps", reminders=["14s", "7s"])
    space.token("ci", ttl="20s")
    token = space.ready("ci")
    assert seconds_between(token["status"]["warnAt"], token["status"]["expiresAt"]) == 14
    assert not condition(token, "ExpiringSoon")
    space.wait_condition("ci", "ExpiringSoon", "True", timeout=15)
    space.wait_condition("ci", "Ready", "False", "Expired", timeout=25)
    entries = wait_for(
        lambda: (lambda e: len(e) == 3 and e)(ledger(space, "ci")),
        10,
        lambda: str(ledger(space, "ci")),
    )
    assert set(entries) == {(config, "14s"), (config, "7s"), (config, "0s")}
    expires = moment(token["status"]["expiresAt"])
    for (_, before), entry in entries.items():
        late = (moment(entry["eventAt"]) - expires).total_seconds() + int(before[:-1])
        assert 0 <= late <= 4, f"{before} was told {late} s after it was due"
    assert len(space.events_of("ci", "ExpiringSoon")) == 2
    assert len(space.events_of("ci", "Expired")) == 1


def test_only_the_nearest_due_reminder_is_told(space, operator):
    space.token("ci", ttl="100h")
    issued = space.ready("ci")["status"]["issuedAt"]
    wait_for(lambda: seconds_since(issued) > 3, 10, "time stands still")
    config = space.config("ladder", reminders=["99h59m59s", "99h59m58s", "24h"])
    wait_for(lambda: ledger(space, "ci"), 10, "the ledger is empty")
    let_pass(1)
    assert list(ledger(space, "ci")) == [(config, "99h59m58s")]
    assert len(space.events_of("ci", "ExpiringSoon")) == 1


def test_a_temporary_token_is_warned_by_reminders_shorter_than_its_ttl(space, operator):
    config = space.settled_config("both", reminders=["720h", "30m"])
    space.token("session", type="Temporary", ttl="1h")
    status = space.ready("session")["status"]
    assert seconds_between(status["warnAt"], status["expiresAt"]) == 1800
    space.token("brief", type="Temporary", ttl="20m")
    assert "warnAt" not in space.ready("brief")["status"]
    let_pass(1)
    assert ledger(space, "session") == {} and ledger(space, "brief") == {}
    assert config in space.config_names


@pytest.mark.parametrize("how", ["no config", "a config of 30 days"])
def test_a_permanent_token_shorter_than_every_reminder_is_warned_late_and_once(
    space, operator, how
):
    config = space.settled_config("days", warnBeforeDays=30) if how != "no config" else ""
    space.token("ci", ttl="12s")
    token = space.ready("ci")
    assert not condition(token, "ExpiringSoon"), "warned from birth"
    assert seconds_between(token["status"]["warnAt"], token["status"]["expiresAt"]) == 4
    space.wait_condition("ci", "ExpiringSoon", "True", timeout=15)
    space.wait_condition("ci", "Ready", "False", "Expired", timeout=15)
    entries = wait_for(
        lambda: (lambda e: len(e) == 2 and e)(ledger(space, "ci")),
        10,
        lambda: str(ledger(space, "ci")),
    )
    assert set(entries) == {(config, "4s"), (config, "0s")}
    assert len(space.events_of("ci", "ExpiringSoon")) == 1


def test_a_config_made_later_warns_of_tokens_already_there(space, operator):
    space.token("ci", ttl="1440h1s")
    assert not condition(space.ready("ci"), "ExpiringSoon")
    config = space.config("early", warnBeforeDays=60)
    token = space.wait_condition("ci", "ExpiringSoon", "True")
    assert seconds_between(token["status"]["warnAt"], token["status"]["expiresAt"]) == 60 * 86400
    wait_for(lambda: (config, "1440h") in ledger(space, "ci"), 10, "not entered")
    space.configs.delete(config)
    space.wait_without("ci", "ExpiringSoon")


def test_selectors_choose_tokens_and_the_status_counts_them(space, operator):
    config = space.config(
        "prod", warnBeforeDays=60, tokenSelector={"matchLabels": {"tier": "production"}}
    )
    space.tokens.create("prod-near", {"user": "a", "ttl": "1440h1s"}, labels={"tier": "production"})
    space.tokens.create("prod-far", {"user": "a", "ttl": "8760h"}, labels={"tier": "production"})
    space.tokens.create("other", {"user": "a", "ttl": "1440h1s"})
    space.wait_condition("prod-near", "ExpiringSoon", "True")
    space.wait_config(
        config,
        lambda c: (
            c.get("status", {}).get("matchedTokens") == 2 and c["status"].get("expiringTokens") == 1
        ),
    )
    assert stands(space.configs.get(config), "Ready") == ("True", "Accepted")
    assert not condition(space.configs.get(config), "EmailDelivery")
    assert not condition(space.ready("other"), "ExpiringSoon")
    space.tokens.patch("other", {"metadata": {"labels": {"tier": "production"}}})
    space.wait_condition("other", "ExpiringSoon", "True")
    space.wait_config(
        config,
        lambda c: c["status"].get("matchedTokens") == 3 and c["status"].get("expiringTokens") == 2,
    )


def test_a_namespace_selector_follows_the_namespaces_labels(space, operator):
    space.config(
        "labelled", warnBeforeDays=60, namespaceSelector={"matchLabels": {"watched": space.name}}
    )
    space.token("ci", ttl="1440h1s")
    assert not condition(space.ready("ci"), "ExpiringSoon")
    space.cluster.api.patch(
        f"/api/v1/namespaces/{space.name}", {"metadata": {"labels": {"watched": space.name}}}
    )
    space.wait_condition("ci", "ExpiringSoon", "True")


def test_contradictory_reminders_are_refused_by_name(space, operator):
    with pytest.raises(Exception, match="reminders"):
        space.config("bad", reminders=["24h", "168h"])
    with pytest.raises(Exception, match="exclude each other"):
        space.config("bad", reminders=["24h"], warnBeforeDays=30)


# --- mail that arrives --------------------------------------------------------------------------------------------


def test_a_mail_tells_a_person_what_to_do(space, operator, mail):
    config = space.config(
        "mail",
        warnBeforeDays=30,
        emails=" platform@example.com ;security@example.com; ",
        digest="0s",
        smtp=space.smtp(mail),
    )
    space.token("ci", ttl=SOON, description="deploys the shop")
    status = space.wait_condition("ci", "ExpiringSoon", "True")["status"]
    (message,) = mail.wait_mail()
    assert message.recipients == ["platform@example.com", "security@example.com"]
    assert message["From"] == "API tokens <tokens@example.com>"
    assert message["Message-ID"].startswith("<") and email.utils.parsedate_to_datetime(
        message["Date"]
    )
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = part(message, "plain"), part(message, "html")
    for wanted in ("ci", space.name, "alice@example.com", "deploys the shop", status["tokenID"]):
        assert wanted in text and wanted in html, wanted
    assert "30 days" in text
    assert status["expiresAt"][:10] in text and "UTC" in text
    assert f"kubectl -n {space.name}" in text or f"kubectl --namespace {space.name}" in text
    assert space.value("ci") not in message.as_string()
    wait_sent(space, "ci", config, "720h")
    assert ledger(space, "ci")[(config, "720h")]["eventAt"]
    done = space.wait_config(config, lambda c: stands(c, "EmailDelivery")[0] == "True")
    assert done["status"]["lastEmailTime"]
    assert done["status"].get("pendingNotices", 0) == 0
    assert (operator.metrics().value("apitoken_notices_total", channel="email") or 0) >= 1


def test_a_restart_sends_nothing_again(space, start_operator, mail):
    operator = start_operator()
    config = space.config("mail", emails="platform@example.com", digest="0s", smtp=space.smtp(mail))
    space.token("ci", ttl=SOON)
    wait_sent(space, "ci", config, "720h")
    operator.stop()
    operator = start_operator()
    space.token("other", ttl=SOON)
    wait_sent(space, "other", config, "720h")
    let_pass(1)
    assert len(mail.received()) == 2
    assert len(space.events_of("ci", "ExpiringSoon")) == 1


def test_a_digest_gathers_tokens_into_one_mail(space, operator, mail):
    config = space.config("mail", emails="platform@example.com", digest="4s", smtp=space.smtp(mail))
    for number in range(5):
        space.token(f"token-{number}", ttl=SOON)
    for number in range(5):
        wait_sent(space, f"token-{number}", config, "720h")
    (message,) = mail.received()
    assert all(
        f"token-{number}" in part(message, kind)
        for number in range(5)
        for kind in ("plain", "html")
    )


def test_a_token_user_gets_only_their_own_tokens(space, operator, mail):
    config = space.config(
        "mail",
        emails="platform@example.com",
        emailTokenUser=True,
        digest="3s",
        smtp=space.smtp(mail),
    )
    space.token("of-alice", user="alice@example.com", ttl=SOON)
    space.token("of-bob", user="bob@example.com", ttl=SOON)
    space.token("of-nobody", user="build-robot", ttl=SOON)
    for name in ("of-alice", "of-bob", "of-nobody"):
        wait_sent(space, name, config, "720h")
    told = {tuple(m.recipients): part(m, "plain") for m in mail.wait_mail(3)}
    assert set(told) == {("platform@example.com",), ("alice@example.com",), ("bob@example.com",)}
    assert (
        "of-bob" not in told[("alice@example.com",)]
        and "of-nobody" not in told[("alice@example.com",)]
    )
    assert "of-alice" in told[("alice@example.com",)]
    assert all(
        name in told[("platform@example.com",)] for name in ("of-alice", "of-bob", "of-nobody")
    )


def test_a_quoted_local_part_is_an_address_like_others(space, operator, mail):
    config = space.config(
        "mail",
        emails='"on call"@example.com; "a;b"@example.com; platform@example.com',
        digest="0s",
        smtp=space.smtp(mail, **{"from": 'API tokens <"API tokens"@example.com>'}),
    )
    space.wait_config(config, lambda c: stands(c, "Ready") == ("True", "Accepted"))
    space.token("ci", ttl=SOON)
    (message,) = mail.wait_mail()
    assert [a.addr_spec for a in message["To"].addresses] == [
        '"on call"@example.com',
        '"a;b"@example.com',
        "platform@example.com",
    ]
    assert message["From"].addresses[0].addr_spec == '"API tokens"@example.com'
    wait_sent(space, "ci", config, "720h")


def test_mail_goes_by_implicit_tls_too(space, operator, tmp_path):
    server = Mailpit(tmp_path / "mail", tls="implicit")
    try:
        space.config("mail", emails="platform@example.com", digest="0s", smtp=space.smtp(server))
        space.token("ci", ttl=SOON)
        server.wait_mail()
    finally:
        server.purge()


def test_text_from_users_cannot_break_out_of_the_mail(space, operator, mail):
    space.config("mail", emails="platform@example.com", digest="0s", smtp=space.smtp(mail))
    space.token(
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


# --- settings that cannot work ------------------------------------------------------------------------------------


def test_a_bad_address_is_shown_and_the_others_get_their_mail(space, operator, mail):
    config = space.config(
        "mail",
        emails="platform@example.com; not an address; security@example.com",
        digest="0s",
        smtp=space.smtp(mail),
    )
    found = space.wait_config(config, lambda c: stands(c, "Ready") == ("False", "InvalidAddress"))
    assert "not an address" in condition(found, "Ready")["message"]
    space.token("ci", ttl=SOON)
    (message,) = mail.wait_mail()
    assert message.recipients == ["platform@example.com", "security@example.com"]
    space.configs.patch(config, {"spec": {"emails": "platform@example.com"}})
    space.wait_config(config, lambda c: stands(c, "Ready") == ("True", "Accepted"))


def test_mail_waits_for_a_missing_secret_and_goes_when_it_is_there(space, operator, mail):
    smtp = space.smtp(mail)
    space.secrets.delete("smtp")
    config = space.config("mail", emails="platform@example.com", digest="0s", smtp=smtp)
    found = space.wait_config(config, lambda c: stands(c, "Ready") == ("False", "SecretNotFound"))
    assert "smtp" in condition(found, "Ready")["message"]
    space.token("ci", ttl=SOON)
    space.wait_condition("ci", "ExpiringSoon", "True")
    space.wait_event("ci", "ExpiringSoon")
    space.wait_config(config, lambda c: c["status"].get("pendingNotices") == 1)
    assert not mail.received()
    space.login(mail.server)
    mail.wait_mail(timeout=10)
    wait_sent(space, "ci", config, "720h")
    space.wait_config(config, lambda c: stands(c, "Ready") == ("True", "Accepted"))


def test_a_secret_without_a_key_is_a_secret_not_found(space, operator, mail):
    smtp = space.smtp(mail)
    space.secrets.patch("smtp", {"data": {"password": None}})
    config = space.config("mail", emails="platform@example.com", digest="0s", smtp=smtp)
    found = space.wait_config(config, lambda c: stands(c, "Ready") == ("False", "SecretNotFound"))
    assert "has no key password" in condition(found, "Ready")["message"]
    assert stands(found, "EmailDelivery") == ("False", "SecretNotFound")
    space.secrets.patch("smtp", {"data": {"password": encoded(LOGIN[1])}})
    space.wait_config(
        config,
        lambda c: (
            stands(c, "Ready") == ("True", "Accepted")
            and stands(c, "EmailDelivery")[0] == "Unknown"
        ),
    )
    space.token("ci", ttl=SOON)
    mail.wait_mail(timeout=10)
    space.wait_config(config, lambda c: stands(c, "EmailDelivery")[0] == "True")


# --- servers that fail --------------------------------------------------------------------------------------------


def test_a_server_that_is_down_gets_the_mail_once_it_is_up(space, operator, tmp_path):
    server = Mailpit(tmp_path / "mail")
    try:
        server.stop()
        config = space.config(
            "mail", emails="platform@example.com", digest="0s", smtp=space.smtp(server)
        )
        space.token("ci", ttl=SOON)
        space.wait_config(
            config,
            lambda c: (
                stands(c, "EmailDelivery")[0] == "False" and c["status"].get("pendingNotices") == 1
            ),
        )
        wait_for(lambda: space.config_events(config, "NoticeFailed"), 10, "no NoticeFailed Event")
        assert "sentAt" not in ledger(space, "ci").get((config, "720h"), {})
        eventually(lambda: operator.metrics().value("apitoken_notice_oldest_pending_seconds") > 0)
        server.start()
        server.wait_mail(timeout=45)
        wait_sent(space, "ci", config, "720h")
        space.wait_config(
            config,
            lambda c: (
                stands(c, "EmailDelivery")[0] == "True" and not c["status"].get("pendingNotices")
            ),
        )
    finally:
        server.purge()


def test_a_restart_does_not_forget_that_mail_fails(space, start_operator):
    operator = start_operator()
    config = space.config(
        "mail", emails="platform@example.com", digest="0s", smtp={"server": "127.0.0.1:1", **PLAIN}
    )
    space.token("ci", ttl=SOON)
    failed = condition(
        space.wait_config(config, lambda c: stands(c, "EmailDelivery")[0] == "False"),
        "EmailDelivery",
    )
    wait_for(lambda: space.config_events(config, "NoticeFailed"), 10, "no NoticeFailed Event")
    operator.stop()
    space.configs.patch(config, {"spec": {"digest": "1h"}})  # nothing is tried for as long
    start_operator()
    found = space.wait_config(
        config,
        lambda c: c["status"]["observedGeneration"] == 2 and c["status"].get("pendingNotices") == 1,
    )
    assert condition(found, "EmailDelivery") == {**failed, "observedGeneration": 2}
    assert len(space.config_events(config, "NoticeFailed")) == 1


def test_a_mail_tried_again_keeps_its_message_id(space, operator, scripted_mail):
    script = Script(received=lambda attempt: "451 try again" if attempt == 1 else None)
    server = scripted_mail(script)
    config = space.config(
        "mail", emails="platform@example.com", digest="0s", smtp={"server": server.server, **PLAIN}
    )
    space.token("ci", ttl=SOON)
    wait_sent(space, "ci", config, "720h", timeout=50)
    first, second = script.attempts
    assert first["Message-ID"] == second["Message-ID"]
    assert first.recipients == second.recipients
    assert space.name in part(second, "plain")


def test_a_message_id_is_the_same_after_a_crash(space, start_operator, scripted_mail):
    script = Script(received=lambda attempt: "451 try again" if attempt == 1 else None)
    server = scripted_mail(script)
    operator = start_operator()
    config = space.config(
        "mail", emails="platform@example.com", digest="0s", smtp={"server": server.server, **PLAIN}
    )
    space.token("ci", ttl=SOON)
    wait_for(lambda: script.attempts, 15, "no attempt")
    operator.kill()
    start_operator()
    wait_sent(space, "ci", config, "720h")
    first, second = script.attempts
    assert first["Message-ID"] == second["Message-ID"]


def test_one_refused_recipient_does_not_keep_the_others_from_theirs(space, operator, scripted_mail):
    script = Script(
        recipient=lambda address: "550 no such user" if address.startswith("gone") else None
    )
    server = scripted_mail(script)
    config = space.config(
        "mail",
        emails="platform@example.com; gone@example.com; security@example.com",
        digest="0s",
        smtp={"server": server.server, **PLAIN},
    )
    space.token("ci", ttl=SOON)
    wait_for(lambda: script.accepted, 20, "nothing accepted")
    assert script.accepted[0].recipients == ["platform@example.com", "security@example.com"]
    wait_for(lambda: space.config_events(config, "NoticeFailed"), 10, "the refusal is not told")
    assert "gone@example.com" in space.config_events(config, "NoticeFailed")[0]["note"]


def test_a_server_that_refuses_the_login_is_reported_without_the_password(
    space, operator, scripted_mail
):
    script = Script(login=("tokens", "another-password"))
    server = scripted_mail(script)
    space.login(server.server)
    config = space.config(
        "mail",
        emails="platform@example.com",
        digest="0s",
        smtp={"server": server.server, "credentialsSecret": "smtp", **PLAIN},
    )
    failed = space.wait_config(config, lambda c: stands(c, "EmailDelivery")[0] == "False")
    assert script.logins and not script.attempts
    event = wait_for(
        lambda: space.config_events(config, "NoticeFailed"), 10, "no NoticeFailed Event"
    )[0]
    for place in (operator.log(), str(failed), event["note"]):
        assert LOGIN[1] not in place and encoded(LOGIN[1]) not in place


def test_a_server_that_hangs_holds_nobody_up(space, start_operator):
    operator = start_operator()
    server = SilentServer()
    try:
        space.config(
            "mail",
            emails="platform@example.com",
            digest="0s",
            smtp={"server": server.server, **PLAIN},
        )
        space.token("ci", ttl=SOON)
        wait_for(lambda: server.connections, 20, "nobody connected")
        space.token("other", ttl="8760h")
        space.ready("other")
        operator.stop()
    finally:
        server.stop()


def test_a_server_without_a_trusted_certificate_gets_no_password(space, operator, mail):
    smtp = space.smtp(mail)
    del smtp["caSecret"]
    config = space.config("mail", emails="platform@example.com", digest="0s", smtp=smtp)
    space.token("ci", ttl=SOON)
    failed = space.wait_config(config, lambda c: stands(c, "EmailDelivery")[0] == "False")
    assert "certificate" in condition(failed, "EmailDelivery")["message"].lower()
    assert not mail.received()


def test_a_server_that_offers_no_starttls_gets_nothing(space, operator, scripted_mail):
    script = Script(login=LOGIN)
    server = scripted_mail(script)
    space.login(server.server)
    config = space.config(
        "mail",
        emails="platform@example.com",
        digest="0s",
        smtp={"server": server.server, "from": "tokens@example.com", "credentialsSecret": "smtp"},
    )
    space.token("ci", ttl=SOON)
    space.wait_config(config, lambda c: stands(c, "EmailDelivery")[0] == "False")
    assert not script.logins and not script.attempts


def test_a_revoked_tokens_pending_mail_is_dropped(space, operator, scripted_mail):
    script = Script()
    server = scripted_mail(script)
    config = space.config(
        "mail", emails="platform@example.com", digest="5s", smtp={"server": server.server, **PLAIN}
    )
    space.token("gone", ttl=SOON)
    space.token("stays", ttl=SOON)
    for name in ("gone", "stays"):
        space.wait_condition(name, "ExpiringSoon", "True")
    space.tokens.patch("gone", {"spec": {"revoked": True}})
    wait_sent(space, "stays", config, "720h")
    assert all("gone" not in part(m, "plain") for m in script.accepted)
