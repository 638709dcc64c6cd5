"""What people type wrong, and what they read then: tests/mistakes/mistakes.yaml, made one by one
against a real API server and operator."""

import json
import shlex

import pytest
import yaml

from testbed.cluster import ROOT
from testbed.waiting import eventually

MISTAKES = yaml.safe_load((ROOT / "tests/mistakes/mistakes.yaml").read_text())
PARTS = {"object", "field", "value", "remedy"}


def check(mistake, answer, name):
    for part, text in mistake["says"].items():
        wanted = name if (part, text) == ("object", "NAME") else text
        assert wanted is None or wanted in answer, f"the {part} {wanted} is not in: {answer}"


def apply(namespace, mistake):
    kind = "ApiToken" if "ApiToken" in mistake else "TokenExpiryConfig"
    name = mistake.get("name", "ci" if kind == "ApiToken" else f"{namespace.name}-config")
    body = {
        "apiVersion": "apitoken.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": mistake[kind],
    }
    if kind == "ApiToken":
        body["metadata"]["namespace"] = namespace.name
    collection = namespace.tokens if kind == "ApiToken" else namespace.configs
    done = namespace.cluster.kubectl("apply", "-f", "-", input=json.dumps(body), check=False)
    return name, collection, done


@pytest.mark.parametrize(
    "mistake", [m for m in MISTAKES if "run" not in m], ids=lambda m: m["mistake"]
)
def test_an_object_that_is_wrong_is_explained(namespace, request, mistake):
    if "answer" in mistake:
        request.getfixturevalue("operator")
    name, collection, done = apply(namespace, mistake)
    if "answer" not in mistake:
        assert done.returncode == 1, done.stdout
        check(mistake, done.stderr, name)
        return
    assert done.returncode == 0, done.stderr
    try:
        eventually(lambda: check(mistake, f"{name}: {conditions(collection, name)}", name))
    finally:
        collection.delete(name)


def conditions(collection, name):
    found = collection.get(name).get("status", {}).get("conditions", [])
    return " ".join(c["message"] for c in found if c["status"] == "False")


def test_commands_that_are_wrong_are_explained(namespace, operator, plugin):
    namespace.token("taken")
    namespace.ready("taken")
    faults = []
    for mistake in (m for m in MISTAKES if "run" in m):
        command = shlex.split(mistake["run"].removeprefix("kubectl apitoken "))
        done = plugin.run(*command, input=mistake.get("input", ""))
        try:
            assert done.returncode == mistake["exit"], done.stderr
            check(mistake, done.stderr + done.stdout, "taken")
        except AssertionError as fault:
            faults.append(f"{mistake['mistake']}: {fault}")
    assert not faults, "\n".join(faults)


def test_the_table_holds_what_it_promises():
    whole = [m for m in MISTAKES if all(m["says"].get(part) for part in PARTS)]
    assert len(MISTAKES) >= 60
    assert len(whole) >= 50, "object, field, value and remedy"
