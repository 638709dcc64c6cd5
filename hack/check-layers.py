#!/usr/bin/env python3
"""Checks rules of the tree that no compiler checks.

- Each folder of controller/ includes only the folders before it.
- Each third-party library is included by the files that adapt it, and by no others.
- Each folder has a README and a row in the table of controller/README.md.
- Each file of controller/ begins with a comment that says what it is.
- Code, CRDs, the operator's role and docs agree on the names that they share.

Run by hand and by hack/test.sh. Reads the tree and changes nothing; exits 1 and names each
difference.
"""

import fnmatch
import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Folder -> the folders it may include, itself apart. "." are the files of controller/ itself.
LAYERS = {
    "base": [],
    "api": ["base"],
    "core": ["base", "api"],
    "kube": ["base", "api"],
    "notify": ["base", "api", "core", "kube"],
    "serve": ["base", "api", "core", "kube"],
    "verify": ["base", "api", "core", "kube", "serve"],
    "portal": ["base", "api", "core", "kube", "serve", "program"],
    "reconcile": ["base", "api", "core", "kube", "notify", "serve", "verify"],
    "program": ["base", "core", "kube", "serve"],
    "cli": ["base", "api", "core", "kube", "serve", "program", "portal"],
    ".": ["base", "api", "core", "kube", "notify", "serve", "verify", "reconcile", "program"],
}

# First part of a third-party include -> the files, without ending, that may include it.
LIBRARIES = {
    "fmt": ["*"],
    "spdlog": ["base/log"],
    "nlohmann": [
        "api/*",
        "core/jwe",
        "core/jwt",
        "core/manifest",
        "core/yaml_text",
        "kube/client",
        "kube/kubeconfig_entries",
        "kube/yaml_json",
        "cli/*",
        "portal/*",
        "verify/answers",
    ],
    "simdjson.h": ["api/json", "kube/watch_decoder"],
    "zlib.h": ["cli/archive", "core/token_format", "portal/assets"],
    "openssl": [
        "core/cms",
        "core/hash",
        "core/jwe",
        "core/jwk",
        "core/jwt",
        "core/openssl_errors",
        "core/token_format",
        "kube/cpprest_*",
        "kube/proxy_relay",
        "kube/tls_context",
        "main",
        "portal/sign_in_cookie",
    ],
    "cpprest": ["kube/cpprest_*"],
    "pplx": ["kube/cpprest_*"],
    "boost": ["kube/cpprest_*", "kube/kept", "kube/proxy_relay", "kube/proxy_tunnel", "api/json"],
    "yaml-cpp": ["kube/kubeconfig_entries", "kube/yaml_document"],
    "curl": ["notify/smtp_session", "portal/oidc_http"],
    "prometheus": ["serve/*", "verify/verify_metrics", "portal/portal_metrics"],
    "microhttpd.h": ["serve/http_server", "serve/http_exchange", "serve/http_response"],
    # For libmicrohttpd's TLS.
    "gnutls": ["serve/tls_material", "serve/tls_reader", "serve/http_server"],
}

# Pure layers include no header of the operating system, but for those that only compute.
PURE = ["api", "core"]
COMPUTES = {"arpa/inet.h"}  # inet_pton reads an address
SYSTEM = re.compile(
    r"^(sys|netinet|arpa)/|^(fcntl|malloc|netdb|poll|pthread|signal|spawn|unistd)\.h$"
)
STANDARD = re.compile(r"^[a-z0-9_]+$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def check_include(name, folder, quote, target):
    """The fault of one include, or None. `name` is the path under controller/, no suffix."""
    first = target.split("/")[0]
    if quote == '"':
        layer = first if "/" in target else "."
        if layer not in LAYERS:
            return f"includes {target}, which is in no layer"
        if layer == folder or layer in LAYERS[folder]:
            return None
        return f"is in {folder} and may not include {target}"
    if STANDARD.match(target):
        return None
    if SYSTEM.search(target):
        asks = folder in PURE and target not in COMPUTES
        return f"is pure and may not include <{target}>" if asks else None
    if first not in LIBRARIES:
        return (
            f"includes <{target}>, a library that no file may include: "
            "add it to hack/check-layers.py with its reason"
        )
    if any(fnmatch.fnmatch(name, allowed) for allowed in LIBRARIES[first]):
        return None
    return f"may not include <{target}>; {first} belongs to {', '.join(LIBRARIES[first])}"


def includes():
    for path in sorted((ROOT / "controller").rglob("*.[ch]pp")):
        relative = path.relative_to(ROOT / "controller")
        folder = relative.parts[0] if len(relative.parts) > 1 else "."
        for quote, target in INCLUDE.findall(path.read_text(encoding="utf-8")):
            fault = check_include(str(relative.with_suffix("")), folder, quote, target)
            if fault:
                yield f"controller/{relative} {fault}"


def folders():
    """Each folder has a README, and a row in the table of controller/README.md."""
    table = text("controller/README.md")
    for folder in sorted(set(LAYERS) - {"."}):
        page = f"{folder}/README.md"
        if not (ROOT / "controller" / page).is_file():
            yield f"controller/{page} is missing"
        if f"| [{folder}]({page}) |" not in table:
            yield f"controller/README.md has no row for {folder}"


def heads():
    """Each file of controller/ begins with a comment that says what it is."""
    for path in sorted((ROOT / "controller").rglob("*.[ch]pp")):
        if not path.read_text(encoding="utf-8").startswith("// "):
            yield f"{path.relative_to(ROOT)} does not begin with a comment that says what it is"


def constants(namespace=None):
    """The string constants of api/names.hpp, of one namespace inside it or of all."""
    source = text("controller/api/names.hpp")
    if namespace:
        source = source[
            source.index(f"namespace {namespace} {{") : source.index(
                f"}}  // namespace {namespace}"
            )
        ]
    return dict(re.findall(r'string_view (k\w+) = "([^"]*)"', source))


def crds():
    names = constants()
    kinds = set()
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))
        kinds.add(crd["spec"]["names"]["kind"])
        if crd["spec"]["group"] != names["kGroup"]:
            yield f"{path.name}: group {crd['spec']['group']} is not kGroup"
        versions = [version["name"] for version in crd["spec"]["versions"]]
        if names["kVersion"] not in versions:
            yield f"{path.name}: serves {versions}, not kVersion"
        if crd["spec"]["names"]["kind"] == names["kApiTokenKind"]:
            spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"][
                "properties"
            ]
            if set(spec["type"]["enum"]) != {names["kPermanent"], names["kTemporary"]}:
                yield f"{path.name}: enum of spec.type differs from kPermanent, kTemporary"
    if kinds != {names["kApiTokenKind"], names["kConfigKind"]}:
        yield f"crds/ defines {sorted(kinds)}, not the kinds of api/names.hpp"


# Kind -> the decoder of its fields. Conditions and selectors are read by api/meta.cpp.
DECODERS = {"ApiToken": "api_token", "TokenExpiryConfig": "token_expiry_config"}


def field_names(schema):
    """The names of all fields in a schema."""
    for name, part in schema.get("properties", {}).items():
        yield name
        yield from field_names(part)
    if "items" in schema:
        yield from field_names(schema["items"])


def spec_fields(schema, path):
    """The paths of all fields of objects, without what is in lists and selectors."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        if not name.endswith("Selector"):
            yield from spec_fields(inner, f"{path}.{name}")


def fields():
    """The decoder, docs/resources.md and the portal know each field of the CRDs."""
    page = text("docs/resources.md")
    portal = text("controller/portal/about.hpp")
    shared = text("controller/api/meta.cpp")
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))
        kind = crd["spec"]["names"]["kind"]
        decoder = text(f"controller/api/{DECODERS[kind]}.cpp")
        top = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        for name in sorted({*field_names(top["spec"]), *field_names(top["status"])}):
            if f'"{name}"' not in decoder + shared:
                yield f"{path.name}: {name} is decoded nowhere in controller/api"
            if not re.search(rf"\b{name}\b", page):
                yield f"docs/resources.md: {name} of {path.name} is explained nowhere"
        for field in spec_fields(top["spec"], "spec"):
            if f'"{field}"' not in portal:
                yield f"controller/portal/about.hpp: {field} of {path.name} is missing"


RESOURCE = re.compile(r'\bResource\s+(k\w+)\{[^}]*"([a-z]+)",\s*(?:true|false)\}')
REQUEST = re.compile(r"\bclient_?\.(\w+)\(\s*(?:kube::)?(?:resources::)?(k[A-Z]\w*),([^;]*)")
VERBS = {
    "get": "get",
    "list": "list",
    "create": "create",
    "update": "update",
    "merge_patch": "patch",
    "remove": "delete",
}


def resources_used(sources, plurals):
    """The resources of the API server that the operator's code names."""
    for name, plural in plurals.items():
        if sum(len(re.findall(rf"\b{name}\b", source)) for source in sources) > 1:
            yield plural


def verbs_used(sources, plurals):
    """(resource, verb) of each request in the operator's code; those of the watches are
    elsewhere."""
    for source in sources:
        for method, name, arguments in REQUEST.findall(source):
            yield plurals[name] + ("/status" if '"status"' in arguments else ""), VERBS[method]


def rbac():
    """The operator's role names the resources that its code uses, and no others, and grants the
    verb of each request."""
    permissions = {
        (resource, verb)
        for document in yaml.safe_load_all(text("manifests/rbac/operator.yaml"))
        if document["kind"] in ("ClusterRole", "Role")
        for rule in document["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    sources = [
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "controller").rglob("*.[ch]pp"))
        if not {"cli", "portal"} & set(path.relative_to(ROOT).parts)  # as their user
    ]
    plurals = {name: plural for source in sources for name, plural in RESOURCE.findall(source)}
    requests = set(verbs_used(sources, plurals))
    for resource, verb in sorted(requests - permissions):
        yield f"manifests/rbac/operator.yaml: no {verb} of {resource}, which controller/ requests"
    granted = {resource for resource, _ in permissions}
    used = {*resources_used(sources, plurals), *(resource for resource, _ in requests)}
    for resource in sorted(granted - used):
        yield f"manifests/rbac/operator.yaml: grants {resource}, which controller/ never uses"
    for resource in sorted(used - granted):
        yield f"manifests/rbac/operator.yaml: does not grant {resource}, which controller/ uses"


# Paths in backticks, as pages name files: `core/plan.hpp`, `tests/cases/*.yaml`, `test_fence.py`.
FILE_NAME = re.compile(r"`([\w./*-]+\.(?:cpp|hpp|py|sh))(?:::\w+)?`")


def files():
    """Each source file that a page names exists."""
    tree = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, text=True, capture_output=True, check=True
    ).stdout.splitlines()
    for page in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]:
        if page.name == "CHANGELOG.md":
            continue
        for name in sorted(set(FILE_NAME.findall(page.read_text(encoding="utf-8")))):
            if not fnmatch.filter(tree, name) and not fnmatch.filter(tree, f"*/{name}"):
                yield f"{page.relative_to(ROOT)}: {name} does not exist"


def is_declared(name, sources):
    """Whether a type, function, member or text of that name is in the source."""
    *scopes, member = name.split("::")
    if scopes:
        scope = rf"\b(class|struct|namespace) (apitoken::)?(\w+::)?{scopes[-1]}\b"
        holders = [s for s in sources if re.search(scope, s)]
        return any(re.search(rf"\b{member}\b", s) for s in holders)
    if member[0].isupper():
        pattern = rf"\b(class|struct|using) {name}\b|\"{name}\""
    else:
        pattern = rf"\b{name}\b"
    return any(re.search(pattern, s) for s in sources)


def names():
    """Each name that the life of a token mentions is in the source."""
    page = text("docs/life-of-a-token.md")
    sources = [p.read_text(encoding="utf-8") for p in (ROOT / "controller").rglob("*.[ch]pp")]
    for name in sorted(set(re.findall(r"`([A-Za-z_]+(?:::[A-Za-z_]+)*)`", page))):
        if not is_declared(name, sources):
            yield f"docs/life-of-a-token.md: {name} is nowhere in controller/"


def docs():
    """Reasons that the operator sets, annotations and flags all stand in the docs."""
    pages = "\n".join(
        page.read_text(encoding="utf-8")
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
        if page.is_file()
    )
    sources = "\n".join(
        p.read_text(encoding="utf-8")
        for layer in ("core", "notify", "reconcile")
        for p in (ROOT / "controller" / layer).glob("*.cpp")
    )
    for name, value in constants("reason").items():
        if f"reason::{name}" in sources and not re.search(rf"\b{value}\b", pages):
            yield f"docs/: reason {value} is explained nowhere"
    everywhere = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "controller").rglob("*.[ch]pp")
        if path.name != "names.hpp"
    )
    for name, value in constants().items():
        if not re.search(rf"\b{name}\b", everywhere):
            yield f"controller/api/names.hpp: {name} is used nowhere"
        if (
            name.endswith("Annotation")
            and value not in pages
            and f"`{value.split('/')[1]}`" not in pages
        ):
            yield f"docs/: annotation {value} is explained nowhere"
    plugin = text("docs/kubectl-plugin.md")
    for flag in re.findall(r'FlagRow\{"([a-z-]+)"', text("controller/cli/flags.cpp")):
        if f"`--{flag}`" not in plugin:
            yield f"docs/kubectl-plugin.md: flag --{flag} is explained nowhere"
    tables = "".join(
        text(f"controller/{path}")
        for path in ("config.cpp", "portal/config.cpp", "program/server.hpp")
    )
    for flag in re.findall(r'(?:Flag<\w+>|\w+Flag)\{\s*"([a-z-]+)"', tables):
        if f"--{flag}" not in pages:
            yield f"docs/: flag --{flag} is explained nowhere"


CHECKS = (includes, folders, heads, crds, fields, rbac, files, names, docs)


def main():
    faults = [fault for check in CHECKS for fault in check()]
    for fault in faults:
        print(fault)
    print(
        f"check-layers: {len(faults)} differences"
        if faults
        else "check-layers: includes, heads, CRDs, RBAC and docs agree with the code"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
