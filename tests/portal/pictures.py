"""Takes the pictures of the portal for README and docs, light and dark, from a control plane, an
operator and tokens made for it. Called by hack/screenshots.sh.

  python3 tests/portal/pictures.py DIRECTORY
"""

import contextlib
import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from browser import Browser  # noqa: E402
from issuer import Issuer  # noqa: E402
from people import PortalCluster  # noqa: E402
from web import Web  # noqa: E402

from testbed.api import apitokens, configs, secrets  # noqa: E402
from testbed.certificates import Authority  # noqa: E402
from testbed.process import Operator  # noqa: E402
from testbed.tokens import condition, value_in  # noqa: E402
from testbed.verifying import auth  # noqa: E402
from testbed.waiting import wait_for  # noqa: E402

MOST_BYTES = 150_000
# Name, namespace, user, lifetime, description. A lifetime two seconds longer than a reminder is
# warned of at once.
TOKENS = (
    ("ci-deploy", "team-a", "alice@example.com", "720h0m2s", "Deploys the shop from CI"),
    ("grafana-read", "team-a", "dashboards@example.com", "2160h", "Reads dashboards"),
    ("nightly-backup", "team-a", "robot:team-a:backup", "168h0m2s", "Copies the database to S3"),
    ("terraform", "team-b", "bob@example.com", "4380h", "Plans and applies infrastructure"),
    ("registry-pull", "team-b", "robot:team-b:puller", "8760h", "Pulls images on build agents"),
    ("release-bot", "team-a", "carol@example.com", "1440h", "Tags releases"),
    ("metrics-push", "team-b", "robot:team-b:metrics", "1100h", "Pushes metrics of batch jobs"),
    ("invoice-import", "team-a", "dan@example.com", "900h", "Reads invoices from the ERP"),
    ("search-index", "team-b", "erin@example.com", "1300h", "Writes the search index"),
    ("load-test", "team-a", "bob@example.com", "10s", "Drives the load test of the shop"),
    ("mobile-beta", "team-b", "carol@example.com", "2000h", "Publishes beta builds"),
    ("audit-export", "team-a", "alice@example.com", "1700h", "Exports the audit log"),
)
PAGES = {
    "tokens": "/tokens",
    "token": "/tokens/team-a/ci-deploy",
    "profile": "/profile",
    "faults": "/faults",
    "settings": "/settings",
}


def furnish(cluster, operator):
    """Tokens in all states, a few of them used, and settings."""
    configs(cluster.api).create(
        "default",
        {
            "reminders": ["720h", "168h", "24h"],
            "emails": "platform@example.com; security@example.com",
        },
    )
    made = {name: apitokens(cluster.api, name) for name in ("team-a", "team-b")}
    secrets(cluster.api, "team-b").create("legacy-sync", stringData={"token": "made by hand"})
    made["team-b"].create(
        "legacy-sync", {"user": "bob@example.com", "description": "Syncs the old shop"}
    )
    for name, namespace, user, ttl, description in TOKENS:
        made[namespace].create(name, {"user": user, "ttl": ttl, "description": description})
    for name, namespace, *_ in TOKENS:
        wait_for(
            lambda n=name, ns=namespace: condition(made[ns].get(n), "Ready"), 30, f"{name} waits"
        )
    for name, namespace in (
        ("ci-deploy", "team-a"),
        ("terraform", "team-b"),
        ("grafana-read", "team-a"),
    ):
        auth(operator, value_in(secrets(cluster.api, namespace).get(name)))
    made["team-b"].patch("mobile-beta", {"spec": {"revoked": True}})
    time.sleep(12)  # until the ten seconds of load-test are over


def take(browser, web, directory):
    for theme in ("light", "dark"):
        browser.media(prefers_color_scheme=theme)
        browser.size(1200, 720)
        for name, path in PAGES.items():
            browser.driver.get(f"{web.url}{path}#key={web.key}")
            browser.one("h1:not(.unseen)")
            browser.settle(1.2)
            browser.js("document.activeElement.blur()")
            file = directory / f"portal-{name}-{theme}.png"
            browser.driver.save_screenshot(str(file))
            size = file.stat().st_size
            print(f"{file.name}: {size} bytes")
            assert 5_000 < size < MOST_BYTES, f"{file.name} has {size} bytes"


def main(directory):
    with contextlib.ExitStack() as stack:  # it ends the servers before their files go
        scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        issuer = Issuer(Authority(scratch))
        stack.callback(issuer.stop)
        cluster = PortalCluster(scratch, issuer)
        stack.callback(cluster.down)
        cluster.install()
        account = cluster.service_account_kubeconfig(scratch / "operator.kubeconfig")
        flags = ["--kubeconfig", str(account), "--operator-namespace", "apitoken-system"]
        operator = Operator(flags, scratch / "operator.log", {}).wait_ready()
        stack.callback(operator.stop)
        furnish(cluster, operator)
        config = cluster.kubeconfig_of("admin@example.com", scratch)
        web = Web(config, scratch / "web.log")
        stack.callback(web.stop)
        browser = Browser(scratch)
        stack.callback(browser.quit)
        take(browser, web, directory)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
