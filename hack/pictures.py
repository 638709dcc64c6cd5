#!/usr/bin/env python3
"""Makes the README's pictures from a real run: starts hack/demo.sh, gives it some two dozen more tokens over a minute, and draws
docs/pictures/demo.svg (what the demo printed) and docs/pictures/dashboard.svg (the main panels of the Grafana dashboard, from what the
demo's Prometheus answers to their queries). By hand, some three minutes; nothing calls it. It ends the demo as Ctrl-C would."""

import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import svg  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
DASHBOARD = ROOT / "charts/apitoken-operator/dashboards/apitoken-operator.json"
PICTURES = ROOT / "docs/pictures"
SHOWN_SECONDS = 120
# name, ttl in hours: the fleet of a small shop, three applied at a time
FLEET = [
    ("cart", 30),
    ("checkout", 60),
    ("search", 150),
    ("payments", 200),
    ("invoices", 260),
    ("stock", 340),
    ("returns", 360),
    ("mailer", 500),
    ("reports", 520),
    ("crawler", 690),
    ("images", 700),
    ("backup", 760),
    ("loyalty", 900),
    ("vouchers", 950),
    ("partners", 1000),
    ("warehouse", 1200),
    ("labels", 1250),
    ("parcels", 1400),
    ("ratings", 1500),
    ("feeds", 1600),
    ("translations", 1750),
]


class Demo:
    """hack/demo.sh while it stays up; `text` is what it printed up to there."""

    def __init__(self):
        self.process = subprocess.Popen(
            [ROOT / "hack/demo.sh"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.text = ""
        for line in self.process.stdout:
            self.text += line
            if "Operator's log" in line:
                break
        else:
            sys.exit(f"pictures.py: the demo ended early:\n{self.text}")
        self.prometheus = re.search(r"Prometheus +(http\S+)/alerts", self.text)[1]
        folder = re.search(r"export PATH=\S+?:(\S+)", self.text)[1]
        self.environment = {
            **os.environ,
            "KUBECONFIG": re.search(r"export KUBECONFIG=(\S+)", self.text)[1],
            "PATH": f"{folder}:{os.environ['PATH']}",
        }

    def kubectl(self, *args, **options):
        subprocess.run(
            ["kubectl", "-n", "demo", *args],
            env=self.environment,
            check=True,
            text=True,
            stdout=subprocess.DEVNULL,
            **options,
        )

    def apply(self, name, **spec):
        token = {
            "apiVersion": "apitoken.dev/v1alpha1",
            "kind": "ApiToken",
            "metadata": {"name": name},
            "spec": {"user": "shop@example.com", **spec},
        }
        self.kubectl("apply", "-f", "-", input=json.dumps(token))

    def ask(self, path, **parameters):
        expression = (
            parameters.pop("query")
            .replace("$namespace", ".*")
            .replace("$__rate_interval", "10s")
            .replace("$__interval", "1s")
        )
        url = f"{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode({'query': expression, **parameters})}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]["result"]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


def fill(demo):
    """Tokens that come, end and get into trouble, over the time that the picture shows."""
    demo.apply("old-importer", ttl="15s")
    demo.kubectl("create", "secret", "generic", "legacy-key", "--from-literal=token=mine")
    demo.apply("legacy-key", ttl="2000h")
    for first in range(0, len(FLEET), 3):
        for name, hours in FLEET[first : first + 3]:
            demo.apply(name, ttl=f"{hours}h")
        time.sleep(9)
    demo.kubectl(
        "patch", "apitoken", "crawler", "--type", "merge", "-p", '{"spec":{"revoked":true}}'
    )
    time.sleep(15)


# --- the dashboard: panels by title, drawn from the answers to their own queries --------------------------------------------


class Panels:
    def __init__(self, demo):
        self.demo = demo
        self.by_title = {
            panel["title"]: panel for panel in json.loads(DASHBOARD.read_text())["panels"]
        }

    def now(self, title, target=0):
        """[(labels, value)] of an instant query."""
        found = self.demo.ask("query", query=self.by_title[title]["targets"][target]["expr"])
        return [(one["metric"], float(one["value"][1])) for one in found]

    def lately(self, title):
        """{legend: [(time, value)]} of a range query."""
        (target,) = self.by_title[title]["targets"]
        end = time.time()
        found = self.demo.ask(
            "query_range", query=target["expr"], start=end - SHOWN_SECONDS, end=end, step=1
        )
        series = {}
        for one in found:
            name = re.sub(
                r"\{\{(\w+)\}\}",
                lambda label, labels=one["metric"]: labels.get(label[1], ""),
                target["legendFormat"],
            )
            series[name, self.fixed_colour(title, name)] = [
                (float(t), float(v)) for t, v in one["values"]
            ]
        return series

    def fixed_colour(self, title, name):
        """The colour that the dashboard gives to that series, or None."""
        for override in self.by_title[title]["fieldConfig"]["overrides"]:
            how, wanted = override["matcher"]["id"], override["matcher"]["options"]
            if wanted == name or (how == "byRegexp" and re.fullmatch(wanted, name)):
                return next(
                    (
                        one["value"]["fixedColor"]
                        for one in override["properties"]
                        if one["id"] == "color"
                    ),
                    None,
                )
        return None

    def colour(self, title, value):
        """By the panel's thresholds, or its one colour."""
        panel = self.by_title[title]
        lists = [
            one["value"]
            for override in panel["fieldConfig"]["overrides"]
            for one in override["properties"]
            if one["id"] == "thresholds"
        ]
        thresholds = panel["fieldConfig"]["defaults"].get("thresholds") or next(iter(lists), None)
        if not thresholds:
            return panel["fieldConfig"]["defaults"]["color"]["fixedColor"]
        return [
            step["color"]
            for step in thresholds["steps"]
            if step["value"] is None or value >= step["value"]
        ][-1]


def rows_next_to_expire(panels):
    info = {labels["name"]: labels for labels, _ in panels.now("Next to expire", 2)}
    expiries = {labels["name"]: value / 1000 for labels, value in panels.now("Next to expire", 1)}
    rows = sorted(panels.now("Next to expire"), key=lambda row: row[1])
    for labels, days in rows:
        name = labels["name"]
        when = datetime.datetime.fromtimestamp(expiries[name], datetime.timezone.utc)
        left = (f"{days:.1f}", panels.colour("Next to expire", days))
        yield [
            labels["namespace"],
            name,
            info[name]["type"],
            info[name]["reason"],
            left,
            when.strftime("%Y-%m-%d %H:%M"),
        ]


def draw_dashboard(demo):
    panels, page = (
        Panels(demo),
        svg.Page(1200, 784, "Main panels of the dashboard: expiry, states, notices, health"),
    )
    stats = [
        ("Tokens", 0),
        ("Expired", 200),
        ("Not minted", 400),
        ("Oldest untold notice", 600),
        ("Leader", 800),
    ]
    for title, x in stats:
        ((_, value),) = panels.now(title)
        page.stat(
            x,
            0,
            190,
            96,
            title,
            [("", f"{value:g}" + (" s" if "notice" in title else ""))],
            panels.colour(title, value),
        )
    within = {labels["within"]: value for labels, value in panels.now("Expire within")}
    page.stat(
        1000,
        0,
        200,
        96,
        "Expire within",
        [(name, f"{within[name]:g}") for name in ("1d", "7d", "30d")],
        panels.colour("Expire within", within["30d"]),
    )
    page.table(
        0,
        106,
        690,
        380,
        "Next to expire",
        ["Namespace", "ApiToken", "Type", "Reason", "Days left", "Expires"],
        list(rows_next_to_expire(panels)),
        limit=13,
    )
    weeks = sorted(
        (int(labels["week"]) / 1000, value)
        for labels, value in panels.now("What expires in which week")
    )
    bars = [
        (datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%d"), value)
        for at, value in weeks
    ]
    page.bars(700, 106, 500, 380, "What expires in which week", bars)
    for number, title in enumerate(
        ("Tokens by state", "Notices by channel and result", "Requests to the API server")
    ):
        page.lines(number * 405, 496, 390, 250, title, panels.lately(title), stacked=number == 0)
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    page.note(
        0,
        770,
        f"Drawn by hack/pictures.py on {day} from what the Prometheus of hack/demo.sh answered to the dashboard's own queries. Grafana "
        "draws the same panels in its own way.",
    )
    return page.text()


# --- the terminal -----------------------------------------------------------------------------------------------------------


def draw_demo(text):
    shown = text[
        text.index("ApiToken legacy-export has") : text.index("It stays up until Ctrl-C")
    ].rstrip()
    return svg.terminal(
        "hack/demo.sh",
        [
            "$ hack/demo.sh",
            "⋮ builds what is missing, starts a local cluster and its servers",
            "",
            *shown.splitlines(),
        ],
        columns=124,
    )


def keep(name, text):
    if re.search(r"apt_[0-9A-Za-z]{46}", text):
        sys.exit(f"pictures.py: a token's value would stand in {name}")
    (PICTURES / name).write_text(text)


def main():
    demo = Demo()
    try:
        fill(demo)
        keep("dashboard.svg", draw_dashboard(demo))
        keep("demo.svg", draw_demo(demo.text))
    finally:
        demo.stop()


if __name__ == "__main__":
    main()
