"""The chart as one of several charts of a parent: its condition, the values under `global`, an
alias, and defaults that the parent takes away."""

import shutil

import pytest
import yaml

from rendering import CHART, NAMESPACE, helm, names, objects_in, only

DEPENDENCY = {"name": "apitoken-operator", "version": "*"}
CONDITION = {"condition": "apitoken-operator.enabled"}
BOTH = pytest.mark.parametrize("major", ["3", "4"])


@pytest.fixture
def parent(tmp_path):
    """parent(values, major, flags, dependency): what `helm template` of a parent chart gives."""
    chart = tmp_path / "platform"
    (chart / "charts").mkdir(parents=True)
    shutil.copytree(CHART, chart / "charts" / "apitoken-operator")

    def template(values, major, *flags, **dependency):
        about = {
            "apiVersion": "v2",
            "name": "platform",
            "version": "1.0.0",
            "dependencies": [{**DEPENDENCY, **dependency}],
        }
        (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
        (chart / "values.yaml").write_text(yaml.safe_dump(values))
        return helm("template", "prod", chart, "-n", NAMESPACE, *flags, major=major, check=False)

    return template


def rendered(done):
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()
    return objects_in(done.stdout)


@BOTH
def test_the_condition_of_a_parent_chart_switches_the_chart(parent, major):
    for values, expected in (
        ({}, ["prod-apitoken-operator"]),
        ({"apitoken-operator": {"enabled": True}}, ["prod-apitoken-operator"]),
        ({"apitoken-operator": {"enabled": False}}, []),
    ):
        objects = rendered(parent(values, major, **CONDITION))
        assert names(objects, "Deployment") == expected
        assert bool(objects) == bool(expected)


@BOTH
def test_without_a_condition_enabled_false_is_refused(parent, major):
    refused = parent({"apitoken-operator": {"enabled": False}}, major)
    assert refused.returncode != 0
    assert "condition: apitoken-operator.enabled" in refused.stderr


@BOTH
def test_global_values_reach_the_chart_and_those_of_other_charts_are_no_error(parent, major):
    values = {
        "global": {
            "imageRegistry": "mirror.example.com",
            "imagePullSecrets": ["pull"],
            "storageClass": "fast",
        }
    }
    pod = only(rendered(parent(values, major)), "Deployment")["spec"]["template"]["spec"]
    image = pod["containers"][0]["image"]
    assert image.startswith("mirror.example.com/apitoken-dev/apitoken-operator:")
    assert pod["imagePullSecrets"] == [{"name": "pull"}]


@BOTH
def test_an_alias_names_the_objects(parent, major):
    objects = rendered(parent({}, major, alias="tokens"))
    deployment = only(objects, "Deployment")
    assert deployment["metadata"]["name"] == "prod-tokens"
    service = only(objects, "Service", "prod-tokens-metrics")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()


@BOTH
def test_a_value_file_of_the_parent_can_take_a_default_away(parent, major, tmp_path):
    """The parent's own values.yaml can not, with Helm 4."""
    fields = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"apitoken-operator": {"podSecurityContext": fields}}))
    objects = rendered(parent({}, major, "--values", file))
    context = only(objects, "Deployment")["spec"]["template"]["spec"]["securityContext"]
    assert context == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


@BOTH
@pytest.mark.parametrize(
    "variables",
    [{"TZ": "UTC"}, [{"name": "TZ", "value": "UTC"}], None],
    ids=["map", "list", "null"],
)
def test_extra_env_may_be_a_map_or_a_list_without_a_warning(parent, major, variables):
    objects = rendered(parent({"apitoken-operator": {"extraEnv": variables}}, major))
    env = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env[1:] == ([{"name": "TZ", "value": "UTC"}] if variables else [])


@BOTH
def test_maps_of_variables_from_several_files_are_merged(major, tmp_path):
    files = []
    for number, variables in enumerate(({"A": "1", "B": "1"}, {"B": "2", "C": "2"})):
        files += ["--values", tmp_path / f"{number}.yaml"]
        files[-1].write_text(yaml.safe_dump({"extraEnv": variables}))
    done = helm("template", "prod", CHART, "-n", NAMESPACE, *files, major=major)
    env = only(rendered(done), "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {one["name"]: one["value"] for one in env[1:]} == {"A": "1", "B": "2", "C": "2"}
