"""Simulated nodes of a cluster of tests/cluster: kwok, and what answers in their pods."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.cluster import Cluster
from tests.cluster.machine import Machine, run
from tests.cluster.programs import go, kept

MODULE, VERSION = "sigs.k8s.io/kwok", "v0.8.0"
_STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-delete.yaml",
)
#: Milliseconds from a pod's node to its editor: what the tests of the cluster see, at random.
START_MS = (4000, 6000)
FAKE = {"kwok.x-k8s.io/node": "fake"}
_FIRST_RANGE, _MOST_NODES = 32, 16
_EDITORS = Path(__file__).with_name("editors.py")


def ensure() -> Path:
    """Return the directory with `kwok` and its stages; build it with Go if it is not there.

    Raises:
        subprocess.CalledProcessError: Go cannot build it, and has said why.
    """
    return kept("kwok", VERSION, f"{MODULE} {VERSION}", _build, print)


def _build(into: Path) -> None:
    command = go("go 1.26")
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOBIN": str(into),
        "GOFLAGS": "-trimpath -buildvcs=false",
        "GOTOOLCHAIN": "local",
    }
    module = f"{MODULE}@{VERSION}"
    said = subprocess.run(
        [*command, "mod", "download", "-json", module],
        cwd=into, env=environment, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    stages = Path(json.loads(said.stdout)["Dir"]) / "kustomize/stage"
    for name in _STAGES:
        shutil.copyfile(stages / name, into / Path(name).name)
    install = [*command, "install", "-ldflags=-s -w", f"{MODULE}/cmd/kwok@{VERSION}"]
    subprocess.run(install, cwd=into, env=environment, check=True)


class SimulatedNodes(Machine):
    """Nodes without machines: kwok says that their pods run, and a program answers for them.

    Args:
        cluster: what they join.
        count: how many; each has room for all pods, and 254 addresses.
    """

    def __init__(self, cluster: Cluster, count: int) -> None:
        if count > _MOST_NODES:
            raise ValueError(f"there are addresses for {_MOST_NODES} nodes, not for {count}")
        self._cluster, self._count = cluster, count
        self._kwok = ensure()
        self._address = cluster.network.node(40)
        super().__init__("kubelets", cluster.state / "kubelets", cluster.tools / "pause")
        self._connect()

    def _connect(self) -> None:
        """Have all addresses of the pods lead here, and have this machine answer for all."""
        network, control = self._cluster.network, self._cluster.control
        control.connect(
            *("link", "add", self.name, "type", "veth"),
            *("peer", "name", "eth0", "netns", str(self.pid)),
        )
        control.connect("link", "set", self.name, "master", "br0", "up")
        self.connect("address", "add", f"{self._address}/24", "dev", "eth0")
        self.connect("link", "set", "eth0", "up")
        self.connect("route", "add", "default", "via", network.control)
        for number in range(self._count):
            pods = network.pods_of(_FIRST_RANGE + number)
            self.connect("route", "add", "local", pods, "dev", "lo")
            run("ip", "route", "add", pods, "via", self._address)

    def join(self, namespace: str, figures: Path) -> None:
        """Start kwok and what answers, and wait until the nodes are ready.

        Args:
            namespace: the namespace of people's pods.
            figures: where the program in the pods writes how its requests to the hub fare.
        """
        settings = self.state / "kwok.yaml"
        settings.write_text("---\n".join(yaml.safe_dump(stage) for stage in self._stages()))
        admin = self._cluster.kubeconfig
        self.start(
            *(str(self._kwok / "kwok"), f"--kubeconfig={admin}", f"--config={settings}"),
            *(f"--node-ip={self._address}", "--manage-all-nodes=false"),
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        )
        pki = str(self._cluster.authority.directory)
        api = f"https://{self._cluster.network.control}:6443"
        self.start(sys.executable, "-P", str(_EDITORS), api, pki, namespace, str(figures))
        names = [f"simulated-{number}" for number in range(self._count)]
        self._cluster.apply(*(self._node(name, n) for n, name in enumerate(names)))
        nodes = [f"node/{name}" for name in names]
        self._cluster.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *nodes)

    def _stages(self) -> list[dict[str, Any]]:
        stages = [yaml.safe_load((self._kwok / Path(name).name).read_text()) for name in _STAGES]
        least, most = START_MS
        for stage in stages:
            if stage["metadata"]["name"] == "pod-ready":
                stage["spec"]["delay"] = {
                    "durationMilliseconds": least,
                    "jitterDurationMilliseconds": most,
                }
        return stages

    def _node(self, name: str, number: int) -> dict[str, Any]:
        pods = self._cluster.network.pods_of(_FIRST_RANGE + number)
        labels = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "annotations": FAKE, "labels": labels},
            "spec": {"podCIDR": pods, "podCIDRs": [pods]},
        }
