"""What GitOps tools see: no drift, kstatus by its own library, Argo CD's health by the shipped checks, and the rights that docs/gitops.md
names. The objects under tests/recorded are such as the real server gave out; RECORD=1 writes them anew."""

import json
import os
import re
import subprocess

import pytest
import yaml

from bed.cluster import ROOT
from bed.gitops import argocd_health, kstatus
from bed.tokens import stands
from bed.waiting import eventually, let_pass, wait_for

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


def judge(state, thing):
    """Both verdicts on a live object, which becomes the recorded one where RECORD is set."""
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
    """At most so many Secrets in the namespace: the API server's own way to refuse a write."""
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


# --- no drift -------------------------------------------------------------------------------------------------------


@pytest.fixture
def applied(cluster, space, operator):
    """The samples, applied as Flux and Argo CD do, and minted."""
    apply = ("apply", "--server-side", "-n", space.name, "-f", SAMPLES)
    cluster.kubectl(*apply)
    space.ready("ci-deploy")
    space.wait_condition("legacy-export", "ExpiringSoon", "True")
    yield lambda: cluster.kubectl(*apply)
    cluster.kubectl("delete", "-n", space.name, "--ignore-not-found", "-f", SAMPLES)


@pytest.mark.parametrize("mode", [["--server-side"], []], ids=["server-side", "client-side"])
def test_the_samples_show_no_diff_while_the_operator_runs(cluster, space, applied, mode):
    if not mode:
        cluster.kubectl("apply", "-n", space.name, "-f", SAMPLES)
    diff = cluster.kubectl("diff", *mode, "-n", space.name, "-f", SAMPLES, check=False)
    assert (diff.returncode, diff.stdout) == (0, ""), diff.stdout + diff.stderr


def test_a_diff_is_seen_where_there_is_one(cluster, space, applied):
    space.tokens.patch("ci-deploy", {"spec": {"description": "changed by hand"}})
    diff = cluster.kubectl(
        "diff", "--server-side", "--force-conflicts", "-n", space.name, "-f", SAMPLES, check=False
    )
    assert diff.returncode == 1 and "changed by hand" in diff.stdout


def test_applying_again_writes_nothing_and_mints_nothing(cluster, space, applied):
    names = ("ci-deploy", "alice-session", "legacy-export", "report-reader")
    before = eventually(lambda: settled(space, names))
    applied()
    let_pass(1)
    after = {name: space.tokens.get(name) for name in names}
    for name in names:
        assert (
            after[name]["metadata"]["resourceVersion"]
            == before[name]["metadata"]["resourceVersion"]
        )
        assert after[name]["metadata"]["generation"] == 1 and after[name]["status"]["revision"] == 1


def settled(space, names):
    """The objects once their status has stopped moving. (A ledger need not fill: the samples' mail server does not exist.)"""
    tokens = {name: space.tokens.get(name) for name in names}
    assert stands(tokens["legacy-export"], "Ready") == ("True", "ExpiringSoon")
    assert all(token["status"].get("tokenHash") for token in tokens.values())
    let_pass(1.5)
    assert all(space.tokens.get(name) == token for name, token in tokens.items())
    return tokens


def test_the_operator_owns_nothing_but_status(cluster, space, applied):
    for line in (cluster.api.get(space.tokens.path)["items"], space.configs.list()):
        for thing in line:
            for entry in thing["metadata"]["managedFields"]:
                assert entry.get("subresource") == "status" or entry["manager"] == "kubectl", (
                    thing["metadata"]["name"],
                    entry,
                )


# --- kstatus and Argo CD ----------------------------------------------------------------------------------------------


def test_an_apitoken_is_judged_rightly_through_its_life(cluster, space, start_operator):
    judge("apitoken-untouched", space.token("ci"))
    quota(cluster, space.name, 0)
    operator = start_operator()
    judge("apitoken-pending", space.wait_condition("ci", "Reconciling", "True", "Pending"))
    quota(cluster, space.name, 9)
    space.config("lead", warnBeforeDays=30)
    judge("apitoken-issued", space.ready("ci", timeout=30))
    operator.stop()
    judge("apitoken-changed", space.tokens.patch("ci", {"spec": {"description": "changed"}}))
    start_operator()
    judge("apitoken-issued", space.ready("ci"))
    space.token("soon", ttl="720h1s")
    judge("apitoken-expiring", space.wait_condition("soon", "Ready", "True", "ExpiringSoon"))
    space.token("short", ttl="10s")
    space.secret("taken", mine="yes")
    space.token("taken")
    judge("apitoken-conflict", space.wait_condition("taken", "Stalled", "True", "SecretConflict"))
    space.tokens.patch("soon", {"spec": {"revoked": True}})
    judge("apitoken-revoked", space.wait_condition("soon", "Stalled", "True", "Revoked"))
    judge(
        "apitoken-expired", space.wait_condition("short", "Stalled", "True", "Expired", timeout=25)
    )
    space.tokens.patch("ci", {"metadata": {"finalizers": ["example.com/hold"]}})
    space.tokens.delete("ci")
    judge("apitoken-deleted", space.tokens.get("ci"))
    space.tokens.patch("ci", {"metadata": {"finalizers": None}})


def test_a_tokenexpiryconfig_is_judged_rightly(space, start_operator):
    smtp = {"server": "127.0.0.1:1", "from": "tokens@example.com"}
    name = space.config("plain", warnBeforeDays=10)
    judge("tokenexpiryconfig-untouched", space.configs.get(name))
    start_operator()
    judge("tokenexpiryconfig-accepted", reached(space, name, "Ready", "Accepted"))
    judge(
        "tokenexpiryconfig-address",
        reached(space, space.config("address", emails="not an address"), "Ready", "InvalidAddress"),
    )
    waits = space.config(
        "secret", emails="a@example.com", smtp={**smtp, "credentialsSecret": "absent"}
    )
    judge("tokenexpiryconfig-secret", reached(space, waits, "Ready", "SecretNotFound"))
    refused = space.config("delivery", emails="a@example.com", digest="0s", smtp=smtp)
    space.token("soon", ttl="720h1s")
    judge("tokenexpiryconfig-delivery", reached(space, refused, "EmailDelivery", "DeliveryFailed"))


def reached(space, name, kind, reason):
    return space.wait_config(
        name,
        lambda c: any(
            condition["type"] == kind and condition["reason"] == reason
            for condition in (c.get("status") or {}).get("conditions", [])
        ),
    )


@pytest.mark.parametrize("state", VERDICTS)
def test_a_recorded_object_is_judged_the_same(state):
    judge(state, json.loads((RECORDED / f"{state}.json").read_text()))


@pytest.mark.parametrize("state", VERDICTS)
def test_the_expressions_for_flux_know_what_kstatus_does_not(state):
    """As Argo CD's health check: done where that says Healthy, lost where it says Degraded; what nobody has seen is neither."""
    thing = json.loads((RECORDED / f"{state}.json").read_text())
    checks = {
        check["kind"]: check for check in described("Kustomization")["spec"]["healthCheckExprs"]
    }[thing["kind"]]
    _, current, failed, _ = kstatus(thing, checks["current"], checks["failed"])
    health = VERDICTS[state][1]
    if state == "apitoken-changed":
        assert current == "false"  # of the former generation
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


# --- rights -----------------------------------------------------------------------------------------------------------


class Deployer:
    """kubectl as a service account with the rights of docs/gitops.md in one namespace."""

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
def deployer(cluster, space):
    role, binding = described("ClusterRole"), described("RoleBinding")
    identities = [
        described(kind, "apitoken-gitops-identities")
        for kind in ("ClusterRole", "ClusterRoleBinding")
    ]
    binding["metadata"]["namespace"] = space.name
    for one in (binding, identities[1]):
        one["subjects"][0]["namespace"] = space.name
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all([role, binding, *identities]))
    deployer = Deployer(cluster, space.name, binding["subjects"][0]["name"])
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
def policy(cluster, space, deployer):
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


def test_the_documented_rights_suffice_to_apply_and_prune(space, operator, deployer, policy):
    sample = str(ROOT / "manifests/samples/apitoken-permanent.yaml")
    deployer.kubectl("apply", "--server-side", "-f", sample)
    space.ready("ci-deploy")
    deployer.kubectl("diff", "--server-side", "-f", sample)
    deployer.kubectl("delete", "-f", sample)


def test_a_robot_needs_no_right_on_names(deployer, policy, cluster, space):
    cluster.kubectl("delete", "clusterrolebinding", "apitoken-gitops-identities")
    robot = {
        "apiVersion": "apitoken.dev/v1alpha1",
        "kind": "ApiToken",
        "metadata": {"name": "ci"},
        "spec": {"user": f"robot:{space.name}:ci"},
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
        for path in (ROOT / "manifests/samples").glob("apitoken-*.yaml")
    }
    assert users <= set(
        described("ClusterRole", "apitoken-gitops-identities")["rules"][0]["resourceNames"]
    )
