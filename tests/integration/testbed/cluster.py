"""The control plane of the tests: hack/controlplane.sh with a directory of its own, and the CRDs
of this tree."""

import contextlib
import copy
import os
import pathlib
import re
import subprocess

import yaml

from .api import Api, ApiError, Collection
from .waiting import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[3]
CONTROLPLANE = ROOT / "hack" / "controlplane.sh"


def exports_of(text):
    """The variables of `export NAME=value` lines; the values of our scripts need no unquoting."""
    return dict(re.findall(r"^export (\w+)=(.*)$", text, re.M))


class Cluster:
    """`with Cluster(directory) as cluster:` takes it down at the end."""

    def __init__(self, directory, *flags):
        """flags: more of kube-apiserver's."""
        self.dir = pathlib.Path(directory)
        self.kubeconfig = self.dir / "kubeconfig"
        exports = exports_of(self.controlplane("up", *(["--", *flags] if flags else [])))
        self.url = exports["KUBE_APISERVER_URL"]
        self.bin_path = exports["PATH"].split(":")[0] if "PATH" in exports else None
        self.api = self.api_as("tests")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def controlplane(self, command, *args):
        done = subprocess.run(
            [CONTROLPLANE, command, "--dir", self.dir, *args],
            text=True,
            capture_output=True,
            timeout=1800,
        )
        assert done.returncode == 0, f"controlplane.sh {command}: {done.stderr}"
        return done.stdout

    def api_as(self, manager):
        """The administrator's client under another field manager: for the operator, another
        client."""
        pki = self.dir / "pki"
        return Api(
            self.url,
            str(self.dir / "ca.crt"),
            str(pki / "admin.crt"),
            str(pki / "admin.key"),
            manager,
        )

    def changed_kubeconfig(self, path, change):
        """The administrator's kubeconfig at `path`, changed by change(its content)."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        change(config)
        path.write_text(yaml.safe_dump(config))
        return path

    def service_account_kubeconfig(
        self, path, namespace="apitoken-system", name="apitoken-operator"
    ):
        """A kubeconfig like a pod's: with a token of that service account only."""
        token = self.kubectl("create", "token", name, "-n", namespace).stdout.strip()

        def as_service_account(config):
            config["users"][0]["user"] = {"token": token}

        return self.changed_kubeconfig(path, as_service_account)

    def kubectl(self, *args, input=None, check=True):
        environment = dict(os.environ, KUBECONFIG=str(self.kubeconfig))
        if self.bin_path:
            environment["PATH"] = f"{self.bin_path}:{environment['PATH']}"
        done = subprocess.run(
            ["kubectl", *args],
            input=input,
            text=True,
            capture_output=True,
            env=environment,
            timeout=120,
        )
        assert not check or done.returncode == 0, (
            f"kubectl {' '.join(map(str, args))}: {done.stderr}"
        )
        return done

    def apply_crds(self):
        self.kubectl("apply", "-f", str(ROOT / "crds"))
        self.await_crds("apitokens.apitoken.dev", "tokenexpiryconfigs.apitoken.dev")
        for resource in ("apitokens", "tokenexpiryconfigs"):
            path = f"/apis/apitoken.dev/v1alpha1/{resource}"
            wait_for(
                lambda path=path: self.api.get(path) is not None, 30, f"{resource} are not served"
            )

    def await_crds(self, *names):
        """Waits until they are established. `kubectl wait` fails on a new CRD whose conditions
        are still null."""
        crds = Collection(self.api, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        for name in names:
            wait_for(
                lambda name=name: established(crds.get(name)), 60, f"CRD {name} is not established"
            )

    @contextlib.contextmanager
    def without_rules(self, collection):
        """The CRD of `collection` without a schema while the context is open: anything is
        stored."""
        resource = collection.path.rpartition("/")[2]
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{resource}.apitoken.dev"
        probe = {
            "apiVersion": collection.api_version,
            "kind": collection.kind,
            "metadata": {"name": "probe"},
            "spec": "wrong",
        }
        strict = self.api.get(path)["spec"]["versions"]
        loose = copy.deepcopy(strict)
        loose[0]["schema"] = {
            "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        }
        loose[0].pop("selectableFields", None)

        def accepts_anything():
            try:
                collection.api.create(collection.path, probe, dryRun="All")
            except ApiError:
                return False
            return True

        self.api.patch(path, {"spec": {"versions": loose}})
        try:
            wait_for(accepts_anything, 30, f"{resource} still have rules")
            yield
        finally:
            self.api.patch(path, {"spec": {"versions": strict}})
            wait_for(lambda: not accepts_anything(), 30, f"{resource} have no rules again")

    def down(self):
        self.controlplane("down", "--purge")


def established(crd):
    conditions = (crd or {}).get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
