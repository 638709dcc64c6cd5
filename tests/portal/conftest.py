"""Fixtures of the portal's tests in a real browser: one Chromium and one control plane for all of
them. The servers come from tests/integration/testbed."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import pytest

import double as doubles
from browser import Browser


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium):
    """A clean window. At the end of each test the console must be empty: no error, no warning, no
    violation of the Content-Security-Policy."""
    chromium.blank()
    chromium.expected = ()
    chromium.complaints()
    yield chromium
    complaints = chromium.complaints()
    chromium.blank()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def double():
    """double(count=, rows=): the stand-in for the portal's server, and its address."""
    servers = []

    def start(count=200, rows=None):
        state = doubles.Double(count, rows)
        server = doubles.serve(state)
        servers.append(server)
        state.url = server.url
        return state

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture
def look(browser):
    """look(state, path): opens a page of a stand-in."""

    def opened(state, path="/tokens"):
        browser.driver.get(f"{state.url}{path}#key=double")
        browser.one("h1:not(.unseen)")
        return browser

    return opened
