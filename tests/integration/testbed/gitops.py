"""How delivery tools read an object: kstatus by its real library (hack/kstatus.sh), Argo CD by
the shipped health checks under Lua 5.1, with the libraries that Argo CD allows."""

import json
import subprocess

from .cluster import ROOT

HEALTH_CHECKS = ROOT / "manifests" / "argocd" / "apitoken.dev"
LUA = """
local obj = %s
local check = assert(loadfile(%s))
setfenv(check, {
  obj = obj, ipairs = ipairs, pairs = pairs, next = next, type = type,
  tostring = tostring, tonumber = tonumber, table = table,
})
local health = check()
io.write(health.status, "\\t", health.message)
"""


def kstatus(thing, *expressions):
    """[status, the result of each CEL expression..., message]"""
    done = subprocess.run(
        [ROOT / "hack" / "kstatus.sh", *expressions],
        input=json.dumps(thing),
        text=True,
        capture_output=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n").split("\t", 1 + len(expressions))


def lua(value):
    """A JSON value in Lua's syntax."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"[{lua(key)}] = {lua(member)}" for key, member in value.items()) + "}"
        )
    if isinstance(value, list):
        return "{" + ", ".join(lua(member) for member in value) + "}"
    if value is None:
        return "nil"
    if isinstance(value, str):
        return '"' + "".join(f"\\{byte:03d}" for byte in value.encode()) + '"'
    return json.dumps(value)


def argocd_health(thing):
    """(status, message)."""
    script = HEALTH_CHECKS / thing["kind"] / "health.lua"
    done = subprocess.run(
        ["lua5.1", "-"],
        input=LUA % (lua(thing), lua(str(script))),
        text=True,
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return tuple(done.stdout.split("\t", 1))
