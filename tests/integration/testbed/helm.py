"""Helm 3 and 4 against a cluster, and the chart of this tree. hack/helm.sh builds what is
missing."""

import functools
import os
import shutil
import subprocess

import yaml

from .cluster import ROOT

CHART = ROOT / "charts" / "apitoken-operator"


@functools.cache
def built():
    """{"3": path, "4": path, "kinds": directory of the Prometheus operator's CRDs}."""
    done = subprocess.run(
        [ROOT / "hack" / "helm.sh", "build"], text=True, capture_output=True, timeout=1800
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


class Helm:
    def __init__(self, cluster, major, home):
        self.binary = built()[major]
        self.cluster = cluster
        self.environment = dict(
            os.environ,
            KUBECONFIG=str(cluster.kubeconfig),
            HELM_CACHE_HOME=str(home),
            HELM_CONFIG_HOME=str(home),
            HELM_DATA_HOME=str(home),
        )

    def __call__(self, *args, values=None, check=True):
        command = [self.binary, *map(str, args), "--namespace", "apitoken-system"]
        if values is not None:
            command += ["--values", "-"]
        done = subprocess.run(
            command,
            text=True,
            capture_output=True,
            env=self.environment,
            timeout=180,
            input=yaml.safe_dump(values) if values is not None else None,
        )
        assert not check or done.returncode == 0, f"helm {' '.join(map(str, args))}: {done.stderr}"
        return done


def previous_chart(directory):
    """The chart as an earlier version: another number, and a CRD without its last column."""
    chart = directory / "apitoken-operator"
    shutil.copytree(CHART, chart)
    about = chart / "Chart.yaml"
    about.write_text(about.read_text().replace("\nversion: 0.1.0", "\nversion: 0.0.9"))
    assert "0.0.9" in about.read_text()
    kind = chart / "files/crds/apitokens.yaml"
    crd = yaml.safe_load(kind.read_text())
    crd["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    kind.write_text(yaml.safe_dump(crd))
    return chart
