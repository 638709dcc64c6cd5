"""Helm 3 and 4 against a cluster, and the chart of this tree. hack/helm.sh builds what is
missing."""

import os
import subprocess

import yaml

from .built import built
from .cluster import ROOT

CHART = ROOT / "charts" / "apitoken-operator"


class Helm:
    def __init__(self, cluster, major, home):
        self.binary = built("helm")[major]
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


def previous_chart():
    """The chart of the version before this one, as it was packaged. Its image has the tag 0.0.9."""
    return ROOT / "tests" / "chart" / "previous" / "apitoken-operator-0.0.9.tgz"
