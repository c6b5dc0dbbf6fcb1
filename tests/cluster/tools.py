"""Programs of the cluster that no package has, built with Go from the modules that go.mod pins.

They lie in the user's cache, under a hash of what they are built from, so that every checkout
finds them. `python -m tests.cluster.tools` builds them by hand.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.cluster.programs import go, kept

SOURCE = Path(__file__).parent / "kube"
LINKS = ("helm", "kubectl")  # other names of `kube`, for scripts


def ensure(say: Callable[[str], None] = print) -> Path:
    """Return the directory of `kube`, `pause`, `helm` and `kubectl`; build what is not there.

    Raises:
        RuntimeError: Go is missing or cannot build them; with the end of what it said.
    """
    return kept("kube", fingerprint(), "Kubernetes", build, say)


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


if __name__ == "__main__":
    print(ensure())
