"""`helm template` of the shipped chart: values in, objects out. Needs no cluster."""

import pathlib
import subprocess

import yaml

from testbed.built import built

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "apitoken-operator"
RELEASE = "apitoken-operator"
NAMESPACE = "apitoken-system"
PROMETHEUS_OPERATOR = ("--api-versions", "monitoring.coreos.com/v1")


def helm(*args, major="4", input=None, check=True, env=None):
    done = subprocess.run(
        [built("helm")[major], *map(str, args)],
        input=input,
        text=True,
        capture_output=True,
        env=env,
        timeout=300,
    )
    assert not check or done.returncode == 0, f"helm {' '.join(map(str, args))}: {done.stderr}"
    return done


def render(
    values=None,
    *flags,
    chart=CHART,
    release=RELEASE,
    namespace=NAMESPACE,
    prometheus=True,
    major="4",
    check=True,
):
    """The objects, or with check=False what Helm says on stderr. `prometheus`: the cluster has the
    Prometheus operator."""
    flags = [*flags, "--namespace", namespace, *(PROMETHEUS_OPERATOR if prometheus else ())]
    text = yaml.safe_dump(values or {})
    done = helm(
        "template", release, chart, "--values", "-", *flags, major=major, input=text, check=check
    )
    return objects_in(done.stdout) if check else done.stderr


def objects_in(text):
    return [thing for thing in yaml.load_all(text, yaml.CSafeLoader) if thing]


def only(objects, kind, name=None):
    """The only object of that kind (and name)."""
    found = [
        thing
        for thing in objects
        if thing["kind"] == kind and name in (None, thing["metadata"]["name"])
    ]
    assert len(found) == 1, f"{len(found)} of {kind} {name or ''}"
    return found[0]


def names(objects, kind):
    return sorted(thing["metadata"]["name"] for thing in objects if thing["kind"] == kind)


def at(thing, path):
    """The value at the path a.b.0.c, or None."""
    for step in path.split("/"):
        if isinstance(thing, list):
            thing = thing[int(step)] if int(step) < len(thing) else None
        else:
            thing = (thing or {}).get(step)
    return thing
