"""The agents of a platform on the cluster, as an admin and a user see them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cluster.machine import run
from tests.cluster.platform import ClusterPlatform, PodPerson
from tests.cluster.pods import Namespace

FLOOD_TIMEOUT_S = 900.0
FLOOD = (Path(__file__).parent / "flood.py").read_text("utf-8")
TRAIN = """\
import imageclass
print(imageclass.train_or_load("cnn", "digits", epochs=1, batch_size=64).path)"""
GROUP = """\
import json, imageclass
with imageclass.connect(prefix="team.").admin() as admin:
    members = admin.describe_groups(["team.agent.cnn"])["team.agent.cnn"]["members"]
print(json.dumps([
    sorted(p for topic in (m["member_assignment"] or {}).get("assigned_partitions", ())
           for p in topic["partitions"])
    for m in members]))"""


class Agents:
    """The agents of the platform, as an admin of the cluster and the user ada see them."""

    def __init__(self, platform: ClusterPlatform, ada: PodPerson) -> None:
        self.platform, self.ada = platform, ada

    @property
    def ready(self) -> int:
        return self._deployment()["status"].get("readyReplicas", 0)

    @property
    def wanted(self) -> int:
        return self._deployment()["spec"]["replicas"]

    def _deployment(self) -> Any:
        return self.platform.cluster.get("-n", self.platform.namespace, "deployment/agent-cnn")

    def partitions(self) -> list[list[int]]:
        """Return the partitions of each member of the group."""
        return json.loads(self.python(GROUP).splitlines()[-1])

    def lag(self) -> float | None:
        """Return what KEDA has told the autoscaler; None if nothing."""
        name = "hpa/keda-hpa-agent-cnn"
        status = self.platform.cluster.get("-n", self.platform.namespace, name)["status"]
        metrics = status.get("currentMetrics") or []
        values = [m["external"]["current"].get("averageValue") for m in metrics if "external" in m]
        return quantity(values[0]) if values and values[0] else None

    def train(self) -> None:
        """Train a small network as ada, and copy it to the agents' claim `models`."""
        self.python(TRAIN)
        copy_models(self.platform, self.ada)

    def flood(self, messages: int, seconds: float) -> dict[str, Any]:
        """Keep so many messages waiting for so long; return what `flood.py` has counted."""
        return json.loads(self.python(FLOOD, "cnn", str(messages), str(seconds)).splitlines()[-1])

    def python(self, program: str, *arguments: str) -> str:
        """Return what a program prints in ada's server."""
        return self.ada.with_account(program, *arguments, timeout=FLOOD_TIMEOUT_S)


def quantity(text: str) -> float:
    """Return a Kubernetes quantity as a number, such as 0.5 for 500m."""
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def copy_models(platform: ClusterPlatform, person: PodPerson) -> None:
    """Copy a user's trained versions into the claim `models`."""
    space = Namespace(platform.cluster, platform.namespace)
    space.pod("filler", claim="models")
    kubectl = f"{platform.cluster.tools}/kubectl --kubeconfig={platform.cluster.kubeconfig}"
    kubectl += f" --namespace={space.name}"
    read = f"{kubectl} exec {person.pod} -- tar -c -C models ."
    run("bash", "-o", "pipefail", "-c", f"{read} | {kubectl} exec -i filler -- tar -x -C /data")
    space.kubectl("delete", "pod", "filler", "--wait=false")
