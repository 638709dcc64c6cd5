"""The operator reports in its log and in its metric whether the mint policy is in force."""

import pytest
import yaml

from testbed.cluster import ROOT
from testbed.waiting import wait_for

PATH = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
PARTS = {"ies": "ValidatingAdmissionPolicy", "ybindings": "ValidatingAdmissionPolicyBinding"}
MANIFEST = yaml.safe_load_all((ROOT / "manifests/policy/mint.yaml").read_text())
SHIPPED = {d["kind"]: d for d in MANIFEST if d["metadata"]["name"] == "apitoken-mint"}
ABSENT = "the mint policy is not in force"


@pytest.fixture
def policies(cluster):
    """Sets the two objects as the test wants; afterwards they are as before."""

    def stored(part):
        return cluster.api.get(f"{PATH}{part}/apitoken-mint")

    def put(part, wanted):
        if stored(part):
            cluster.api.delete(f"{PATH}{part}/apitoken-mint")
        if wanted:
            kept = {field: wanted[field] for field in ("apiVersion", "kind", "spec")}
            cluster.api.create(
                f"{PATH}{part}",
                {
                    **kept,
                    "metadata": {
                        "name": "apitoken-mint",
                        "labels": wanted["metadata"].get("labels", {}),
                    },
                },
            )

    before = {part: stored(part) for part in PARTS}

    def put_both(policy=True, **binding):
        put("ies", SHIPPED[PARTS["ies"]] if policy else None)
        shipped = SHIPPED[PARTS["ybindings"]]
        put(
            "ybindings",
            None if binding.get("absent") else {**shipped, "spec": {**shipped["spec"], **binding}},
        )

    yield put_both
    for part, object_before in before.items():
        put(part, object_before)


def state(operator, wanted):
    wait_for(
        lambda: operator.metrics().value("apitoken_mint_policy_present") == wanted,
        15,
        lambda: f"apitoken_mint_policy_present is not {wanted}; the log:\n{operator.log()}",
    )


def test_a_policy_that_denies_is_present(policies, start_operator):
    policies()
    operator = start_operator()
    state(operator, 1)
    assert ABSENT not in operator.log()


@pytest.mark.parametrize(
    "change,cause",
    [
        ({"policy": False}, "validatingadmissionpolicies.*not found"),
        ({"absent": True}, "validatingadmissionpolicybindings.*not found"),
        ({"validationActions": ["Warn", "Audit"]}, "validationActions Deny"),
        ({"policyName": "another"}, "does not bind policy apitoken-mint"),
    ],
    ids=["no policy", "no binding", "a binding that warns", "a binding of another policy"],
)
def test_its_absence_is_said(policies, start_operator, change, cause):
    policies(**change)
    operator = start_operator()
    state(operator, 0)
    operator.wait_logged(f"{ABSENT}.*{cause}")
    assert operator.log().count(ABSENT) == 1


@pytest.mark.parametrize(
    "change,said",
    [
        ({}, "ok       mint policy: in force"),
        ({"absent": True}, "does not exist"),
        ({"validationActions": ["Warn", "Audit"]}, "put Deny into spec.validationActions"),
        ({"policyName": "another"}, "set spec.policyName to apitoken-mint"),
    ],
    ids=["in force", "no binding", "a binding that warns", "a binding of another policy"],
)
def test_the_plugin_checks_the_same(policies, plugin, change, said):
    policies(**change)
    printed = plugin.run("check").stdout
    (line,) = (line for line in printed.splitlines() if "mint policy:" in line)
    assert said in line, printed


def test_an_operator_that_may_not_look_says_so(cluster, launch, namespace, tmp_path):
    path = tmp_path / "nobody"
    path.write_text(cluster.controlplane("kubeconfig", "--user", f"nobody-{namespace.name}"))
    operator = launch(*namespace.flags, kubeconfig=path, wait_ready=False)
    operator.wait_logged("cannot see whether the mint policy is in force.*forbidden")
    assert operator.metrics().value("apitoken_mint_policy_present") is None
