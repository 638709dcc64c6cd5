#!/usr/bin/env python3
"""Prints a bill of materials as SPDX 2.3 JSON. Asks dpkg, changes nothing.

image, plugin   the program, each Debian package that files were taken from, and the header-only
                libraries that were compiled in; called by hack/image.sh and hack/plugin.sh with
                --contents FILE: lines `package<TAB>path in the image or archive`
chart, manifest the one file --file; called by hack/release.sh
"""

import argparse
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import urllib.parse

# Patterns of packages with headers: no file of theirs is in the image.
COMPILED_IN = ["nlohmann-json3-dev", "libspdlog-dev", "libfmt-dev", "libboost1.*-dev"]
HOME = "https://github.com/apitoken-dev/apitoken-operator"
FIELDS = [
    "binary:Package",
    "Version",
    "Architecture",
    "source:Package",
    "source:Version",
    "Maintainer",
    "Homepage",
]
LICENCE = re.compile(r"^License:[ \t]*(\S.*)$", re.M)


def debian(package):
    """What dpkg knows of an installed package, by the names in FIELDS."""
    layout = "\\t".join(f"${{{field}}}" for field in FIELDS)
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", layout, package], text=True, capture_output=True
    )
    if asked.returncode != 0:
        sys.exit(f"sbom.py: package {package} is not installed: {asked.stderr.strip()}")
    return dict(zip(FIELDS, asked.stdout.split("\t")))


def compiled_in(arch):
    """The packages of COMPILED_IN that are installed for the architecture."""
    layout = "${binary:Package}\\t${Architecture}\\t${db:Status-Status}\\n"
    for pattern in COMPILED_IN:
        asked = subprocess.run(
            ["dpkg-query", "-W", "-f", layout, pattern], text=True, capture_output=True
        )
        rows = [line.split("\t") for line in asked.stdout.splitlines()]
        found = [row[0] for row in rows if row[1] in (arch, "all") and row[2] == "installed"]
        if not found:
            sys.exit(f"sbom.py: no package {pattern} for {arch} is installed")
        yield from found


def distribution():
    return dict(
        line.split("=", 1)
        for line in pathlib.Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )


def licence_comment(name):
    """The short names in Debian's copyright file, as they stand there: they are not all SPDX
    identifiers."""
    copyright_file = pathlib.Path("/usr/share/doc") / name / "copyright"
    names = sorted(
        {found.strip() for found in LICENCE.findall(copyright_file.read_text(errors="replace"))}
    )
    said = f"; it names: {', '.join(names)}" if names else ""
    return f"See /usr/share/doc/{name}/copyright{said}"


def identifier(text):
    return "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", text)


def debian_package(package, files, place):
    known = debian(package)
    name = known["binary:Package"].partition(":")[0]
    system = distribution()
    purl = (
        f"pkg:deb/debian/{name}@{urllib.parse.quote(known['Version'], safe='')}?"
        + urllib.parse.urlencode(
            {
                "arch": known["Architecture"],
                "distro": f"{system['ID']}-{system['VERSION_ID'].strip(chr(34))}",
            }
        )
    )
    entry = {
        "name": name,
        "SPDXID": identifier(name),
        "versionInfo": known["Version"],
        "supplier": f"Person: {known['Maintainer']}".replace(" <", " (").replace(">", ")"),
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "sourceInfo": "built from Debian source "
        f"{known['source:Package']} {known['source:Version']}",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "licenseComments": licence_comment(name),
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": purl,
            }
        ],
        "comment": f"In the {place}: " + ", ".join(f"/{path}" for path in sorted(files))
        if files
        else "Headers, compiled in",
    }
    return entry | ({"homepage": known["Homepage"]} if known["Homepage"] else {})


# Kind -> name, purpose in the words of SPDX, package URL.
SUBJECTS = {
    "image": ("apitoken-operator", "CONTAINER", "pkg:oci/apitoken-operator?tag={version}"),
    "plugin": ("kubectl-apitoken", "APPLICATION", "pkg:generic/kubectl-apitoken@{version}"),
    "chart": ("apitoken-operator-chart", "INSTALL", "pkg:helm/apitoken-operator@{version}"),
    "manifest": ("apitoken-operator-manifest", "INSTALL", "pkg:generic/install.yaml@{version}"),
}


def subject_package(kind, version, revision):
    name, purpose, purl = SUBJECTS[kind]
    return {
        "name": name,
        "SPDXID": identifier(name),
        "versionInfo": version,
        "supplier": "Organization: apitoken.dev",
        "downloadLocation": f"git+{HOME}.git" + (f"@{revision}" if revision != "unknown" else ""),
        "homepage": HOME,
        "filesAnalyzed": False,
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": purpose,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": purl.format(version=version),
            }
        ],
    }


def file_package(kind, version, revision, file):
    """A file that contains nothing of others."""
    path = pathlib.Path(file)
    return subject_package(kind, version, revision) | {
        "packageFileName": path.name,
        "checksums": [
            {
                "algorithm": "SHA256",
                "checksumValue": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
        ],
    }


def vendored_packages():
    """The front end's libraries in portal/vendor/VERSIONS, which are compiled into the portal."""
    lines = (pathlib.Path(__file__).parents[1] / "portal/vendor/VERSIONS").read_text().splitlines()
    rows = [line.split()[1:5] for line in lines if line.startswith("package ")]
    return [
        {
            "name": name,
            "SPDXID": identifier(f"npm-{name}"),
            "versionInfo": version,
            "supplier": "NOASSERTION",
            "downloadLocation": f"https://registry.npmjs.org/{name}/-/{name}-{version}.tgz",
            "filesAnalyzed": False,
            "licenseConcluded": licence,
            "licenseDeclared": licence,
            "licenseComments": "See /usr/share/doc/apitoken-operator/copyright",
            "copyrightText": "NOASSERTION",
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": f"pkg:npm/{name}@{version}",
                }
            ],
            "comment": f"Pages of the portal, compiled in; integrity of the tarball: {integrity}",
        }
        for name, version, licence, integrity in rows
    ]


def document(packages, relationships, version, created):
    digest = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()
    subject = packages[0]["name"]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{subject}-{version}",
        # Another document has another namespace.
        "documentNamespace": f"{HOME}/sbom/{version}/{digest[:32]}",
        "creationInfo": {
            "created": created,
            "creators": ["Tool: hack/sbom.py", "Organization: apitoken.dev"],
        },
        "packages": packages,
        "relationships": [
            {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}
            for one, how, other in [
                ("SPDXRef-DOCUMENT", "DESCRIBES", packages[0]["SPDXID"]),
                *relationships,
            ]
        ],
    }


def flags():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=SUBJECTS)
    for name in ("version", "revision", "created"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("contents", "arch", "file"):
        parser.add_argument(f"--{name}")
    return parser.parse_args()


def program_document(asked):
    files = {}
    for line in pathlib.Path(asked.contents).read_text().splitlines():
        package, path = line.split("\t")
        files.setdefault(package, set()).add(path)
    place = "image" if asked.kind == "image" else "archive"
    subject = subject_package(asked.kind, asked.version, asked.revision)
    contained = [debian_package(package, paths, place) for package, paths in sorted(files.items())]
    compiled = [debian_package(package, (), place) for package in compiled_in(asked.arch)]
    vendored = vendored_packages()
    own = subject["SPDXID"]
    relationships = [(own, "CONTAINS", package["SPDXID"]) for package in contained + vendored]
    relationships += [(package["SPDXID"], "BUILD_DEPENDENCY_OF", own) for package in compiled]
    return document(
        [subject, *contained, *compiled, *vendored], relationships, asked.version, asked.created
    )


def main():
    asked = flags()
    if asked.file:
        package = file_package(asked.kind, asked.version, asked.revision, asked.file)
        made = document([package], [], asked.version, asked.created)
    else:
        made = program_document(asked)
    json.dump(made, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
