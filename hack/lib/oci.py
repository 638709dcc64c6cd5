#!/usr/bin/env python3
"""Writes OCI layouts. Called by hack/release.sh; the same input gives the same bits.

index OUT REFERENCE LAYOUT...   one layout of several, each with the image of one architecture;
                                REFERENCE names the list of them
chart OUT ARCHIVE               a Helm chart as an artifact, as `helm push` sends it; its version
                                names it. --created is the time in its annotations
"""

import argparse
import hashlib
import json
import pathlib
import shutil
import tarfile

import yaml

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CHART_CONFIG = "application/vnd.cncf.helm.config.v1+json"
CHART_CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
REFERENCE = "org.opencontainers.image.ref.name"


class Layout:
    """An OCI image layout: https://github.com/opencontainers/image-spec/blob/main/image-layout.md"""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.blobs = self.folder / "blobs" / "sha256"

    def begin(self):
        self.blobs.mkdir(parents=True)
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def add(self, content, media_type, **fields):
        """Stores a blob, and returns its descriptor."""
        digest = hashlib.sha256(content).hexdigest()
        (self.blobs / digest).write_bytes(content)
        return {
            "mediaType": media_type,
            "digest": f"sha256:{digest}",
            "size": len(content),
        } | fields

    def add_json(self, thing, media_type, **fields):
        return self.add(json.dumps(thing, sort_keys=True).encode(), media_type, **fields)

    def read(self, descriptor):
        return json.loads((self.blobs / descriptor["digest"].removeprefix("sha256:")).read_text())

    def manifests(self):
        return json.loads((self.folder / "index.json").read_text())["manifests"]

    def finish(self, descriptor, reference):
        named = descriptor | {"annotations": {REFERENCE: reference}}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]}
        (self.folder / "index.json").write_text(json.dumps(index, sort_keys=True))


def make_index(out, reference, layouts):
    made = Layout(out)
    made.begin()
    images = []
    for source in map(Layout, layouts):
        for blob in source.blobs.iterdir():
            shutil.copyfile(blob, made.blobs / blob.name)
        (image,) = source.manifests()
        config = source.read(source.read(image)["config"])
        platform = {field: config[field] for field in ("architecture", "os")}
        images.append(
            {field: image[field] for field in ("mediaType", "digest", "size")}
            | {"platform": platform}
        )
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": images}
    made.finish(made.add_json(index, INDEX), reference)


def annotations_of(chart, created):
    """What `helm push` makes of a Chart.yaml: its own annotations, and those of OCI."""
    known = {
        "title": chart["name"],
        "version": chart["version"],
        "description": chart["description"],
        "url": chart["home"],
        "source": chart["sources"][0],
        "created": created,
    }
    prefixed = {f"org.opencontainers.image.{name}": text for name, text in known.items()}
    return chart["annotations"] | prefixed


def make_chart(out, archive, created):
    content = pathlib.Path(archive).read_bytes()
    with tarfile.open(archive) as files:
        (name,) = [name for name in files.getnames() if name.count("/") == 1 and "Chart.y" in name]
        chart = yaml.safe_load(files.extractfile(name))
    made = Layout(out)
    made.begin()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": made.add_json(chart, CHART_CONFIG),
        "layers": [made.add(content, CHART_CONTENT)],
        "annotations": annotations_of(chart, created),
    }
    made.finish(made.add_json(manifest, MANIFEST), chart["version"])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    index = commands.add_parser("index")
    index.add_argument("out")
    index.add_argument("reference")
    index.add_argument("layouts", nargs="+")
    chart = commands.add_parser("chart")
    chart.add_argument("out")
    chart.add_argument("archive")
    chart.add_argument("--created", required=True)
    asked = parser.parse_args()
    if asked.command == "index":
        make_index(asked.out, asked.reference, asked.layouts)
    else:
        make_chart(asked.out, asked.archive, asked.created)


if __name__ == "__main__":
    main()
