"""What GitOps tools see: no drift, kstatus by its own library, Argo CD's health by the shipped
checks, and the permissions that docs/gitops.md names. The real server printed the objects under
tests/recorded; RECORD=1 writes them again."""

import json
import os
import re
import subprocess

import pytest
import yaml

from testbed.cluster import ROOT
from testbed.gitops import argocd_health, kstatus
from testbed.tokens import status_and_reason
from testbed.waiting import eventually, let_pass, wait_for

SAMPLES = str(ROOT / "manifests/samples")
RECORDED = ROOT / "tests/recorded"
GUIDE = (ROOT / "docs/gitops.md").read_text()

# State of an object -> what kstatus and Argo CD say of it.
VERDICTS = {
    "apitoken-untouched": (
        "Current",
        "Progressing",
    ),  # kstatus takes what has no status yet for done: see docs/gitops.md
    "apitoken-pending": ("InProgress", "Progressing"),
    "apitoken-issued": ("Current", "Healthy"),
    "apitoken-changed": ("InProgress", "Progressing"),  # observedGeneration is behind
    "apitoken-expiring": ("Current", "Healthy"),
    "apitoken-conflict": ("Failed", "Degraded"),
    "apitoken-expired": ("Failed", "Degraded"),
    "apitoken-revoked": ("Failed", "Suspended"),
    "apitoken-deleted": (
        "Terminating",
        None,
    ),  # Argo CD asks no health check about what is being deleted
    "tokenexpiryconfig-untouched": ("Current", "Progressing"),
    "tokenexpiryconfig-accepted": ("Current", "Healthy"),
    "tokenexpiryconfig-address": ("InProgress", "Degraded"),
    "tokenexpiryconfig-secret": ("InProgress", "Progressing"),
    "tokenexpiryconfig-delivery": ("Current", "Degraded"),
}


def check_health(state, thing):
    """Checks both tools on a live object, which is recorded if RECORD is set."""
    if os.environ.get("RECORD"):
        RECORDED.mkdir(exist_ok=True)
        (RECORDED / f"{state}.json").write_text(json.dumps(thing, indent=2) + "\n")
    expected_kstatus, expected_health = VERDICTS[state]
    status, message = kstatus(thing)
    assert status == expected_kstatus, (
        f"{state}: kstatus says {status} ({message}) of {thing.get('status')}"
    )
    if expected_health:
        health, message = argocd_health(thing)
        assert health == expected_health, (
            f"{state}: the health check says {health} ({message}) of {thing.get('status')}"
        )


def described(kind, name=None):
    """The YAML of that object in docs/gitops.md, or of the first of its kind."""
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```", GUIDE, re.M | re.S)
    return next(
        thing
        for thing in map(yaml.safe_load, blocks)
        if thing["kind"] == kind and name in (None, thing["metadata"]["name"])
    )


def quota(cluster, namespace, secrets):
    """Limits the number of Secrets in the namespace, so that the API server refuses a write."""
    cluster.kubectl(
        "apply",
        "-n",
        namespace,
        "-f",
        "-",
        input=json.dumps(
            {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": "secrets"},
                "spec": {"hard": {"secrets": str(secrets)}},
            }
        ),
    )


# --- no drift -------------------------------------------------------------------------------------


@pytest.fixture
def applied(cluster, namespace, operator):
    """The samples, applied as Flux and Argo CD do, and minted."""
    apply = ("apply", "--server-side", "-n", namespace.name, "-R", "-f", SAMPLES)
    cluster.kubectl(*apply)
    namespace.ready("ci-deploy")
    namespace.wait_condition("legacy-export", "ExpiringSoon", "True")
    yield lambda: cluster.kubectl(*apply)
    cluster.kubectl("delete", "-n", namespace.name, "--ignore-not-found", "-R", "-f", SAMPLES)


@pytest.mark.parametrize("mode", [["--server-side"], []], ids=["server-side", "client-side"])
def test_the_samples_show_no_diff_while_the_operator_runs(cluster, namespace, applied, mode):
    if not mode:
        cluster.kubectl("apply", "-n", namespace.name, "-R", "-f", SAMPLES)
    diff = cluster.kubectl("diff", *mode, "-n", namespace.name, "-R", "-f", SAMPLES, check=False)
    assert (diff.returncode, diff.stdout) == (0, ""), diff.stdout + diff.stderr


def test_a_diff_is_seen_where_there_is_one(cluster, namespace, applied):
    namespace.tokens.patch("ci-deploy", {"spec": {"description": "changed by hand"}})
    diff = cluster.kubectl(
        "diff",
        "--server-side",
        "--force-conflicts",
        "-n",
        namespace.name,
        "-R",
        "-f",
        SAMPLES,
        check=False,
    )
    assert diff.returncode == 1 and "changed by hand" in diff.stdout


def test_applying_again_writes_nothing_and_mints_nothing(cluster, namespace, applied):
    names = ("ci-deploy", "alice-session", "legacy-export", "report-reader")
    before = eventually(lambda: settled(namespace, names))
    applied()
    let_pass(1)
    after = {name: namespace.tokens.get(name) for name in names}
    for name in names:
        assert (
            after[name]["metadata"]["resourceVersion"]
            == before[name]["metadata"]["resourceVersion"]
        )
        assert after[name]["metadata"]["generation"] == 1 and after[name]["status"]["revision"] == 1


def settled(namespace, names):
    """The objects after their status has stopped changing. The ledger may stay empty, because
    the samples' mail server does not exist."""
    tokens = {name: namespace.tokens.get(name) for name in names}
    assert status_and_reason(tokens["legacy-export"], "Ready") == ("True", "ExpiringSoon")
    assert all(token["status"].get("tokenHash") for token in tokens.values())
    let_pass(1.5)
    assert all(namespace.tokens.get(name) == token for name, token in tokens.items())
    return tokens


def test_the_operator_owns_nothing_but_status(cluster, namespace, applied):
    for line in (cluster.api.get(namespace.tokens.path)["items"], namespace.configs.list()):
        for thing in line:
            for entry in thing["metadata"]["managedFields"]:
                assert entry.get("subresource") == "status" or entry["manager"] == "kubectl", (
                    thing["metadata"]["name"],
                    entry,
                )


# --- kstatus and Argo CD --------------------------------------------------------------------------


def test_the_health_of_an_apitoken_is_right_through_its_life(cluster, namespace, start_operator):
    check_health("apitoken-untouched", namespace.token("ci"))
    quota(cluster, namespace.name, 0)
    operator = start_operator()
    check_health(
        "apitoken-pending", namespace.wait_condition("ci", "Reconciling", "True", "Pending")
    )
    quota(cluster, namespace.name, 9)
    namespace.config("lead", warnBeforeDays=30)
    check_health("apitoken-issued", namespace.ready("ci", timeout=30))
    operator.stop()
    check_health(
        "apitoken-changed", namespace.tokens.patch("ci", {"spec": {"description": "changed"}})
    )
    start_operator()
    check_health("apitoken-issued", namespace.ready("ci"))
    namespace.token("soon", ttl="720h1s")
    check_health(
        "apitoken-expiring", namespace.wait_condition("soon", "Ready", "True", "ExpiringSoon")
    )
    namespace.token("short", ttl="10s")
    namespace.secret("taken", mine="yes")
    namespace.token("taken")
    check_health(
        "apitoken-conflict", namespace.wait_condition("taken", "Stalled", "True", "SecretConflict")
    )
    namespace.tokens.patch("soon", {"spec": {"revoked": True}})
    check_health("apitoken-revoked", namespace.wait_condition("soon", "Stalled", "True", "Revoked"))
    check_health(
        "apitoken-expired",
        namespace.wait_condition("short", "Stalled", "True", "Expired", timeout=25),
    )
    namespace.tokens.patch("ci", {"metadata": {"finalizers": ["example.com/hold"]}})
    namespace.tokens.delete("ci")
    check_health("apitoken-deleted", namespace.tokens.get("ci"))
    namespace.tokens.patch("ci", {"metadata": {"finalizers": None}})


def test_the_health_of_a_tokenexpiryconfig_is_right(namespace, start_operator):
    smtp = {"server": "127.0.0.1:1", "from": "tokens@example.com"}
    name = namespace.config("plain", warnBeforeDays=10)
    check_health("tokenexpiryconfig-untouched", namespace.configs.get(name))
    start_operator()
    check_health("tokenexpiryconfig-accepted", reached(namespace, name, "Ready", "Accepted"))
    check_health(
        "tokenexpiryconfig-address",
        reached(
            namespace,
            namespace.config("address", emails="not an address"),
            "Ready",
            "InvalidAddress",
        ),
    )
    waits = namespace.config(
        "secret", emails="a@example.com", smtp={**smtp, "credentialsSecret": "absent"}
    )
    check_health("tokenexpiryconfig-secret", reached(namespace, waits, "Ready", "SecretNotFound"))
    refused = namespace.config("delivery", emails="a@example.com", digest="0s", smtp=smtp)
    namespace.token("soon", ttl="720h1s")
    check_health(
        "tokenexpiryconfig-delivery", reached(namespace, refused, "EmailDelivery", "DeliveryFailed")
    )


def reached(namespace, name, kind, reason):
    return namespace.wait_config(
        name,
        lambda c: any(
            condition["type"] == kind and condition["reason"] == reason
            for condition in (c.get("status") or {}).get("conditions", [])
        ),
    )


@pytest.mark.parametrize("state", VERDICTS)
def test_a_recorded_object_has_the_same_health(state):
    check_health(state, json.loads((RECORDED / f"{state}.json").read_text()))


@pytest.mark.parametrize("state", VERDICTS)
def test_the_expressions_for_flux_know_what_kstatus_does_not(state):
    """Like Argo CD's health check: current if that is Healthy, failed if it is Degraded, neither
    before the operator saw the object."""
    thing = json.loads((RECORDED / f"{state}.json").read_text())
    checks = {
        check["kind"]: check for check in described("Kustomization")["spec"]["healthCheckExprs"]
    }[thing["kind"]]
    _, current, failed, _ = kstatus(thing, checks["current"], checks["failed"])
    health = VERDICTS[state][1]
    if state == "apitoken-changed":
        assert current == "false"  # of the previous generation
    elif state.endswith("-untouched"):
        assert (current, failed) == ("unknown", "unknown")
    elif state == "tokenexpiryconfig-delivery":
        assert (current, failed) == (
            "true",
            "false",
        )  # mail is no reason to hold back what depends on it
    elif health:
        assert (current == "true") == (health == "Healthy")
        assert (failed == "true") == (health in ("Degraded", "Suspended"))


def test_what_argo_cd_gets_is_what_was_tested():
    done = subprocess.run(
        [ROOT / "hack/verify-argocd.sh"], text=True, capture_output=True, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shipped = yaml.safe_load((ROOT / "manifests/argocd/argocd-cm.yaml").read_text())["data"]
    for kind in ("ApiToken", "TokenExpiryConfig"):
        script = (ROOT / f"manifests/argocd/apitoken.dev/{kind}/health.lua").read_text()
        assert shipped[f"resource.customizations.health.apitoken.dev_{kind}"] == script


# --- permissions ----------------------------------------------------------------------------------


class Deployer:
    """kubectl as a service account with the permissions of docs/gitops.md in one namespace."""

    def __init__(self, cluster, namespace, account):
        self.cluster = cluster
        self.namespace = namespace
        self.account = f"system:serviceaccount:{namespace}:{account}"

    def kubectl(self, *args, **options):
        return self.cluster.kubectl("-n", self.namespace, f"--as={self.account}", *args, **options)

    def may(self, verb, group, resource, name="", everywhere=False):
        resource, _, subresource = resource.partition("/")
        asked = {
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
            "name": name,
            "namespace": "" if everywhere else self.namespace,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": self.account, "resourceAttributes": asked},
        }
        return self.cluster.api.create(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews", review
        )["status"]["allowed"]


@pytest.fixture
def deployer(cluster, namespace):
    role, binding = described("ClusterRole"), described("RoleBinding")
    identities = [
        described(kind, "apitoken-gitops-identities")
        for kind in ("ClusterRole", "ClusterRoleBinding")
    ]
    binding["metadata"]["namespace"] = namespace.name
    for one in (binding, identities[1]):
        one["subjects"][0]["namespace"] = namespace.name
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all([role, binding, *identities]))
    deployer = Deployer(cluster, namespace.name, binding["subjects"][0]["name"])
    wait_for(
        lambda: deployer.may("mint-permanent", "apitoken.dev", "apitokens"),
        10,
        "the role is not in force",
    )
    wait_for(
        lambda: deployer.may(
            "impersonate", "apitoken.dev", "users", "bob@example.com", everywhere=True
        ),
        10,
        "the names are not in force",
    )
    yield deployer
    cluster.kubectl(
        "delete", "clusterrole", role["metadata"]["name"], identities[0]["metadata"]["name"]
    )
    cluster.kubectl("delete", "clusterrolebinding", identities[1]["metadata"]["name"])


@pytest.fixture
def policy(cluster, namespace, deployer):
    """The shipped mint policy, in force for this test alone."""
    mint = str(ROOT / "manifests/policy/mint.yaml")
    cluster.kubectl("apply", "-f", mint)

    def refuses():
        asked = deployer.kubectl(
            "apply",
            "--server-side",
            "--dry-run=server",
            "-f",
            "-",
            check=False,
            input=json.dumps(
                {
                    "apiVersion": "apitoken.dev/v1alpha1",
                    "kind": "ApiToken",
                    "metadata": {"name": "eve"},
                    "spec": {"user": "eve@example.com"},
                }
            ),
        )
        return asked.returncode != 0 and "may not impersonate" in asked.stderr

    wait_for(refuses, 30, "the policy refuses nothing")
    yield
    cluster.kubectl("delete", "-f", mint)


def test_the_documented_role_suffices_to_apply_and_prune(namespace, operator, deployer, policy):
    sample = str(ROOT / "manifests/samples/apitoken-permanent.yaml")
    deployer.kubectl("apply", "--server-side", "-f", sample)
    namespace.ready("ci-deploy")
    deployer.kubectl("diff", "--server-side", "-f", sample)
    deployer.kubectl("delete", "-f", sample)


def test_a_robot_needs_no_permission_on_names(deployer, policy, cluster, namespace):
    cluster.kubectl("delete", "clusterrolebinding", "apitoken-gitops-identities")
    robot = {
        "apiVersion": "apitoken.dev/v1alpha1",
        "kind": "ApiToken",
        "metadata": {"name": "ci"},
        "spec": {"user": f"robot:{namespace.name}:ci"},
    }
    deployer.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(robot))
    cluster.kubectl(
        "apply",
        "-f",
        "-",
        input=yaml.safe_dump(described("ClusterRoleBinding", "apitoken-gitops-identities")),
    )


@pytest.mark.parametrize(
    "verb, group, resource, name, allowed",
    [
        ("mint-permanent", "apitoken.dev", "apitokens", "", True),
        ("impersonate", "apitoken.dev", "users", "alice@example.com", True),
        ("impersonate", "apitoken.dev", "users", "eve@example.com", False),
        ("impersonate", "apitoken.dev", "groups", "", False),
        ("impersonate", "", "users", "alice@example.com", False),
        ("patch", "apitoken.dev", "apitokens/status", "", False),
        ("get", "", "secrets", "ci-deploy", False),
    ],
)
def test_the_documented_role_allows(deployer, verb, group, resource, name, allowed):
    assert deployer.may(verb, group, resource, name, everywhere=verb == "impersonate") == allowed


def test_the_documented_role_names_who_the_samples_speak_for():
    users = {
        yaml.safe_load(path.read_text())["spec"]["user"]
        for path in (ROOT / "manifests/samples").rglob("apitoken-*.yaml")
    }
    assert users <= set(
        described("ClusterRole", "apitoken-gitops-identities")["rules"][0]["resourceNames"]
    )
