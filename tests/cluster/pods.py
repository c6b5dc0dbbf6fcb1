"""Small pods for tests, in a namespace of their own, and where new pods go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cluster.cluster import Cluster
from tests.cluster.machine import run

DEBIAN = "debian:trixie-slim"
PORT = 8080
# Says the pod's name to everybody who connects.
SERVER = f"""
use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalPort => {PORT}, Listen => 9, ReuseAddr => 1) or die;
while (my $client = $server->accept) {{ print $client $ENV{{HOSTNAME}}; close $client; }}
"""
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
NO_RIGHTS = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


class Namespace:
    """A namespace, with pods that say their names on a port."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": name, "labels": labels}
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def delete(self) -> None:
        """Delete it with all in it; nobody waits for its end."""
        self.kubectl("delete", "namespace", self.name, "--wait=false")

    def kubectl(self, *arguments: str, **options: Any) -> str:
        return self.cluster.kubectl("-n", self.name, *arguments, **options)

    def apply(self, *manifests: dict[str, Any]) -> None:
        self.cluster.apply(*manifests, namespace=self.name)

    def pod(self, name: str, *, node: str = "", claim: str = "", **spec: Any) -> None:
        """Start a pod, wait until it is ready.

        Args:
            name: its name, and the value of its label `app`.
            node: where it has to run; anywhere by default.
            claim: the volume claim that it has in /data.
            spec: fields of its spec beside those, or instead of them.
        """
        self.apply(self.manifest(name, node=node, claim=claim, **spec))
        self.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=90s")

    def manifest(
        self, name: str, *, node: str = "", claim: str = "", **spec: Any
    ) -> dict[str, Any]:
        """Return a pod's manifest: a server that the profile `restricted` allows."""
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
        container = {
            "name": "main",
            "image": DEBIAN,
            "imagePullPolicy": "Never",
            "command": ["perl", "-e", SERVER],
            "securityContext": NO_RIGHTS,
            "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}] if claim else [],
        }
        place = {"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "containers": [container],
                "securityContext": RESTRICTED,
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 0,
                "volumes": volumes if claim else [],
                **place,
                **spec,
            },
        }

    def service(self, name: str) -> None:
        """Make a service in front of the pod of the same name."""
        spec = {"selector": {"app": name}, "ports": [{"port": PORT}]}
        metadata = {"name": name}
        self.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})

    def claim(self, name: str, storage_class: str) -> None:
        """Ask for a volume."""
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Mi"}},
        }
        kind = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        self.apply({**kind, "metadata": {"name": name}, "spec": spec})

    def exec(self, pod: str, script: str) -> str:
        """Return what a bash script in a pod prints. Raises RuntimeError."""
        return self.kubectl("exec", pod, "--", "bash", "-c", script).strip()

    def ask(self, pod: str, host: str) -> str:
        """Return what a pod's server says to another pod; "" when it does not answer."""
        connect = f"exec 3<>/dev/tcp/{host}/{PORT}; cat <&3"
        return self.exec(pod, f"timeout 3 bash -c '{connect}' 2>/dev/null || true")

    def node_of(self, pod: str) -> str:
        return self.cluster.get("-n", self.name, "pod", pod)["spec"]["nodeName"]


def ask_from_here(address: str) -> str:
    """Return what a pod's server says to this machine. Raises RuntimeError."""
    return run("bash", "-c", f"timeout 5 bash -c 'cat < /dev/tcp/{address}/{PORT}'")


@contextmanager
def others_closed(cluster: Cluster, *nodes: str) -> Iterator[None]:
    """New pods go to these nodes only."""
    others = [name for name in cluster.nodes if name not in nodes]
    cluster.kubectl("cordon", *others)
    try:
        yield
    finally:
        cluster.kubectl("uncordon", *others)
