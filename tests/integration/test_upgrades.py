"""From the previous version of the chart to this one, by each way that Helm offers, on a real API
server; what Helm refuses before it changes anything; and what is left when the release is gone."""

import pytest
import yaml

from testbed.cluster import Cluster
from testbed.helm import CHART, Helm, previous_chart
from testbed.pages import commands
from testbed.waiting import eventually, wait_for

SYSTEM = "apitoken-system"
RELEASE = "apitoken-operator"
KINDS = (
    "clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,deployments,services,"
    "networkpolicies,poddisruptionbudgets,configmaps,validatingadmissionpolicies,"
    "validatingadmissionpolicybindings,customresourcedefinitions"
)
BOTH = pytest.mark.parametrize("major", ["3", "4"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("upgrades")) as cluster:
        yield cluster


@pytest.fixture
def helms(shared, tmp_path):
    """{"3": Helm, "4": Helm}. The release, and what it left, is removed at the end."""
    helms = {major: Helm(shared, major, tmp_path / major) for major in ("3", "4")}
    yield helms
    helms["4"]("uninstall", RELEASE, "--ignore-not-found")
    selector = "app.kubernetes.io/part-of=apitoken-operator"
    shared.kubectl("delete", KINDS, "--all-namespaces", "--selector", selector, "--wait=false")
    # Once in a while the API server takes two minutes for it.
    wait_for(lambda: not ours(shared), 150, lambda: f"not gone: {list(ours(shared))}")


def ours(cluster):
    """{(kind, namespace, name): object} of all objects with the chart's label."""
    listed = cluster.kubectl(
        *("get", KINDS, "--all-namespaces", "--output", "json"),
        *("--selector", "app.kubernetes.io/part-of=apitoken-operator"),
    ).stdout
    return {key_of(thing): thing for thing in yaml.load(listed, yaml.CSafeLoader)["items"]}


def key_of(thing):
    meta = thing["metadata"]
    return thing["kind"], meta.get("namespace"), meta["name"]


def revisions(cluster):
    return {key: thing["metadata"]["resourceVersion"] for key, thing in ours(cluster).items()}


def rendered(helm):
    """What the release consists of, as Helm keeps it."""
    manifest = helm("get", "manifest", RELEASE).stdout
    return {key_of(thing): thing for thing in yaml.load_all(manifest, yaml.CSafeLoader) if thing}


def missing(wanted, found, path=""):
    """Paths at which `found` is not what `wanted` says. The API server may add fields."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            if value not in (None, [], {}, ""):
                yield from missing(value, found.get(key), f"{path}/{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, value in enumerate(wanted):
            yield from missing(value, found[number], f"{path}/{number}")
    elif wanted != found:
        yield f"{path}: {found!r} is not {wanted!r}"


def check_installed(cluster, helm):
    """The objects of the release are there as rendered, and no other."""
    wanted, found = rendered(helm), ours(cluster)
    assert set(found) == set(wanted)
    for key, thing in wanted.items():
        assert list(missing(thing, found[key])) == [], key


def image_tag(cluster):
    deployment = ours(cluster)["Deployment", SYSTEM, RELEASE]
    return deployment["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]


SOME = {
    "replicaCount": 2,
    "extraEnv": [{"name": "TZ", "value": "UTC"}],
    "imagePullSecrets": [{"name": "pull"}],
    "podDisruptionBudget": {"enabled": True},
    "namespaces": ["default"],
    "commonLabels": {"team": "platform"},
}
# Helm of the installation, Helm of the upgrade, flags of the upgrade, values of both
WAYS = [
    ("3", "3", [], {}),
    ("4", "4", [], {}),
    ("3", "4", [], SOME),
    ("3", "3", ["--reuse-values"], SOME),
    ("4", "4", ["--reuse-values"], {}),
    ("4", "4", ["--reset-then-reuse-values"], SOME),
    ("3", "4", ["--server-side=true", "--force-conflicts"], {}),
]


@pytest.mark.parametrize(
    "before, after, flags, values",
    WAYS,
    ids=[f"{b}-{a}-{'-'.join(flags)}-{len(values)}" for b, a, flags, values in WAYS],
)
def test_each_way_of_upgrading_gives_this_version(shared, helms, before, after, flags, values):
    helms[before]("install", RELEASE, previous_chart(), "--create-namespace", values=values)
    assert image_tag(shared) == "0.0.9"
    selector = ours(shared)["Deployment", SYSTEM, RELEASE]["spec"]["selector"]
    reused = any("reuse" in flag for flag in flags)
    helms[after]("upgrade", RELEASE, CHART, *flags, values=None if reused else values)
    assert image_tag(shared) == yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    check_installed(shared, helms[after])
    deployment = ours(shared)["Deployment", SYSTEM, RELEASE]
    assert deployment["spec"]["selector"] == selector
    assert deployment["spec"]["replicas"] == values.get("replicaCount", 1)


@BOTH
@pytest.mark.parametrize("part", ["portal", "podMonitor"])
def test_a_new_part_without_its_defaults_is_refused(shared, helms, major, part):
    """--reuse-values takes the values of the previous chart, which did not have the part."""
    helm = helms[major]
    helm("install", RELEASE, previous_chart(), "--create-namespace")
    flags = ["--set", f"{part}.enabled=true"]
    refused = helm("upgrade", RELEASE, CHART, "--reuse-values", *flags, check=False)
    assert refused.returncode != 0 and "--reset-then-reuse-values" in refused.stderr
    flags += ["--set", "serviceMonitor.enabled=false"]
    if part == "podMonitor":
        helm("upgrade", RELEASE, CHART, "--reset-then-reuse-values", *flags)


@BOTH
def test_a_rollback_gives_the_previous_version_again(shared, helms, major):
    helm = helms[major]
    helm("install", RELEASE, previous_chart(), "--create-namespace", values=SOME)
    before = rendered(helm)
    helm("upgrade", RELEASE, CHART)
    helm("rollback", RELEASE, "1")
    assert rendered(helm) == before and image_tag(shared) == "0.0.9"
    check_installed(shared, helm)
    helm("upgrade", RELEASE, CHART)
    check_installed(shared, helm)


@BOTH
def test_the_strategy_can_be_changed_and_changed_back(shared, helms, major):
    helm = helms[major]
    helm("install", RELEASE, previous_chart(), "--create-namespace")
    # With server-side apply, a field that the API server set by itself cannot be taken away: it has
    # to be the chart's first.
    helm("upgrade", RELEASE, CHART)
    for values, expected in (
        ({"strategy": {"type": "Recreate"}}, "Recreate"),
        ({}, "RollingUpdate"),
    ):
        helm("upgrade", RELEASE, CHART, "--reset-values", values=values)
        strategy = ours(shared)["Deployment", SYSTEM, RELEASE]["spec"]["strategy"]
        assert strategy["type"] == expected
        assert ("rollingUpdate" in strategy) == (expected == "RollingUpdate")


@BOTH
def test_a_namespace_that_does_not_exist_is_refused_before_anything_changes(shared, helms, major):
    helm = helms[major]
    wanted = {"namespaces": ["default", "no-such-team"]}
    refused = helm("install", RELEASE, CHART, "--create-namespace", values=wanted, check=False)
    assert refused.returncode != 0 and "no-such-team does not exist" in refused.stderr
    assert {kind for kind, _, _ in ours(shared)} <= {"CustomResourceDefinition"}

    helm("install", RELEASE, CHART, "--create-namespace")
    before = revisions(shared)
    for values in (wanted, {"namespaceOverride": "no-such-team"}):
        refused = helm("upgrade", RELEASE, CHART, values=values, check=False)
        assert refused.returncode != 0
        assert f"{next(iter(values))}: namespace no-such-team does not exist" in refused.stderr
        assert "kubectl create namespace no-such-team" in refused.stderr
        assert revisions(shared) == before, "the upgrade was refused after it had changed objects"


@BOTH
def test_a_namespace_that_is_being_deleted_is_refused(shared, helms, major):
    helm, name = helms[major], f"leaving-{major}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    body["metadata"]["finalizers"] = ["tests.apitoken.dev/wait"]
    shared.api.create("/api/v1/namespaces", body)
    shared.kubectl("delete", "namespace", name, "--wait=false")
    values = {"namespaces": [name]}
    refused = helm("install", RELEASE, CHART, "--create-namespace", values=values, check=False)
    shared.kubectl(
        *("patch", "namespace", name, "--type=merge"), '--patch={"metadata":{"finalizers":null}}'
    )
    assert refused.returncode != 0
    assert f"namespaces: namespace {name} is being deleted" in refused.stderr


@BOTH
def test_namespaces_that_the_release_makes_are_accepted(shared, helms, major):
    """The release's own, by --create-namespace, and those among the extra objects."""
    helm, names = helms[major], [f"map-{major}", f"text-{major}"]
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names[0]}},
        f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {names[1]}}}\n",
    ]
    values = {"namespaces": [SYSTEM, *names], "extraObjects": objects}
    shared.kubectl("delete", "namespace", SYSTEM, "--ignore-not-found")
    helm("install", RELEASE, CHART, "--create-namespace", values=values)
    bound = {
        namespace
        for kind, namespace, name in ours(shared)
        if kind == "RoleBinding" and name == f"{RELEASE}-tokens"
    }
    assert bound == {SYSTEM, *names}


def removal_commands():
    """The lines of docs/installation.md for what a failed upgrade left."""
    lines = "".join(commands("docs/installation.md", "Removal")).splitlines()
    assert [line.split()[:2] for line in lines] == [["kubectl", "delete"]] * 2
    return lines


@BOTH
def test_nothing_but_the_kinds_is_left_after_an_uninstallation(shared, helms, major):
    helm = helms[major]
    helm("install", RELEASE, previous_chart(), "--create-namespace")
    helm("upgrade", RELEASE, CHART, values=SOME)
    helm("upgrade", RELEASE, CHART, "--reset-values")
    helm("uninstall", RELEASE)
    eventually(lambda: check_only_kinds(shared))


@BOTH
def test_what_a_failed_upgrade_left_is_removed_as_documented(shared, helms, major):
    """The previous version changed objects before it found that a namespace was missing."""
    helm = helms[major]
    helm("install", RELEASE, previous_chart(), "--create-namespace")
    values = {"namespaces": ["default", "no-such-team"]}
    assert helm("upgrade", RELEASE, previous_chart(), values=values, check=False).returncode != 0
    helm("upgrade", RELEASE, CHART)
    helm("uninstall", RELEASE)
    assert ("ClusterRole", None, f"{RELEASE}-tokens") in ours(shared)
    for command in removal_commands():
        shared.kubectl(*command.split()[1:])
    check_only_kinds(shared)


def check_only_kinds(cluster):
    assert set(ours(cluster)) == {
        ("CustomResourceDefinition", None, f"{kind}.apitoken.dev")
        for kind in ("apitokens", "tokenexpiryconfigs")
    }
