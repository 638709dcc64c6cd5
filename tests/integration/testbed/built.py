"""The programs that a script of hack/ builds or downloads for tests."""

import functools
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]


@functools.cache
def built(script):
    """The paths that `hack/SCRIPT.sh build` prints, by their names."""
    done = subprocess.run(
        [ROOT / "hack" / f"{script}.sh", "build"], text=True, capture_output=True, timeout=1800
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())
