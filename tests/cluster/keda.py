"""KEDA, which changes the number of agents: its programs, and how it is installed.

Only the tests of agents need it, so only they build it, where MOSSHUB_TEST_AGENTS is set. It comes
as its Go module from Go's proxy, with its own lock file and without the triggers that the chart
does not use, and is installed with its own manifests (`config/minimal`).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.cluster.images import PAUSE
from tests.cluster.programs import Module, kept

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

MODULE = Module(
    "KEDA",
    "github.com/kedacore/keda/v2",
    "v2.21.0",
    "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
)
PROGRAMS = {"operator": "keda", "adapter": "keda-adapter"}  # as its images name them
NAMESPACE = "keda"
USER = 65532  # of its own images
TRIGGER = "metrics-api"
# The last has a constant that all of them use.
SCALERS = ("scaler.go", "metrics_api_scaler.go", "azure_queue_scaler.go")
READY_TIMEOUT_S = 180


def is_wanted() -> bool:
    """Return whether tests of agents run."""
    return bool(os.environ.get("MOSSHUB_TEST_AGENTS"))


def ensure(say: Callable[[str], None] = print) -> Path:
    """Return the directory with KEDA's programs and manifests; build what is not there.

    Raises:
        RuntimeError: Go is missing or cannot build them; with the end of what it said.
    """
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return kept("keda", digest, f"KEDA {MODULE.version}", build, say)


def build(into: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "keda"
        MODULE.unpack(source)
        leave_one_trigger(source)
        modules = (source / "go.mod").read_text()
        packages = [f"./cmd/{name}" for name in PROGRAMS]
        MODULE.go(modules, ["build", "-ldflags", "-s -w", "-o", f"{into}/", *packages], source)
        shutil.move(source / "config", into / "config")
    for built, name in PROGRAMS.items():
        (into / built).rename(into / name)


def leave_one_trigger(source: Path) -> None:
    """Take all triggers but the chart's out: they need 1,700 packages of clouds and databases."""
    for file in (source / "pkg/scalers").glob("*.go"):
        if file.name not in SCALERS:
            file.unlink()
    builder = source / "pkg/scaling/scalers_builder.go"
    text = builder.read_text()
    triggers = re.compile(r"(switch triggerType {\n).*?(\tdefault:)", re.DOTALL)
    wanted = re.findall(rf'\tcase "{TRIGGER}":\n.*\n', text)
    if len(wanted) != 1 or not triggers.search(text):
        raise RuntimeError(f"KEDA {MODULE.version} makes its triggers in another way than before")
    builder.write_text(triggers.sub(lambda found: found[1] + wanted[0] + found[2], text))


def install(cluster: Cluster) -> None:
    """Install it, once for the whole cluster, and wait until its numbers can be asked."""
    place = ensure()
    text = cluster.kubectl("kustomize", str(place / "config/minimal"))
    objects = list(yaml.safe_load_all(text))
    for one in objects:
        if one["kind"] == "Deployment":
            _run_from(place, one["spec"]["template"]["spec"])
    kinds = ("Namespace", "CustomResourceDefinition")  # which the others need
    cluster.apply(*(one for one in objects if one["kind"] in kinds))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    cluster.apply(*(one for one in objects if one["kind"] not in kinds))
    for deployment in ("keda-operator", "keda-metrics-apiserver"):
        cluster.kubectl(
            *("-n", NAMESPACE, "rollout", "status", f"deployment/{deployment}"),
            f"--timeout={READY_TIMEOUT_S}s",
            timeout=READY_TIMEOUT_S,
        )
    cluster.kubectl(
        *("wait", "--for=condition=Available", "apiservice/v1beta1.external.metrics.k8s.io"),
        "--timeout=60s",
    )


def remove(cluster: Cluster) -> None:
    """Remove it again; nothing may be left that it scales."""
    manifests = str(ensure() / "config/minimal")
    cluster.kubectl("delete", "-k", manifests, "--ignore-not-found", "--wait=false")


def _run_from(place: Path, pod: dict[str, Any]) -> None:
    """Have a pod run the programs of this machine, which has none of KEDA's images."""
    pod["securityContext"]["runAsUser"] = USER
    pod["volumes"].append({"name": "programs", "hostPath": {"path": str(place)}})
    for container in pod["containers"]:
        container |= {"image": PAUSE, "imagePullPolicy": "Never"}
        container["command"] = [f"/programs{container['command'][0]}"]
        container["resources"]["requests"] = {"cpu": "1m", "memory": "64Mi"}
        container["volumeMounts"].append(
            {"name": "programs", "mountPath": "/programs", "readOnly": True}
        )


if __name__ == "__main__":
    print(ensure())
