"""kubectl apitoken support-bundle on a real cluster: what helps is there, and no value, address or
person is."""

import datetime
import json
import tarfile

import pytest
import yaml

from testbed.certificates import Authority
from testbed.cluster import ROOT
from testbed.kubelet import Kubelet
from testbed.plugin import Plugin, in_namespace
from testbed.rbac import grant
from testbed.tokens import status_and_reason
from testbed.waiting import wait_for

NOT_ALLOWED, UNREACHABLE = 4, 5
ALICE, BOB, EVE = "alice.liddell@example.com", "bob-the-builder", "oidc:eve@corp.example"
PLATFORM, AUDIT, SENDER = "platform@corp.example", "audit+x@corp.example", "tokens@corp.example"
PEOPLE = (ALICE, BOB, EVE, PLATFORM, AUDIT, SENDER, "alice.liddell%40example.com")
# What a server's answer or a proxy could bring into a log.
STRAY = (
    f'2026-01-01T00:00:00Z WARN  mail not sent error="RCPT TO:<{PLATFORM}>: 550" user={BOB}\n',
    f'{{"msg":"x","user":"{EVE}","path":"/users/alice.liddell%40example.com"}}\n',
    f"stray apt_{'Z' * 46} and eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln\n",
)
DESCRIPTION, PASSWORD = "the laptop of the white rabbit", "correct-horse-battery"


@pytest.fixture
def kubelet(namespace, tmp_path):
    """kubelet(operator): a node that serves that operator's log."""
    started = []

    def start(operator):
        authority = Authority(tmp_path / "kubelet")
        name = f"node-{namespace.name}"
        log = lambda: operator.log() + "".join(STRAY)  # noqa: E731
        started.append(Kubelet(namespace.cluster, authority, name, log))
        return started[-1]

    yield start
    for kubelet in started:
        kubelet.stop()


def files_of(path):
    """Name in the bundle -> text."""
    with tarfile.open(path, "r:gz") as archive:
        members = archive.getmembers()
        assert all(m.isfile() and m.name.startswith("apitoken-support/") for m in members)
        return {
            m.name.removeprefix("apitoken-support/"): archive.extractfile(m).read().decode()
            for m in members
        }


def bundle_of(plugin, tmp_path, *flags, env=None):
    path = tmp_path / "bundle.tar.gz"
    done = plugin.run("support-bundle", "-o", path, *flags, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    return files_of(path), done.stderr


def install(namespace, node):
    """The Deployment of manifests/base with secrets in its environment, and its pod on `node`."""
    api, name = namespace.cluster.api, namespace.name
    deployment = yaml.safe_load((ROOT / "manifests/base/deployment.yaml").read_text())
    deployment["metadata"].update(namespace=name, annotations={"note": PASSWORD})
    pod = deployment["spec"]["template"]
    container = pod["spec"]["containers"][0]
    container["env"].append({"name": "SMTP_PASSWORD", "value": PASSWORD})
    api.create(f"/apis/apps/v1/namespaces/{name}/deployments", deployment)
    metadata = {**pod["metadata"], "name": "apitoken-operator-0"}
    metadata["annotations"] = {"note": PASSWORD}
    spec = {**pod["spec"], "nodeName": node}
    api.create(f"/api/v1/namespaces/{name}/pods", {"metadata": metadata, "spec": spec})
    state = {
        "name": "operator",
        "ready": True,
        "restartCount": 1,
        "image": container["image"],
        "imageID": "ghcr.io/apitoken-dev/apitoken-operator@sha256:" + "ab" * 32,
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
    }
    status = {"phase": "Running", "podIP": "10.77.1.2", "containerStatuses": [state]}
    api.patch(f"/api/v1/namespaces/{name}/pods/apitoken-operator-0/status", {"status": status})


def make_config(namespace):
    """A TokenExpiryConfig with addresses, whose mail server is away."""
    server = "127.0.0.1:9"
    namespace.secret("smtp", username="tokens", password=PASSWORD, server=server)
    smtp = {"server": server, "tls": "None", "from": f"API tokens <{SENDER}>"}
    return namespace.config(
        "mail",
        emails=f"{PLATFORM};{AUDIT}",
        emailTokenUser=True,
        smtp={**smtp, "credentialsSecret": "smtp"},
    )


def make_trouble(namespace):
    """Tokens with much to hide; returns the secrets among their fields."""
    namespace.token("laptop", user=ALICE, description=DESCRIPTION)
    namespace.token("nightly", user=BOB, groups=["builders"], rotation={"policy": "Automatic"})
    namespace.token("phone", user=EVE, type="Temporary", ttl="1h")
    namespace.secret("taken", token="foreign")
    namespace.token("taken", user=ALICE)
    for name in ("laptop", "nightly", "phone"):
        namespace.ready(name)
    namespace.wait_condition("taken", "Ready", "False", "SecretConflict")
    namespace.tokens.patch(
        "nightly",
        {
            "metadata": {
                "annotations": {
                    "apitoken.dev/rotate-requested-at": datetime.datetime.now(
                        datetime.UTC
                    ).isoformat(),
                    "note": PASSWORD,
                }
            }
        },
    )
    wait_for(lambda: namespace.tokens.get("nightly")["status"].get("previous"), 15, "not rotated")
    secrets = [DESCRIPTION, PASSWORD]
    for name in ("laptop", "nightly", "phone"):
        status = namespace.tokens.get(name)["status"]
        secrets += [namespace.value(name), status["tokenHash"].removeprefix("sha256:")]
        secrets.append(status["hint"])
        if "previous" in status:
            secrets.append(status["previous"]["tokenHash"].removeprefix("sha256:"))
    return secrets


def test_a_bundle_has_what_helps_and_no_secret_and_no_person(
    namespace, start_operator, plugin, kubelet, tmp_path
):
    operator = start_operator()
    install(namespace, kubelet(operator).name)
    config_name = make_config(namespace)
    secrets = make_trouble(namespace)
    operator.wait_logged("mail (waits|not sent)|login to the mail server failed")

    files, notes = bundle_of(plugin, tmp_path, "--operator-namespace", namespace.name)
    everything = "\n".join(f"{name}\n{text}" for name, text in files.items())
    for hidden in (*PEOPLE, *secrets, "10.77.1.2", "Z" * 46, "eyJhbG"):
        assert hidden not in everything, hidden
    for hidden in (*PEOPLE, *secrets):
        assert hidden not in notes

    tokens = json.loads(files["apitokens.json"])
    mine = {
        token["metadata"]["name"]: token
        for token in tokens["ready"] + tokens["notReady"]
        if token["metadata"]["namespace"] == namespace.name
    }
    assert set(mine) == {"laptop", "nightly", "phone", "taken"}
    assert mine["laptop"]["spec"]["user"] == mine["taken"]["spec"]["user"] != ""
    assert mine["laptop"]["spec"]["user"] != mine["nightly"]["spec"]["user"]
    assert status_and_reason(mine["taken"], "Ready") == ("False", "SecretConflict")
    assert mine["taken"] in tokens["notReady"] and tokens["byReason"]["SecretConflict"] >= 1
    assert mine["nightly"]["status"]["revision"] == 2
    assert mine["nightly"]["spec"]["groups"] == ["builders"]

    configs = {c["metadata"]["name"]: c for c in json.loads(files["tokenexpiryconfigs.json"])}
    config = configs[config_name]
    addresses = config["spec"]["emails"].split(";")
    assert len(set(addresses)) == 2 and config["spec"]["smtp"]["server"].startswith("127.0.0.1:")
    assert config["status"]["conditions"]
    events = json.loads(files["events-of-ApiToken.json"])
    assert any(
        e["regarding"]["name"] == "taken" and e["reason"] == "SecretConflict" for e in events
    )

    versions = json.loads(files["versions.json"])
    assert versions["server"]["gitVersion"].startswith("v1.") and versions["kubectl-apitoken"]
    crd = json.loads(files["crds.json"])["apitokens"]
    assert "encryptTo" not in json.dumps(crd) and crd["status"]["storedVersions"] == ["v1alpha1"]
    assert "rotation" in crd["spec"]["versions"][0]["schema"]["fieldsOfSpec"]
    assert json.loads(files["policies.json"])["validatingadmissionpolicies/apitoken-mint"] is None

    (deployment,) = json.loads(files["operator/deployments.json"])
    (pod,) = json.loads(files["operator/pods.json"])
    for spec in (deployment["spec"]["template"]["spec"], pod["spec"]):
        container = spec["containers"][0]
        assert "--leader-elect=true" in container["args"]
        variables = {variable["name"]: variable.get("value") for variable in container["env"]}
        assert variables == {"POD_NAMESPACE": None, "SMTP_PASSWORD": "[removed]"}
    state = pod["status"]["containerStatuses"][0]
    assert state["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert state["imageID"].endswith("@sha256:" + "ab" * 32)
    for log in (
        "operator/log-apitoken-operator-0.txt",
        "operator/log-apitoken-operator-0-previous.txt",
    ):
        assert "minted" in files[log] and namespace.name in files[log]
        assert f"user={mine['nightly']['spec']['user']}" in files[log]
        assert f"RCPT TO:<{addresses[0]}>: 550" in files[log]

    permissions = json.loads(files["permissions.json"])
    assert permissions[f"you, in namespace {namespace.name}"]["create apitokens.apitoken.dev"]
    assert permissions["the operator, in all namespaces"]["create secrets"] is False
    # The API server reaches no pod here; the bundle says so and goes on.
    name = "operator/metrics-apitoken-operator-0.txt.error.txt"
    assert files[name].strip() and name.removesuffix(".error.txt") in files["README.txt"]
    assert "missing: operator/metrics" in notes


def test_what_one_may_not_read_is_said_and_stops_nothing(namespace, operator, tmp_path):
    namespace.token("laptop", user=ALICE)
    namespace.ready("laptop")
    rules = [{"apiGroups": ["apitoken.dev"], "resources": ["apitokens"], "verbs": ["list"]}]
    grant(namespace.cluster, BOB, rules, namespace.name)
    text = namespace.cluster.controlplane("kubeconfig", "--user", BOB)
    path = in_namespace(namespace.cluster, tmp_path / "bob", namespace.name, text)
    files, notes = bundle_of(Plugin(namespace.cluster, path), tmp_path)
    tokens = json.loads(files["apitokens.json"])
    assert [t["metadata"]["name"] for t in tokens["ready"]] == ["laptop"]
    for part in ("operator/pods.json", "tokenexpiryconfigs.json", "events-of-ApiToken.json"):
        assert "cannot list" in files[f"{part}.error.txt"], files.keys()
        assert part in files["README.txt"] and part in notes
    assert "crds.json" in files and "versions.json" in files
    assert BOB not in "".join(files.values()) + notes and ALICE not in "".join(files.values())


def test_a_bundle_that_cannot_be_made_is_an_error(namespace, plugin, tmp_path):
    line = plugin.refused(1, "support-bundle", "-o", "/nowhere/bundle.tar.gz")
    assert "/nowhere/bundle.tar.gz cannot be written" in line and "-o" in line
    path = plugin.cluster.changed_kubeconfig(
        tmp_path / "away",
        lambda c: c["clusters"][0]["cluster"].update(server="https://127.0.0.1:9"),
    )
    away = Plugin(plugin.cluster, path)
    assert "cannot be reached" in away.refused(UNREACHABLE, "support-bundle", "-o", tmp_path / "b")
    assert not (tmp_path / "b").exists()
