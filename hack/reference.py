#!/usr/bin/env python3
"""Prints docs/reference.md: every field of both kinds, as the CRDs in crds/ describe them.

Called by hack/packages.sh, which writes the page or compares it. Reads crds/ and changes nothing.
"""

import pathlib

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEAD = """# API reference
<!-- Made by hack/packages.sh --write from crds/. Edit the descriptions there. -->
Group `{group}`, version `{version}`.
[Resources](resources.md) explains the fields with their defaults and what happens when they change.
"""


def type_of(schema):
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {type_of(schema['items'])}"
    if kind == "object" and "additionalProperties" in schema:
        return f"map of {type_of(schema['additionalProperties'])}"
    if schema.get("format") == "date-time":
        return "time"
    return kind


def limits(schema):
    """What the schema demands of a value, as short phrases."""
    if "enum" in schema:
        yield "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    for name, phrase in (
        ("minimum", "at least {}"),
        ("maximum", "at most {}"),
        ("minLength", "{} or more characters"),
        ("maxLength", "at most {} characters"),
        ("minItems", "{} or more items"),
        ("maxItems", "at most {} items"),
        ("maxProperties", "at most {} keys"),
    ):
        if name in schema:
            yield phrase.format(schema[name])
    if "pattern" in schema:
        yield f"pattern `{schema['pattern']}`"


def rules(schema):
    """The messages of the CEL rules, which say what is refused."""
    for rule in schema.get("x-kubernetes-validations", []):
        yield rule.get("message") or "a message that depends on the value"


def fields(schema, path, required=False):
    """Markdown of one field and of all fields in it."""
    note = "required" if required else ""
    facts = ", ".join(part for part in (type_of(schema), note, *limits(schema)) if part)
    yield f"### `{path}`"
    yield f"*{facts}*"
    if description := schema.get("description"):
        yield ""
        yield "\n".join(sentences(description))
    found = [*rules(schema), *rules(schema.get("items", {}))]
    if found:
        yield ""
        yield "Refused with:"
        yield "\n".join(f"- {message}" for message in found)
    yield ""
    inner, suffix = schema, ""
    if schema.get("type") == "array":
        inner, suffix = schema["items"], "[]"
    for name, part in inner.get("properties", {}).items():
        yield from fields(part, f"{path}{suffix}.{name}", name in inner.get("required", []))


def sentences(text):
    """One sentence a line, as all pages have it."""
    joined = " ".join(text.split())
    line = ""
    for word in joined.split(" "):
        if line and line[-1] in ".!?" and word[:1].isupper():
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line


def page():
    parts = []
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))
        (version,) = crd["spec"]["versions"]
        names = crd["spec"]["names"]
        schema = version["schema"]["openAPIV3Schema"]
        if not parts:
            parts.append(HEAD.format(group=crd["spec"]["group"], version=version["name"]))
        short = ", ".join(f"`{name}`" for name in names.get("shortNames", []))
        parts.append(f"## {names['kind']}")
        parts.append(f"{crd['spec']['scope']}; plural `{names['plural']}`, short {short}.\n")
        for name in ("spec", "status"):
            required = name in schema.get("required", [])
            parts.extend(fields(schema["properties"][name], name, required))
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    print(page(), end="")
