"""The files of hack/release.sh, used as README.md and docs/releasing.md say: from a checkout and
from a release's folder, with a real registry, Helm and API server. The release is made in the quick
form, for this machine with the programs that are there; RELEASE_ARM64=1 (hack/test.sh --full) makes
and tries the other architecture too, which takes half an hour."""

import hashlib
import json
import os
import platform
import re
import subprocess
import tarfile

import pytest
import requests
import yaml

from testbed.built import built
from testbed.cluster import ROOT, Cluster
from testbed.pages import blocks, commands
from testbed.process import BINARY, free_port
from testbed.waiting import wait_for

VERSION = re.search(r"project\(\S+ VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
SYSTEM = "apitoken-system"
SAMPLES = ROOT / "manifests/samples"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")


def sh(script, folder, check=True, **environment):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        text=True,
        capture_output=True,
        timeout=1800,
        env=os.environ | environment,
    )
    assert not check or done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done


def release(out, *flags, check=True, **environment):
    command = [ROOT / "hack/release.sh", VERSION, "--arch", ARCH, "--here", "--out", out, *flags]
    done = subprocess.run(
        command, text=True, capture_output=True, timeout=600, env=os.environ | environment
    )
    assert not check or done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The release build, as hack/image.sh makes it, and the plugin that the other tests use: a
    release build of the plugin would take another minute."""
    folder = tmp_path_factory.mktemp("programs")
    build = "cmake --build build/release -j 2 --target apitoken-operator apitoken-portal"
    sh(f"flock build/.release.lock sh -c 'cmake --preset release && {build}'", ROOT)
    for name in ("apitoken-operator", "apitoken-portal"):
        (folder / name).symlink_to(ROOT / "build/release" / name)
    (folder / "kubectl-apitoken").symlink_to(
        os.path.join(os.path.dirname(BINARY), "kubectl-apitoken")
    )
    return {"OPERATOR_BIN": str(folder / "apitoken-operator")}


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    folder = tmp_path_factory.mktemp("key")
    (page,) = [block.text for block in blocks("docs/releasing.md") if block.heading == "Make"]
    sh("\n".join(re.findall("^openssl .*", page, re.M)), folder)
    return folder


@pytest.fixture(scope="module")
def dist(programs, key, tmp_path_factory):
    folder = tmp_path_factory.mktemp("release") / "dist"
    release(folder, "--sign", key / "release.key", **programs)
    return folder


class Registry:
    """Debian's docker-registry on loopback, in place of registry.example.com."""

    def __init__(self, folder):
        self.address = f"127.0.0.1:{free_port()}"
        config = {
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
            "http": {"addr": self.address},
        }
        (folder / "config.yml").write_text(yaml.safe_dump(config))
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            ["docker-registry", "serve", folder / "config.yml"], stdout=self.log, stderr=self.log
        )

    def answers(self):
        try:
            return requests.get(f"http://{self.address}/v2/", timeout=5).ok
        except requests.ConnectionError:
            return False

    def inspect(self, image, *flags):
        command = ["skopeo", "inspect", "--tls-verify=false", *flags, f"docker://{image}"]
        done = subprocess.run(command, text=True, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def stop(self):
        self.process.terminate()
        self.process.wait(15)
        self.log.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    server = Registry(tmp_path_factory.mktemp("registry"))
    try:
        wait_for(server.answers, 30, f"no registry: {server.log.name}")
        yield server
    finally:
        server.stop()


@pytest.fixture
def clean(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("clean"))
    try:
        yield cluster
    finally:
        cluster.down()


@pytest.fixture
def user(registry, tmp_path):
    """user(script, folder, cluster, helm): runs the lines of a page as their reader would, with the
    registry of the tests."""

    configuration = tmp_path / ".config/containers"
    configuration.mkdir(parents=True)
    (configuration / "registries.conf").write_text(
        f'[[registry]]\nlocation = "{registry.address}"\ninsecure = true\n'
    )

    def run(script, folder, cluster=None, helm="4", **environment):
        tools = tmp_path / f"bin-{helm}"
        tools.mkdir(exist_ok=True)
        if not (tools / "helm").exists():
            (tools / "helm").symlink_to(built("helm")[helm])
        more = {
            "HELM_CONFIG_HOME": str(tmp_path),
            "HELM_CACHE_HOME": str(tmp_path),
            "HOME": str(tmp_path),  # where skopeo finds the registries.conf
            "PATH": f"{tools}:{cluster.bin_path if cluster else ''}:{os.environ['PATH']}",
        }
        if cluster:
            more["KUBECONFIG"] = str(cluster.kubeconfig)
        here = script.replace("registry.example.com", registry.address)
        here = re.sub(r"^(helm pull .*)$", r"\1 --plain-http", here, flags=re.M)
        return sh(here, folder, **more | environment).stdout

    return run


def check_installed(cluster, registry):
    """The CRDs are served, and the registry has the image that the Deployment names."""
    deployment = cluster.api.get(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/apitoken-operator")
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"{registry.address}/apitoken-operator:{VERSION}"
    assert registry.inspect(image)["Labels"]["org.opencontainers.image.version"] == VERSION
    cluster.kubectl(
        "wait", "--for=condition=Established", "--timeout=60s", "crd/apitokens.apitoken.dev"
    )
    cluster.kubectl("apply", "--validate=strict", "--dry-run=server", "-R", "-f", str(SAMPLES))


def section(page, heading, word):
    """The one block under the heading that has the word."""
    found = [text for text in commands(page, heading) if word in text]
    assert len(found) == 1, f"{page}, {heading}: {len(found)} blocks with {word}"
    return found[0]


README_FROM = {
    "a checkout": "From a checkout",
    "a release": "From the files of a release",
}


@pytest.mark.parametrize("origin", README_FROM)
def test_the_lines_of_the_readme_install(user, clean, registry, dist, programs, origin):
    heading = README_FROM[origin]
    folder, helm = (ROOT, "4") if origin == "a checkout" else (dist.parent, "3")
    user(section("README.md", heading, "helm install"), folder, clean, helm, **programs)
    check_installed(clean, registry)
    user("helm uninstall apitoken-operator -n apitoken-system", folder, clean, helm)
    clean.kubectl("delete", "-f", str(ROOT / "crds"), "--wait")
    user(section("README.md", heading, "kubectl apply"), folder, clean)
    check_installed(clean, registry)


def test_the_lines_of_the_page_about_releases_work(user, dist, key, registry, tmp_path):
    page = "docs/releasing.md"
    (dist / "release.pub").write_bytes((key / "release.pub").read_bytes())
    said = user(section(page, "Verify", "pkeyutl"), dist)
    assert "Signature Verified Successfully" in said and said.count(": OK") > 8
    user(section(page, "Install", "docker://registry.example.com/charts"), dist)
    pulled = dist / "pulled" / f"apitoken-operator-{VERSION}.tgz"
    assert pulled.read_bytes() == (dist / pulled.name).read_bytes()
    user(section(page, "Install the plugin", "tar -xzf"), dist)
    assert (tmp_path / ".local/bin/kubectl-apitoken").exists()


def test_a_changed_file_or_list_of_sums_is_found(dist, key, tmp_path):
    sh(f"cp -r {dist}/. {tmp_path} && cp {key}/release.pub {tmp_path}", tmp_path)
    verify, check = section("docs/releasing.md", "Verify", "pkeyutl").strip().split("\n")
    with (tmp_path / "install.yaml").open("a") as file:
        file.write("# changed\n")
    assert "install.yaml: FAILED" in sh(check, tmp_path, check=False).stdout
    sh("sha256sum install.yaml >SHA256SUMS", tmp_path)
    assert sh(verify, tmp_path, check=False).returncode != 0


def test_each_file_has_its_sum_and_a_second_run_gives_the_same(dist, key, programs, tmp_path):
    release(tmp_path / "again", "--sign", key / "release.key", **programs)
    for name in ("SHA256SUMS", "SHA256SUMS.sig"):
        assert (tmp_path / "again" / name).read_bytes() == (dist / name).read_bytes()
    sums = dict(line.split("  ")[::-1] for line in (dist / "SHA256SUMS").read_text().splitlines())
    made = {path.name for path in (tmp_path / "again").iterdir()}
    assert set(sums) == made - {"SHA256SUMS", "SHA256SUMS.sig"}
    described = {name.removesuffix(".spdx.json") for name in made if name.endswith(".spdx.json")}
    assert described == {
        f"apitoken-operator-image-{VERSION}-{ARCH}",
        f"apitoken-operator-chart-{VERSION}",
        "install",
        f"kubectl-apitoken-{VERSION}-linux-{ARCH}",
    }


def unpacked(archive, folder):
    folder.mkdir(parents=True)
    with tarfile.open(archive) as files:
        files.extractall(folder)
    return folder


class Layout:
    """An OCI layout in one file, as hack/release.sh writes it."""

    def __init__(self, archive, folder):
        self.folder = unpacked(archive, folder)
        (self.top,) = json.loads((self.folder / "index.json").read_text())["manifests"]

    def content(self, descriptor):
        algorithm, digest = descriptor["digest"].split(":")
        content = (self.folder / "blobs" / algorithm / digest).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert len(content) == descriptor["size"]
        return content

    def json(self, descriptor):
        return json.loads(self.content(descriptor))


def root_of(layout, image, folder):
    """The root file system of an image."""
    folder.mkdir()
    for layer in layout.json(image)["layers"]:
        content = layout.content(layer)
        subprocess.run(["tar", "-xzpf", "-"], cwd=folder, input=content, check=True)
    return folder


def check_program(runner, path, name):
    """It starts with the libraries beside it alone, and knows its own flags."""
    for flag, expected in (
        ("--version", f"^{name} {re.escape(VERSION)}$"),
        ("--help", r"(?i)usage|--"),
    ):
        done = subprocess.run([*runner, path, flag], text=True, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert re.search(expected, done.stdout, re.M), done.stdout


def check_lint(runner, plugin, folder):
    """A sample is fine, and a mistake is named. In a chroot, `folder` is its root."""
    good, bad = folder / "good.yaml", folder / "bad.yaml"
    text = (SAMPLES / "apitoken-permanent.yaml").read_text()
    good.write_text(text)
    bad.write_text(text.replace("kind: ApiToken", "kind: ApiToken\nspeck: {}", 1))
    for file, fine in ((good, True), (bad, False)):
        path = f"/{file.name}" if runner[0] == "chroot" else str(file)
        command = [*runner, plugin, "lint", "-f", path]
        done = subprocess.run(command, text=True, capture_output=True, timeout=120)
        assert (done.returncode == 0) == fine, done.stdout + done.stderr
    assert "speck" in done.stdout + done.stderr


def check_image(archive, arch, runner_in, folder):
    layout = Layout(archive, folder / "layout")
    images = {
        image["platform"]["architecture"]: image for image in layout.json(layout.top)["manifests"]
    }
    image = images[arch]
    config = layout.json(layout.json(image)["config"])
    assert config["architecture"] == arch and config["config"]["User"] == "65532:65532"
    root = root_of(layout, image, folder / "root")
    for name in ("apitoken-operator", "apitoken-portal"):
        check_program(*runner_in(root, f"usr/bin/{name}"), name)


def in_chroot(root, program):
    return ["chroot", str(root)], f"/{program}"


def under_qemu(root, program):
    """-L: the loader and the libraries are those of the folder."""
    return ["qemu-aarch64", "-L", str(root)], str(root / program)


def test_the_image_is_one_for_all_architectures_and_its_programs_start(dist, tmp_path):
    check_image(dist / f"apitoken-operator-image-{VERSION}.tar", ARCH, in_chroot, tmp_path)


def loader_in(root, files):
    """The loader with its flags, as the launcher calls it."""
    launcher = (files / "kubectl-apitoken").read_text()
    loader, libraries = re.search(
        r'"\$files(/\S+)" --library-path "\$files(/\S+)"', launcher
    ).groups()
    return [f"{root}{loader}", "--library-path", f"{root}{libraries}"]


def test_the_plugin_needs_nothing_but_its_archive(dist, tmp_path):
    files = unpacked(dist / f"kubectl-apitoken-{VERSION}-linux-{ARCH}.tar.gz", tmp_path / "plugin")
    own = files / "kubectl-apitoken.d"
    alone = ["chroot", str(own), *loader_in("", files)]
    check_program(alone, "/usr/bin/kubectl-apitoken", "kubectl-apitoken")
    check_lint(alone, "/usr/bin/kubectl-apitoken", own)
    # As krew starts it: through a link in another folder.
    (tmp_path / "kubectl-apitoken").symlink_to(files / "kubectl-apitoken")
    check_program([], str(tmp_path / "kubectl-apitoken"), "kubectl-apitoken")


def test_the_krew_manifest_names_the_archives_and_their_sums(dist):
    plugin = yaml.safe_load((dist / "apitoken.yaml").read_text())
    assert plugin["kind"] == "Plugin" and plugin["metadata"]["name"] == "apitoken"
    assert plugin["spec"]["version"] == f"v{VERSION}"
    (place,) = plugin["spec"]["platforms"]
    archive = dist / place["uri"].rpartition("/")[2]
    assert place["uri"].endswith(f"/releases/download/v{VERSION}/{archive.name}")
    assert place["selector"]["matchLabels"] == {"os": "linux", "arch": ARCH}
    assert place["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    with tarfile.open(archive) as files:
        assert files.getmember(place["bin"]).mode == 0o755


def test_the_chart_artifact_is_what_helm_pushes(dist, registry, user, tmp_path):
    """Compared with `helm push` of the same archive, except for the time."""
    layout = Layout(dist / f"apitoken-operator-chart-{VERSION}.tar", tmp_path / "layout")
    ours = layout.json(layout.top)
    user(
        f"helm push {dist}/apitoken-operator-{VERSION}.tgz"
        " oci://registry.example.com/pushed --plain-http",
        tmp_path,
    )
    theirs = registry.inspect(f"{registry.address}/pushed/apitoken-operator:{VERSION}", "--raw")
    for manifest in (ours, theirs):
        del manifest["annotations"]["org.opencontainers.image.created"]
    assert ours["annotations"]["artifacthub.io/license"] == "Apache-2.0"
    assert ours["annotations"] == theirs["annotations"]
    assert ours["layers"] == theirs["layers"]
    assert ours["config"]["mediaType"] == theirs["config"]["mediaType"]
    described = yaml.safe_load((ROOT / "charts/apitoken-operator/Chart.yaml").read_text())
    assert layout.json(ours["config"]) == described
    (image,) = yaml.safe_load(described["annotations"]["artifacthub.io/images"])
    values = yaml.safe_load((ROOT / "charts/apitoken-operator/values.yaml").read_text())
    assert image["image"] == f"{values['image']['repository']}:{VERSION}"


def test_the_bills_of_materials_name_what_they_describe(dist):
    for path in dist.glob("*.spdx.json"):
        document = json.loads(path.read_text())
        assert document["spdxVersion"] == "SPDX-2.3"
        subject = document["packages"][0]
        assert subject["versionInfo"] == VERSION
        if "packageFileName" in subject:
            file = dist / subject["packageFileName"]
            (checksum,) = subject["checksums"]
            assert checksum["checksumValue"] == hashlib.sha256(file.read_bytes()).hexdigest()
    archive = dist / f"kubectl-apitoken-{VERSION}-linux-{ARCH}.tar.gz"
    packages = json.loads((dist / archive.name.replace(".tar.gz", ".spdx.json")).read_text())[
        "packages"
    ]
    listed = {
        path
        for package in packages
        if package.get("comment", "").startswith("In the archive: ")
        for path in package["comment"].removeprefix("In the archive: ").split(", ")
    }
    with tarfile.open(archive) as files:
        shipped = {member.name for member in files if member.isfile()}
    ours = {"usr/bin/kubectl-apitoken", "usr/share/doc/apitoken-operator/copyright"}
    prefix = "kubectl-apitoken.d"
    assert {f"{prefix}{path}" for path in listed} | {f"{prefix}/{path}" for path in ours} == {
        name for name in shipped if name.startswith(prefix)
    }


def test_the_release_notes_are_those_of_the_changelog(dist):
    notes = (dist / "RELEASE-NOTES.md").read_text()
    changes = (ROOT / "CHANGELOG.md").read_text()
    own = re.search(rf"^## \[{re.escape(VERSION)}\].*?\n(.*?)(?=^## |\Z)", changes, re.M | re.S)[1]
    for line in re.findall(r"^- .*", own, re.M):
        text = line.split("](")[0]
        assert text in notes
    assert [
        link for link in re.findall(r"\]\(([^)]*)\)", notes) if not link.startswith("http")
    ] == []


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["9.9.9"], "CMakeLists.txt says version"),
        ([VERSION, "--arch", "riscv64"], "must be amd64, arm64 or both"),
        ([VERSION, "--here", "--arch", "amd64,arm64"], "--here builds for"),
        ([VERSION, "--here", "--arch", ARCH, "--sign", "/etc/hostname"], "Ed25519"),
        ([], "no version"),
    ],
)
def test_what_cannot_become_a_release_is_refused_at_once(arguments, said, tmp_path):
    done = subprocess.run(
        [ROOT / "hack/release.sh", *arguments, "--out", tmp_path / "dist"],
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 1 and said in done.stderr
    assert not (tmp_path / "dist").exists()


def test_the_dockerfile_finds_what_it_copies():
    """.dockerignore leaves out everything but what it names."""
    names = (ROOT / ".dockerignore").read_text().splitlines()
    admitted = {name[1:] for name in names if name.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", (ROOT / "Dockerfile").read_text(), re.M)
        for source in line.split()[:-1]
    }
    assert names[0] == "*" and copied == admitted
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_workflows_run_scripts_that_exist():
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        text = path.read_text()
        assert all(
            re.fullmatch(r"[0-9a-f]{40}", pin) for pin in re.findall(r"uses: \S+@(\S+)", text)
        )
        scripts = re.findall(r"(?:hack/[\w-]+\.sh|\.ci/run)", text)
        assert scripts and all(os.access(ROOT / script, os.X_OK) for script in scripts)


@pytest.mark.skipif(not os.environ.get("RELEASE_ARM64"), reason="RELEASE_ARM64 is not set")
def test_the_programs_for_arm64_run_under_an_emulator(tmp_path):
    """Cross-compiled in Debian 13; see hack/in-debian.sh."""
    done = subprocess.run(
        [ROOT / "hack/release.sh", VERSION, "--arch", "amd64,arm64", "--out", tmp_path / "dist"],
        text=True,
        capture_output=True,
        timeout=7200,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    dist = tmp_path / "dist"
    check_image(dist / f"apitoken-operator-image-{VERSION}.tar", "arm64", under_qemu, tmp_path)
    archive = dist / f"kubectl-apitoken-{VERSION}-linux-arm64.tar.gz"
    files = unpacked(archive, tmp_path / "plugin")
    own = files / "kubectl-apitoken.d"
    runner = ["qemu-aarch64", *loader_in(own, files)]
    check_program(runner, f"{own}/usr/bin/kubectl-apitoken", "kubectl-apitoken")
    check_lint(runner, f"{own}/usr/bin/kubectl-apitoken", tmp_path)
