"""The container image of hack/image.sh, unpacked like by a container engine. Its program runs in
its own read-only root file system, as the numeric user, with a service account's files, against
the real API server. Needs root (unshare, chroot), like an engine on a node."""

import json
import os
import platform
import re
import subprocess
import tarfile

import pytest

from testbed.cluster import ROOT
from testbed.process import Operator

ACCOUNT = "var/run/secrets/kubernetes.io/serviceaccount"
PROGRAM = "/usr/bin/apitoken-operator"
PORTAL = "/usr/bin/apitoken-portal"
PROGRAMS = [PROGRAM, PORTAL]
USER = "65532:65532"
# What an engine does on a node: mount what the pod has, make the root read-only, give up every
# right, run the entry point.
CONTAINER = f"""set -e
root=$1 account=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind "$account" "$root/{ACCOUNT}"
mount -o remount,bind,ro "$root/{ACCOUNT}"
mount -o remount,bind,ro "$root"
cd "$root"
exec setpriv --no-new-privs chroot --userspec={USER} --groups= "$root" "$@"
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="unshare and chroot need root")


def run(*command):
    done = subprocess.run(command, text=True, capture_output=True, timeout=600)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def build(folder, **environment):
    """hack/image.sh with the release build, also if the other tests use another binary."""
    kept = {name: value for name, value in os.environ.items() if name != "OPERATOR_BIN"}
    return subprocess.run(
        [ROOT / "hack/image.sh", "--out", folder],
        text=True,
        capture_output=True,
        timeout=1800,
        env=kept | environment,
    )


def built(folder):
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Image:
    def __init__(self, folder):
        self.said = built(folder)
        self.sbom = json.loads((folder / "apitoken-operator.spdx.json").read_text())
        (self.archive,) = folder.glob("*.tar")
        layout = folder / "from-archive"
        with tarfile.open(self.archive) as archive:
            archive.extractall(layout)
        self.version = re.search(r"apitoken-operator-(.*)\.tar", self.archive.name)[1]
        run("umoci", "unpack", "--image", f"{layout}:{self.version}", folder / "bundle")
        self.root = folder / "bundle" / "rootfs"
        (manifest,) = json.loads((layout / "index.json").read_text())["manifests"]
        self.config = self.blob(layout, self.blob(layout, manifest)["config"])

    @staticmethod
    def blob(layout, descriptor):
        return json.loads((layout / "blobs" / descriptor["digest"].replace(":", "/")).read_text())

    def files(self):
        return [path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink()]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return Image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def service_account(cluster, namespace, tmp_path):
    """The files that a pod of the shipped service account finds."""
    cluster.kubectl("apply", "-f", str(ROOT / "manifests/rbac"))
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "ca.crt").write_bytes((cluster.dir / "ca.crt").read_bytes())
    (folder / "namespace").write_text("apitoken-system")
    (folder / "token").write_text(
        cluster.kubectl(
            "create", "token", "apitoken-operator", "-n", "apitoken-system"
        ).stdout.strip()
    )
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


@pytest.fixture
def contained(image, cluster, service_account, tmp_path):
    """contained(flags...): runs the image's program in its root file system, like in a pod."""
    operators = []
    (image.root / ACCOUNT).mkdir(
        parents=True, exist_ok=True
    )  # the mount point, which an engine makes
    host, port = cluster.url.removeprefix("https://").split(":")
    pod = [
        "env",
        "-i",
        f"KUBERNETES_SERVICE_HOST={host}",
        f"KUBERNETES_SERVICE_PORT={port}",
        *image.config["config"]["Env"],
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",  # of the wrapper's own commands
    ]

    def start(*flags):
        program = [
            *pod,
            "unshare",
            "--mount",
            "sh",
            "-c",
            CONTAINER,
            "sh",
            image.root,
            service_account,
            PROGRAM,
        ]
        operators.append(Operator(list(flags), tmp_path / "contained.log", {}, program))
        return operators[-1].wait_ready()

    yield start
    for operator in operators:
        operator.stop()
        operator.check_log()


def test_the_image_mints_in_its_own_read_only_root_as_the_numeric_user(contained, namespace, image):
    operator = contained("--leader-elect", "--namespaces", namespace.name)
    namespace.token("ci")
    namespace.ready("ci")
    namespace.check_consistent("ci")
    status = open(f"/proc/{operator.process.pid}/status").read()
    assert re.search(r"^Uid:\t65532\t65532\t65532\t65532$", status, re.M) and re.search(
        r"^Gid:\t65532\t65532", status, re.M
    )
    assert re.search(r"^CapEff:\t0+$", status, re.M) and re.search(
        r"^NoNewPrivs:\t1$", status, re.M
    )
    assert os.readlink(f"/proc/{operator.process.pid}/root") == str(image.root)
    # Nobody but root dumps or traces it: the files in /proc of what may be traced belong to its
    # user.
    assert os.stat(f"/proc/{operator.process.pid}/environ").st_uid == 0
    assert re.search(
        r"^Max core file size +0 +0 ", open(f"/proc/{operator.process.pid}/limits").read(), re.M
    )
    mounts = open(f"/proc/{operator.process.pid}/mountinfo").read()
    assert re.search(rf" / ro,|{re.escape(str(image.root))} ro[, ]", mounts), mounts
    assert operator.metrics().value("process_resident_memory_bytes") > 0
    given = open(f"/proc/{operator.process.pid}/environ").read()
    assert "GLIBC_TUNABLES=glibc.malloc.tcache_count=1\0" in given
    assert "forbidden" not in operator.log().lower()


def test_the_image_says_what_it_is_and_runs_as_nobody(image):
    config = image.config["config"]
    assert config["User"] == USER and config["Entrypoint"] == [PROGRAM]
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in config["Labels"].items()
    }
    assert (
        labels["title"] == "apitoken-operator"
        and labels["version"] == image.version
        and labels["licenses"] == "Apache-2.0"
    )
    assert labels["revision"] == run("git", "-C", ROOT, "rev-parse", "HEAD").strip()
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert (
        f"USER {USER}" in dockerfile
        and f'ENTRYPOINT ["{PROGRAM}"]' in dockerfile
        and f"ARG VERSION={image.version}\n" in dockerfile
    )
    assert re.findall(r"^ENV (.*)$", dockerfile, re.M) == config["Env"]
    assert set(config["Labels"]) - set(re.findall(r"(org\S+)=", dockerfile)) == {
        "org.opencontainers.image.created"
    }


def test_the_image_holds_no_shell_no_setuid_file_and_no_debug_sections(image):
    names = {path.name for path in image.files()}
    assert "apitoken-operator" in names and "ca-certificates.crt" in names
    assert not names & {"sh", "bash", "dash", "busybox", "apt", "dpkg", "perl"}
    assert [path for path in image.files() if path.stat().st_mode & 0o6022] == []
    for program in PROGRAMS:
        assert ".debug_info" not in run("readelf", "--section-headers", image.root / program[1:])


@pytest.mark.parametrize("path", PROGRAMS)
def test_the_programs_are_built_with_every_hardening_that_debian_has(image, path):
    program = image.root / path[1:]
    assert re.search(r"FLAGS_1.* PIE", run("readelf", "--dynamic", program))
    assert re.search(r"FLAGS_1.* NOW", run("readelf", "--dynamic", program))
    segments = run("readelf", "--segments", "--wide", program)
    assert (
        re.search(r"GNU_STACK .* RW  ", segments)
        and re.search(r"GNU_RELRO ", segments)
        and not re.search(r"LOAD .* RWE ", segments)
    )
    imported = run("readelf", "--dyn-syms", "--wide", program)
    assert "__stack_chk_fail" in imported
    assert re.search(r"__(memcpy|read|snprintf|strcpy|poll|memset)_chk", imported), (
        "_FORTIFY_SOURCE"
    )
    assert "glibcxx_assert_fail" in imported, "_GLIBCXX_ASSERTIONS"
    if platform.machine() == "x86_64":
        # The CET note would need Debian's crt1.o to have it, which has none: so the code itself is
        # looked at. Each function that can be called through a pointer begins with endbr64; a stack
        # frame larger than a page is probed a page at a time.
        code = program.read_bytes()
        assert code.count(b"\xf3\x0f\x1e\xfa") > 2000, "-fcf-protection"
        assert code.count(b"\x48\x81\xec\x00\x10\x00\x00\x48\x83\x0c\x24\x00") > 0, (
            "-fstack-clash-protection"
        )


def test_the_bill_of_materials_names_every_file_and_leads_to_licences(image):
    packages = {package["SPDXID"]: package for package in image.sbom["packages"]}
    assert len(packages) == len(image.sbom["packages"])
    ends = {
        relation[end]
        for relation in image.sbom["relationships"]
        for end in ("spdxElementId", "relatedSpdxElement")
    }
    assert ends == {*packages, "SPDXRef-DOCUMENT"}
    ours = {
        "/etc/passwd",
        "/etc/group",
        "/etc/nsswitch.conf",
        "/etc/os-release",
        *PROGRAMS,
        "/usr/share/doc/apitoken-operator/copyright",
    }
    listed = {
        path
        for package in packages.values()
        if package.get("comment", "").startswith("In the image: ")
        for path in package["comment"].removeprefix("In the image: ").split(", ")
    }
    assert {"/" + str(path.relative_to(image.root)) for path in image.files()} == listed | ours
    for package in packages.values():
        assert (
            package["versionInfo"]
            and package["supplier"]
            and package["externalRefs"][0]["referenceLocator"].startswith("pkg:")
        )
        if package.get("comment", "").startswith("In the image: "):
            assert f"/usr/share/doc/{package['name']}/copyright" in listed


def test_the_portal_of_the_image_runs_in_its_root(image):
    shown = run("chroot", f"--userspec={USER}", "--groups=", image.root, PORTAL, "--version")
    assert shown == f"apitoken-portal {image.version}\n"


def test_the_bill_of_materials_names_the_libraries_of_the_pages(image):
    listed = {(package["name"], package["versionInfo"]) for package in image.sbom["packages"]}
    lines = (ROOT / "portal/vendor/VERSIONS").read_text().splitlines()
    pages = {tuple(line.split()[1:3]) for line in lines if line.startswith("package ")}
    assert pages and pages <= listed
    licences = (image.root / "usr/share/doc/apitoken-operator/copyright").read_text()
    assert (ROOT / "portal/vendor/LICENSES").read_text() in licences


def test_the_texts_that_copyright_files_refer_to_are_there(image):
    named = {
        name
        for path in image.root.glob("usr/share/doc/*/copyright")
        for name in re.findall(
            r"/usr/share/common-licenses/([A-Za-z]+-[0-9.]*[0-9])", path.read_text(errors="replace")
        )
    }
    assert {"GPL-2", "LGPL-2.1", "Apache-2.0"} <= named
    assert [
        name for name in named if not (image.root / "usr/share/common-licenses" / name).is_file()
    ] == []


def test_building_it_again_gives_the_same_image(image, tmp_path):
    built(tmp_path / "again")
    assert (tmp_path / "again" / image.archive.name).read_bytes() == image.archive.read_bytes()


def test_an_image_over_its_size_is_refused(image, tmp_path):
    assert re.search(r"\d MB compressed", image.said)
    refused = build(tmp_path / "large", SIZE_LIMIT="1000")
    assert refused.returncode == 1 and "the limit is 1000" in refused.stderr
