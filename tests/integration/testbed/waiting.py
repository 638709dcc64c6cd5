"""Waits for a state with a deadline, or for time to pass. These tests sleep nowhere else; ruff
refuses time.sleep() in them."""

import os
import time

import pytest

SCALE = float(os.environ.get("TEST_TIME_SCALE", "1"))  # sanitizer builds are slower


def wait_for(predicate, timeout, message, every=0.05):
    """The first true value of predicate(), asked again after `every` seconds; fails with `message`
    (text or callable) after `timeout`. A field or item that is absent counts as false."""
    deadline = time.monotonic() + timeout * SCALE
    while True:
        value = absent = None
        try:
            value = predicate()
        except LookupError as error:
            absent = error
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(
                f"not within {timeout * SCALE:g} s: {message() if callable(message) else message}"
            ) from absent
        time.sleep(every)


def eventually(check, timeout=10):
    """Repeats check() until its assertions hold, and the fields and items that it reads are there;
    after `timeout` raises the last failure. Returns its value."""
    deadline = time.monotonic() + timeout * SCALE
    while True:
        try:
            return check()
        except (AssertionError, LookupError, pytest.fail.Exception):
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)


def holds(check, seconds, every=0.05):
    """check()'s assertions must hold now and during the next `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        check()
        time.sleep(every)


def check_all(checks):
    """Calls every check, then fails with the messages of all that failed."""
    failures = []
    for check in checks:
        try:
            check()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


def let_pass(seconds):
    """Lets time pass in which something must NOT happen; never to wait for something that must."""
    time.sleep(seconds)


def pause(seconds):
    """The pace of a client or a fault, or a random moment; never a wait for what a state shows."""
    time.sleep(seconds)
