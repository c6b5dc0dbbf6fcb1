"""The machine of the control plane: etcd, API server, controllers, scheduler and provisioner."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.machine import Machine, run

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

START_TIMEOUT_S = 90.0


class ControlPlane(Machine):
    """It also has the bridge between all machines.

    Args:
        cluster: what it is part of; it has the certificates.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        super().__init__("control", cluster.state / "control", cluster.tools / "pause")

    def connect_all(self) -> None:
        """Make the bridge between all machines, and this machine's interface on it."""
        network = self.cluster.network
        self.connect("link", "add", "br0", "type", "bridge")
        self.connect("address", "add", f"{network.control}/24", "dev", "br0")
        self.connect("link", "set", "br0", "up")
        run("ip", "link", "add", self.cluster.name, "type", "veth",
            "peer", "name", "host", "netns", str(self.pid))  # fmt: skip
        self.connect("link", "set", "host", "master", "br0", "up")
        run("ip", "address", "add", f"{network.host}/24", "dev", self.cluster.name)
        run("ip", "link", "set", self.cluster.name, "up")
        for number in self.cluster.node_numbers:
            route = ("route", "add", network.pods_of(number), "via", network.node(number))
            run("ip", *route)
            self.connect(*route)
        for address in (network.METADATA, network.OUTSIDE):
            self.connect("address", "add", f"{address}/32", "dev", "lo")
        self.set_kernel({"net/ipv4/ip_forward": "1"})

    def start_all(self) -> None:
        """Start its programs; wait until the API server answers."""
        kube, files = str(self.cluster.tools / "kube"), self.cluster.authority.directory
        self.start(kube, "etcd", f"--data-dir={self.cluster.state}/etcd", "--unsafe-no-fsync")
        self.start(
            *(kube, "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379"),
            *(f"--bind-address={self.cluster.network.control}", "--allow-privileged"),
            f"--service-cluster-ip-range={self.cluster.network.services}",
            *("--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"),
            *(f"--client-ca-file={files}/ca.crt", f"--tls-cert-file={files}/apiserver.crt"),
            f"--tls-private-key-file={files}/apiserver.key",
            f"--kubelet-client-certificate={files}/admin.crt",
            f"--kubelet-client-key={files}/admin.key",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={files}/service-accounts.pub",
            f"--service-account-signing-key-file={files}/service-accounts.key",
            # Other API servers, such as KEDA's of metrics, answer through this one.
            *(
                f"--requestheader-client-ca-file={files}/ca.crt",
                "--requestheader-allowed-names=api",
            ),
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={files}/api.crt",
            *(f"--proxy-client-key-file={files}/api.key", "--profiling=false"),
        )
        admin = f"--kubeconfig={self.cluster.kubeconfig}"
        self.wait_for(*(kube, "kubectl", admin, "get", "--raw=/readyz"), timeout=START_TIMEOUT_S)
        self.start(
            *(kube, "kube-controller-manager", "--use-service-account-credentials"),
            f"--kubeconfig={files}/kube-controller-manager.conf",
            f"--service-account-private-key-file={files}/service-accounts.key",
            *(f"--root-ca-file={files}/ca.crt", f"--cluster-signing-cert-file={files}/ca.crt"),
            *(f"--cluster-signing-key-file={files}/ca.key", "--leader-elect=false"),
            # Sooner than the 50 s of most clusters: tests wait for it.
            *("--node-monitor-grace-period=20s", "--profiling=false"),
        )
        scheduler = f"--kubeconfig={files}/kube-scheduler.conf"
        self.start(kube, "kube-scheduler", scheduler, "--leader-elect=false")
        self.start(
            *(kube, "provisioner", f"-kubeconfig={self.cluster.kubeconfig}"),
            f"-directory={self.cluster.state}/volumes",
        )

    def answer_outside(self) -> None:
        """Answer on port 80 of all its addresses, as the internet and a cloud's metadata do."""
        empty = self.state / "outside"
        empty.mkdir(exist_ok=True)
        if Path(sys.executable).name not in self.programs:
            self.start(sys.executable, "-m", "http.server", "80", f"--directory={empty}")
