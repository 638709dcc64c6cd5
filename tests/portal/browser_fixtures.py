"""Fixtures of the tests in a real browser: one Chromium for all of them, and one Firefox for those
marked with IN_BOTH."""

import pathlib

import double as doubles
import pytest
from browser import Browser
from firefox import Firefox

from testbed.mail import LOGIN, Mailpit
from testbed.waiting import wait_for


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def firefox(tmp_path_factory):
    browser = Firefox(tmp_path_factory.mktemp("firefox"))
    yield browser
    browser.quit()


@pytest.fixture
def browser(request):
    """A clean window of Chromium, or of the browser that the test names. At the end of each test
    its console must be empty: no error, no warning, no violation of the Content-Security-Policy."""
    window = request.getfixturevalue(getattr(request, "param", "chromium"))
    window.blank()
    window.expected = ()
    window.complaints()
    yield window
    complaints = window.complaints()
    window.blank()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def double():
    """double(count=, rows=): the stand-in for the portal's server, and its address."""
    servers = []

    def start(count=200, rows=None):
        state = doubles.Double(count, rows)
        servers.append(doubles.serve(state))
        state.url = servers[-1].url
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


@pytest.fixture
def door(web, browser):
    """door(person, path): the page as `kubectl apitoken web` of that person serves it."""

    def opened(person="admin@example.com", path="/tokens", **options):
        served = web(person, **options)
        browser.allow_clipboard(served.url)
        browser.driver.get(f"{served.url}{path}#key={served.key}")
        browser.one("h1:not(.unseen)")
        browser.web = served
        return browser

    return opened


@pytest.fixture(scope="session")
def mailpit_session(tmp_path_factory):
    server = Mailpit(tmp_path_factory.mktemp("mailpit"))
    yield server
    server.purge()


@pytest.fixture
def mail(cluster, mailpit_session):
    """An empty mailpit, with its login and CA as Secrets of the operator's namespace."""
    mailpit_session.clear()
    user, password = LOGIN
    login = {"server": mailpit_session.server, "username": user, "password": password}
    path = "/api/v1/namespaces/apitoken-system/secrets"
    made = {"browser-smtp": login, "browser-ca": {"ca.crt": mailpit_session.ca}}
    for name, values in made.items():
        cluster.api.create(path, {"metadata": {"name": name}, "stringData": values})
    yield mailpit_session
    for name in made:
        cluster.api.delete(f"{path}/{name}")


def read_file(path: pathlib.Path, timeout=10):
    """The bytes of a download, which goes afterwards."""
    wait_for(path.exists, timeout, f"no file came to {path}")
    content = path.read_bytes()
    path.unlink()
    return content
