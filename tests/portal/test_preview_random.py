"""The preview of settings says what the operator then does: for random settings and tokens, who is
warned of what, when and by which way. TEST_SEED repeats a run."""

import collections
import datetime
import json
import os
import random
import re

import pytest

from testbed.mail import part
from testbed.waiting import let_pass, wait_for

SETTINGS = 50
SEED = int(os.environ.get("TEST_SEED", "20261129"))
UNITS = {"h": 3600, "m": 60, "s": 1}
LONG = [48, 100, 400, 2000]  # hours: nothing of these comes due by the clock
DAY = 24
# Seconds: time enough between two warnings for a machine that has other work too.
SHORT, SHORT_REMINDERS = 24, ["15s", "6s"]
AGE = 2  # seconds after which a reminder this much shorter than the ttl is due
ADDRESSES = [f"team-{n}@example.com" for n in range(6)]
USERS = ["alice@example.com", "bob@other.example", "robot:team-a:ci"]


def seconds(text):
    """Of "1h30m"; 0 of "": the expiry itself."""
    return sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)([hms])", text))


def random_token(dice, number):
    """(spec, labels): every fifth expires within the test."""
    short = number % 5 == 0
    kind = dice.choice(["Permanent", "Temporary"]) if short else "Permanent"
    ttl = f"{SHORT}s" if short else f"{dice.choice(LONG)}h"
    return (
        {"user": dice.choice(USERS), "type": kind, "ttl": ttl},
        {"random": str(number % SETTINGS), "half": str(number % 2)},
    )


def random_reminders(dice):
    """Some that are due at once for one of the lifetimes, and some that never are in the test."""
    due = [hours * 3600 - AGE for hours in dice.sample(LONG, dice.randrange(3))]
    later = [hours * 3600 for hours in dice.sample([1, 5, DAY, 3 * DAY, 30 * DAY], 2)]
    chosen = sorted({*due, *later}, reverse=True)[:6]
    return [f"{one}s" for one in chosen] + SHORT_REMINDERS


def random_settings(dice, number, mail):
    chosen = [{"key": "random", "operator": "In", "values": [str(number)]}]
    if dice.random() < 0.3:  # a second set of settings for the tokens of the next
        chosen[0]["values"].append(str((number + 1) % SETTINGS))
    if dice.random() < 0.3:
        chosen.append({"key": "half", "operator": "NotIn", "values": ["1"]})
    spec = {"tokenSelector": {"matchExpressions": chosen}}
    if dice.random() < 0.8:
        spec["reminders"] = random_reminders(dice)
    else:
        spec["warnBeforeDays"] = dice.choice([1, 2, 30])
    if dice.random() < 0.3:
        here = dice.choice(["team-a", "team-b"])
        spec["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": here}}
    if dice.random() < 0.8:
        spec["emails"] = "; ".join(dice.sample(ADDRESSES, dice.randrange(1, 4)))
    if dice.random() < 0.5:
        spec["emailTokenUser"] = True
        spec["emailDomains"] = dice.sample(["example.com", "other.example"], dice.randrange(1, 3))
    if dice.random() < 0.7:
        spec |= {"digest": "0s", "smtp": mail}
    return spec


def previewed(portal, name, spec):
    """The rows of new warnings: [namespace, token, user, at, before, recipients, change]."""
    body = {"name": name, "spec": spec}
    answer = portal.request("POST", "/api/settings/preview", body)
    assert answer.status_code == 200, answer.text
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[-1] == {"done": True} and lines[0]["summary"]["truncated"] is False
    return [row for line in lines for row in line.get("changes", ()) if row[6] == "New"]


def ledger(tokens, names):
    """{(token, config, seconds before): whether a mail was sent} of what the operator did."""
    return {
        (item["metadata"]["name"], entry["config"], seconds(entry["before"])): "sentAt" in entry
        for item in tokens.list()
        if item["metadata"]["name"] in names
        for entry in item.get("status", {}).get("notices", ())
        if entry.get("config")
    }


def mailed(mail, names):
    """How many mails each recipient got about each token."""
    found = collections.Counter()
    for message in mail.received():
        about = {name for name in re.findall(r"[\w-]+", part(message, "plain")) if name in names}
        found.update((name, to) for name in about for to in message.recipients)
    return found


def is_minted(tokens, names):
    there = {t["metadata"]["name"] for t in tokens.list() if t.get("status", {}).get("expiresAt")}
    return names <= there


@pytest.fixture
def run(unique, tokens):
    """The beginning of all names of a test, whose tokens go at its end."""
    stem = unique("rnd")
    yield stem
    for item in tokens.list():
        if item["metadata"]["name"].startswith(stem):
            tokens.delete(item["metadata"]["name"])


def test_the_preview_of_random_settings_equals_what_the_operator_does(
    web, operator, tokens, settings, mail, run
):
    dice = random.Random(SEED)
    smtp = {
        "server": mail.server,
        "from": "API tokens <tokens@example.com>",
        "credentialsSecret": "browser-smtp",
        "caSecret": "browser-ca",
    }
    portal = web("admin@example.com")
    specs = {f"{run}-{n}": random_settings(dice, n, smtp) for n in range(SETTINGS)}
    made = {f"{run}-t{n}": random_token(dice, n) for n in range(2 * SETTINGS)}
    for name, (spec, labels) in made.items():
        tokens.create(name, spec, labels=labels)
    wait_for(lambda: is_minted(tokens, set(made)), 30, "not all tokens were minted")
    let_pass(AGE)  # of the youngest

    said = {}  # (token, config, seconds before): (instant, recipients)
    for name, spec in specs.items():
        for _, token, _, at, before, recipients, _ in previewed(portal, name, spec):
            if token in made:
                mails_to = [address for address in recipients.split(";") if address]
                said[token, name, seconds(before)] = datetime.datetime.fromisoformat(at), mails_to
    for name, spec in specs.items():
        settings.create(name, spec)

    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2 * SHORT)
    due = {key: to for key, (at, to) in said.items() if at < soon}
    end = max(at for at, _ in said.values() if at < soon)
    wanted = {key: bool(to) for key, to in due.items()}
    print(f"seed {SEED}: {len(said)} warnings of the preview, {len(due)} due, {len(made)} tokens")
    assert len(due) > SETTINGS and any(wanted.values()) and not all(wanted.values())
    wait_for(
        lambda: wanted.keys() <= ledger(tokens, made).keys(),
        max(0, (end - datetime.datetime.now(datetime.UTC)).total_seconds()) + 30,
        lambda: f"the operator has not done {sorted(wanted.keys() - ledger(tokens, made).keys())}",
    )
    assert ledger(tokens, made) == wanted
    mails = collections.Counter((key[0], address) for key, to in due.items() for address in to)
    assert mailed(mail, made) == mails
