#!/usr/bin/env python3
"""Prints the bill of materials of the image as SPDX 2.3 JSON: the operator, each Debian package
that files were taken from, and the header-only libraries that were compiled in. Called by
hack/image.sh with the list of files; asks dpkg, changes nothing.

  --contents FILE   lines `package<TAB>path in the image`
"""

import argparse
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import urllib.parse

COMPILED_IN = [
    "nlohmann-json3-dev",
    "libspdlog-dev",
    "libfmt-dev",
    "libboost1.74-dev",
]  # headers: no file of theirs is in the image
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


def debian_package(package, files):
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
        "comment": "In the image: " + ", ".join(f"/{path}" for path in sorted(files))
        if files
        else "Headers, compiled into the operator",
    }
    return entry | ({"homepage": known["Homepage"]} if known["Homepage"] else {})


def operator_package(version, revision):
    return {
        "name": "apitoken-operator",
        "SPDXID": identifier("apitoken-operator"),
        "versionInfo": version,
        "supplier": "Organization: apitoken.dev",
        "downloadLocation": f"git+{HOME}.git" + (f"@{revision}" if revision != "unknown" else ""),
        "homepage": HOME,
        "filesAnalyzed": False,
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "CONTAINER",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"pkg:oci/apitoken-operator?tag={version}",
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
            "comment": "Pages of the portal, compiled into apitoken-portal; "
            f"integrity of the tarball: {integrity}",
        }
        for name, version, licence, integrity in rows
    ]


def document(packages, relationships, version, created):
    digest = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"apitoken-operator-{version}",
        # Another document has another namespace.
        "documentNamespace": f"{HOME}/sbom/{version}/{digest[:32]}",
        "creationInfo": {
            "created": created,
            "creators": ["Tool: hack/sbom.py", "Organization: apitoken.dev"],
        },
        "packages": packages,
        "relationships": [
            {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}
            for one, how, other in relationships
        ],
    }


def main():
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("contents", "version", "revision", "created"):
        flags.add_argument(f"--{name}", required=True)
    asked = flags.parse_args()
    files = {}
    for line in pathlib.Path(asked.contents).read_text().splitlines():
        package, path = line.split("\t")
        files.setdefault(package, set()).add(path)

    operator = operator_package(asked.version, asked.revision)
    contained = [debian_package(package, paths) for package, paths in sorted(files.items())]
    compiled = [debian_package(package, ()) for package in COMPILED_IN]
    vendored = vendored_packages()
    relationships = [("SPDXRef-DOCUMENT", "DESCRIBES", operator["SPDXID"])]
    relationships += [
        (operator["SPDXID"], "CONTAINS", package["SPDXID"]) for package in contained + vendored
    ]
    relationships += [
        (package["SPDXID"], "BUILD_DEPENDENCY_OF", operator["SPDXID"]) for package in compiled
    ]
    json.dump(
        document(
            [operator, *contained, *compiled, *vendored],
            relationships,
            asked.version,
            asked.created,
        ),
        sys.stdout,
        indent=1,
    )
    print()


if __name__ == "__main__":
    main()
