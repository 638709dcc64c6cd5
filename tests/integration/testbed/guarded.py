"""Fixtures of a module whose tests run under all admission policies:

cluster, operator_kubeconfig = guarded.cluster, guarded.operator_kubeconfig
"""

import pytest


@pytest.fixture(scope="module")
def cluster(guarded_cluster):
    return guarded_cluster


@pytest.fixture
def operator_kubeconfig(cluster, tmp_path):
    return cluster.service_account_kubeconfig(tmp_path / "service-account")
