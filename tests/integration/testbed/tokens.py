"""The contract of a token's value, computed independently of the operator."""

import base64
import datetime
import hashlib
import re
import zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORMAT = re.compile(r"apt_([0-9A-Za-z]{40})([0-9A-Za-z]{6})")


def base62(number, width):
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits.rjust(width, "0")


def well_formed(value):
    found = FORMAT.fullmatch(value)
    return bool(found) and found[2] == base62(zlib.crc32(found[1].encode()), 6)


def hash_of(value):
    return "sha256:" + hashlib.sha256(value.encode()).hexdigest()


def value_in(secret, key="token"):
    return base64.b64decode(secret["data"][key]).decode()


def encoded(value):
    return base64.b64encode(value.encode()).decode()


def moment(text):
    """Reads RFC 3339 in UTC and whole seconds, and no other form."""
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC)


def seconds_between(earlier, later):
    return (moment(later) - moment(earlier)).total_seconds()


def seconds_since(text):
    return (datetime.datetime.now(datetime.UTC) - moment(text)).total_seconds()


def condition(thing, kind):
    """The condition of that type of an object, or {}."""
    conditions = (thing or {}).get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind), {})


def status_and_reason(thing, kind):
    """(status, reason) of a condition."""
    found = condition(thing, kind)
    return found.get("status"), found.get("reason")
