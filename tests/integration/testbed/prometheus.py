"""A real Prometheus on loopback with the shipped configuration and rules; intervals are seconds
instead of half minutes."""

import subprocess

import requests
import yaml

from .cluster import ROOT
from .process import free_port
from .waiting import wait_for

SHIPPED = ROOT / "manifests" / "prometheus"


class Prometheus:
    """`scraped`: the port of an operator's metrics for each value of the label cluster."""

    def __init__(self, folder, scraped):
        config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(SHIPPED / "rules.yaml")]
        del config["alerting"]
        config["scrape_configs"][0]["static_configs"] = [
            {"targets": [f"127.0.0.1:{port}"], "labels": {"cluster": cluster}}
            for cluster, port in scraped.items()
        ]
        folder.mkdir()
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log_path = folder / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    "--config.file",
                    folder / "prometheus.yml",
                    "--storage.tsdb.path",
                    folder / "store",
                    "--web.listen-address",
                    f"127.0.0.1:{port}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(self.ready, 30, lambda: f"Prometheus is not ready:\n{self.log_path.read_text()}")

    def ready(self):
        try:
            return requests.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.RequestException:
            return False

    def query(self, expression):
        """The result of an instant query; an AssertionError with Prometheus' words if it is
        wrong."""
        answer = requests.post(
            f"{self.url}/api/v1/query", data={"query": expression}, timeout=30
        ).json()
        assert answer["status"] == "success", f"{answer.get('error')}: {expression}"
        return answer["data"]["result"]

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
