"""The kubectl plugin as people run it: `kubectl apitoken ...`, with pipes or on a terminal."""

import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import yaml

from .cluster import ROOT
from .process import BINARY, SANITIZER, TOKEN_VALUE
from .waiting import SCALE

PLUGIN = pathlib.Path(
    os.environ.get("PLUGIN_BIN", pathlib.Path(BINARY).resolve().with_name("kubectl-apitoken"))
)
COMPLETER = ROOT / "controller" / "cli"  # kubectl_complete-apitoken


JWT_VALUE = re.compile(r"eyJ[\w-]+\.[\w-]+\.")


class Screen:
    """What a terminal showed, and how the program ended."""

    def __init__(self, text, returncode):
        self.raw = text
        self.text = re.sub(r"\x1b\[[0-9;]*[mK]", "", text).replace("\r\n", "\n")
        self.returncode = returncode


def is_plugin(pid):
    """Whether kubectl has become the plugin. The link is away for a moment meanwhile."""
    try:
        return os.path.realpath(f"/proc/{pid}/exe") == str(PLUGIN)
    except FileNotFoundError:
        return False


class Plugin:
    """Runs in one namespace, as the user of one kubeconfig."""

    def __init__(self, cluster, kubeconfig):
        self.cluster = cluster
        self.kubeconfig = kubeconfig

    def environment(self, **more):
        path = [str(PLUGIN.parent), str(COMPLETER), self.cluster.bin_path, os.environ["PATH"]]
        clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "KUBECONFIG")}
        return {
            **clean,
            "PATH": ":".join(filter(None, path)),
            "KUBECONFIG": str(self.kubeconfig),
            "TERM": "xterm",
            **more,
        }

    def start(self, *args, **options):
        """Starts the process and does not wait. Resets SIGINT, which background jobs of a shell
        ignore."""
        return subprocess.Popen(
            ["kubectl", "apitoken", *map(str, args)],
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            **options,
        )

    def run(
        self, *args, input="", program=("kubectl", "apitoken"), stdout=subprocess.PIPE, env=None
    ):
        done = subprocess.run(
            [*program, *map(str, args)],
            input=input,
            text=True,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=self.environment(**(env or {})),
            timeout=60 * SCALE,
        )
        assert not TOKEN_VALUE.search(done.stderr) and not JWT_VALUE.search(done.stderr), (
            "a value stands on standard error"
        )
        assert not SANITIZER.search(done.stderr), done.stderr
        return done

    def ok(self, *args, **options):
        done = self.run(*args, **options)
        assert done.returncode == 0, f"{args}: {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout

    def refused(self, code, *args, **options):
        """Runs a command that must fail; returns its one line of error."""
        done = self.run(*args, **options)
        assert done.returncode == code, (
            f"{args}: {done.returncode}, not {code}: {done.stderr}{done.stdout}"
        )
        lines = [
            line
            for line in done.stderr.splitlines()
            if not line.startswith(("waiting: ", "Warning: "))
        ]
        assert len(lines) == 1 and lines[0].startswith("error: "), done.stderr
        return lines[0]

    def on_terminal(self, *args, answer=None, env=None, columns=0):
        """Runs with a terminal for all three streams; types `answer` at the question."""
        own, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        process = subprocess.Popen(
            ["kubectl", "apitoken", *map(str, args)],
            stdin=its,
            stdout=its,
            stderr=its,
            env=self.environment(**(env or {})),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(its)
        shown, deadline = b"", time.monotonic() + 60 * SCALE
        while time.monotonic() < deadline:
            if not select.select([own], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(own, 4096)
            except OSError:  # the other side is closed
                break
            shown += piece
            if answer is not None and b"[y/N]" in shown:
                os.write(own, answer.encode() + b"\n")
                answer = None
        os.close(own)
        return Screen(shown.decode(), process.wait(10))


def in_namespace(cluster, path, name, text=None):
    """A kubeconfig (the administrator's, or `text`) whose context has this namespace."""
    config = yaml.safe_load(text or cluster.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = name
    path.write_text(yaml.safe_dump(config))
    return path
