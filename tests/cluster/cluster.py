"""A real Kubernetes cluster on this machine: `python -m tests.cluster.cluster` runs one by hand.

Each machine of it has namespaces of its own (machine.py). On this machine itself there is one
network interface with routes to the cluster, a directory, and cgroups of the nodes. All of it goes
with `stop`; after a crash the kernel has ended the processes and the next start removes the rest.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

from tests.cluster import addons, tools
from tests.cluster.certificates import Authority
from tests.cluster.cgroups import cgroup_roots, remove_cgroups
from tests.cluster.control import ControlPlane
from tests.cluster.images import PAUSE, import_images, write_archive
from tests.cluster.machine import run
from tests.cluster.network import Network
from tests.cluster.node import Node
from tests.support.engine_lock import engine
from tests.support.waiting import TIMEOUT_FACTOR

PLACE = Path("/var/cache/mosshub-tests/clusters")
MOST_CLUSTERS = 8  # at the same time on this machine
START_TIMEOUT_S = 90.0
KUBECTL_TIMEOUT_S = 120.0


class Cluster:
    """A cluster with an API server and some nodes.

    Args:
        say: where to show how far it is.

    Attributes:
        name: of its directory and its network interface; no other cluster has it.
        nodes: those that run, by name: n1, n2, …
        kubeconfig: the file with which kubectl and helm are its administrator.
        tools: the directory of `kubectl` and `helm`.
    """

    def __init__(self, say: Callable[[str], None] = print) -> None:
        self.tools = tools.ensure(say)
        self._lock, number = reserve()
        self.name = f"mosshub-k{number}"
        self.state = PLACE / str(number)
        self.network = Network(200 + number)
        self.nodes: dict[str, Node] = {}
        self.node_numbers: list[int] = []
        self._say = say
        self._remove_leftovers()

    def start(self, nodes: int = 2, images: Sequence[str] = ()) -> None:
        """Start it and wait until all nodes are ready and names of services have addresses.

        Args:
            nodes: how many.
            images: images of this machine's Docker engine that all nodes have.
        """
        began = time.monotonic()
        self.state.mkdir(parents=True)
        self.node_numbers = list(range(1, nodes + 1))
        self._issue_certificates()
        self._pause_archive = self.state / "pause.tar"
        write_archive(self._pause_archive, PAUSE, self.tools / "pause")
        self.control = ControlPlane(self)
        self.control.connect_all()
        self.control.start_all()
        self.apply(*addons.bootstrap(self))
        self._start_nodes(images)
        self.wait_for_nodes()
        self.kubectl("-n", "kube-system", "rollout", "status", "daemonset/coredns")
        self._say(f"cluster: {nodes} nodes are ready, {time.monotonic() - began:.1f} s")

    def stop(self) -> None:
        """End it, and take away everything that it made."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.kill, self.nodes.values()))
        self.nodes.clear()
        if hasattr(self, "control"):
            self.control.kill()
        self._remove_leftovers()
        self._lock.close()

    # -- what tests do with it

    def kubectl(
        self, *arguments: str, input: str | None = None, timeout: float = KUBECTL_TIMEOUT_S
    ) -> str:
        """Return standard output of kubectl as the cluster's administrator. Raises RuntimeError."""
        command = (str(self.tools / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments)
        return run(*command, timeout=timeout * TIMEOUT_FACTOR, stdin=input)

    def get(self, *arguments: str) -> Any:
        """Return what `kubectl get` gives, as JSON."""
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def apply(self, *manifests: str | dict[str, Any], namespace: str = "") -> None:
        """Apply manifests: YAML, or objects as dicts; in a namespace, or where they say."""
        objects = [manifest for manifest in manifests if isinstance(manifest, dict)]
        texts = [manifest for manifest in manifests if isinstance(manifest, str)]
        if objects:
            texts.append(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        text = "\n---\n".join(texts)
        where = [f"--namespace={namespace}"] if namespace else []
        self.kubectl("apply", *where, "--server-side", "-f", "-", input=text)

    def helm(self, *arguments: str, timeout: float = 600) -> str:
        """Return standard output of helm. Raises RuntimeError."""
        command = (str(self.tools / "helm"), f"--kubeconfig={self.kubeconfig}", *arguments)
        return run(*command, timeout=timeout * TIMEOUT_FACTOR)

    def address(self, what: str, namespace: str = "default") -> str:
        """Return the address of `service/NAME` or `pod/NAME`, which this machine reaches itself."""
        found = self.get(what, "-n", namespace)
        return found["spec"].get("clusterIP") or found["status"]["podIP"]

    # -- nodes

    def _start_nodes(self, images: Sequence[str]) -> None:
        """Start all nodes. The first one unpacks the images, which takes most of the time."""
        for number in self.node_numbers:
            node = Node(self, f"n{number}", number)
            if self.nodes:
                node.take_images(self.nodes["n1"])
            node.boot()
            self.nodes[node.name] = node
            if number == self.node_numbers[0]:
                import_images(node, ["cat", str(self._pause_archive)])
                self._give_images(node, images)
        for node in self.nodes.values():
            node.join()
        self._lead_services()

    def _give_images(self, node: Node, images: Sequence[str]) -> None:
        """Give images of this machine's Docker engine to a node, side by side."""
        with engine(alone=False), ThreadPoolExecutor() as pool:
            list(pool.map(lambda image: import_images(node, ["docker", "save", image]), images))

    def start_node(self, name: str) -> None:
        """Start a node again that was killed: it has its disk, and nothing runs."""
        node = self.nodes[name] = Node(self, name, int(name[1:]))
        node.boot()
        node.join()
        self._lead_services()

    def kill_node(self, name: str) -> None:
        """End a node at once, as when its power fails."""
        self.nodes.pop(name).kill()
        self._lead_services()

    def wait_for_nodes(self, timeout: float = START_TIMEOUT_S) -> None:
        """Wait until all nodes that run are ready, and have them enforce network policies."""
        timeout *= TIMEOUT_FACTOR
        names = [f"node/{name}" for name in self.nodes]
        limit = f"--timeout={timeout:.0f}s"
        try:
            self.kubectl("wait", "--for=condition=Ready", limit, *names, timeout=timeout + 30)
        except RuntimeError:
            for machine in (self.control, *self.nodes.values()):
                machine.check()
            raise
        for node in self.nodes.values():
            node.enforce_policies()

    def logs(self) -> dict[str, str]:
        """Return the ends of the logs of its machines' programs, by machine and program."""
        return {
            f"{file.parent.parent.name}/{file.stem}": file.read_text(errors="replace")[-4000:]
            for file in sorted(self.state.glob("*/log/*.log"))
        }

    # -- how it starts

    def _issue_certificates(self) -> None:
        self.authority = Authority(self.state / "pki")
        server = f"https://{self.network.control}:6443"
        names = [f"kubernetes{end}" for end in ("", ".default", ".default.svc")]
        hosts = (self.network.control, self.network.api_service, *names)
        self.authority.issue("apiserver", "kube-apiserver", hosts=hosts)
        self.authority.make_key("service-accounts")
        for name, user, group in (
            ("admin", "admin", "system:masters"),
            ("kube-controller-manager", "system:kube-controller-manager", ""),
            ("kube-scheduler", "system:kube-scheduler", ""),
            ("proxy", "system:kube-proxy", ""),
            ("network-policies", "network-policies", ""),
            ("api", "api", ""),
            *((f"n{i}", f"system:node:n{i}", "system:nodes") for i in self.node_numbers),
        ):
            hosts = (name, self.network.node(int(name[1:]))) if group == "system:nodes" else ()
            self.authority.issue(name, user, group=group, hosts=hosts)
            self.authority.kubeconfig(name, server)
        self.kubeconfig = self.authority.directory / "admin.conf"

    def _lead_services(self) -> None:
        """Lead what asks a service to the first node that runs: kube-proxy is there."""
        if self.nodes:
            first = min(self.nodes.values(), key=lambda node: node.number)
            first.wait_for_services()
            route = ("route", "replace", self.network.services, "via", first.address)
            run("ip", *route)
            self.control.connect(*route)

    # -- what it leaves

    def _remove_leftovers(self) -> None:
        """Remove what this cluster or one of the same name left, of which no process lives."""
        if Path("/sys/class/net", self.name).exists():
            with contextlib.suppress(RuntimeError):  # its other end is gone, and it goes as well
                run("ip", "link", "delete", self.name)
        for root in cgroup_roots():
            for group in root.glob(f"{self.name}-*"):
                remove_cgroups(group.name)
        run("rm", "-rf", str(self.state), timeout=300)


def reserve() -> tuple[TextIO, int]:
    """Return a number that no other process has, with the lock that keeps it."""
    PLACE.mkdir(parents=True, exist_ok=True)
    for number in range(MOST_CLUSTERS):
        lock = (PLACE / f"{number}.lock").open("w")
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock, number
        lock.close()
    raise RuntimeError(f"{MOST_CLUSTERS} clusters run on this machine already")


def main(arguments: list[str]) -> None:
    """Run a cluster until Ctrl-C."""
    cluster = Cluster()
    try:
        cluster.start(int(arguments[0]) if arguments else 2)
        print(f"export KUBECONFIG={cluster.kubeconfig} PATH={cluster.tools}:$PATH", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            cluster.control.wait()
    finally:
        cluster.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
