"""A node of the cluster: containerd, kubelet, kube-proxy, and what enforces network policies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cluster.cgroups import make_cgroups, remove_cgroups
from tests.cluster.images import PAUSE
from tests.cluster.machine import Machine

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

CNI_PLUGINS = "/usr/lib/cni"  # of Debian's package containernetworking-plugins
SOCKET = "/run/containerd/containerd.sock"
# The kubelet sets these for the whole kernel. It finds them so, and this machine keeps its own.
KUBELET_WANTS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
CONTAINERD = """\
version = 2
root = "{state}/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true  # root need not have CAP_SYS_RESOURCE
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_plugins}"
    conf_dir = "{state}/cni"
"""


class Node(Machine):
    """One node, whose files outlive it, as a machine's disk does.

    Args:
        cluster: what it is part of; it has certificates for the node.
        name: its name.
        number: 1 or more; addresses follow from it.
    """

    def __init__(self, cluster: Cluster, name: str, number: int) -> None:
        self.cluster, self.number = cluster, number
        self.address = cluster.network.node(number)
        self.cgroup = f"{cluster.name}-{name}"
        super().__init__(name, cluster.state / name, cluster.tools / "pause")
        self.kube = str(cluster.tools / "kube")

    def take_images(self, other: Node) -> None:
        """Have the images of another node, on which nothing runs yet: their files once on the disk.

        Nobody changes these files: what a pod writes goes to a layer of its own.
        """
        self.run("cp", "--archive", "--link", f"{other.state}/containerd", str(self.state))
        for file in (self.state / "containerd").glob("*/*.db"):  # but these change
            original = other.state / file.relative_to(self.state)
            file.unlink()
            self.run("cp", "--archive", str(original), str(file))

    def boot(self) -> None:
        """Connect it to the others, and start containerd."""
        self._connect()
        self._hide_kernel_parameters()
        make_cgroups(self.cgroup)
        self._start_containerd()

    def _connect(self) -> None:
        network, control = self.cluster.network, self.cluster.control
        control.connect(
            *("link", "add", self.name, "type", "veth"),
            *("peer", "name", "eth0", "netns", str(self.pid)),
        )
        control.connect("link", "set", self.name, "master", "br0", "up")
        self.connect("address", "add", f"{self.address}/24", "dev", "eth0")
        self.connect("link", "set", "eth0", "up")
        self.connect("route", "add", "default", "via", network.control)
        for other in self.cluster.node_numbers:
            if other != self.number:
                self.connect("route", "add", network.pods_of(other), "via", network.node(other))
        self.set_kernel(
            {
                "net/ipv4/ip_forward": "1",
                "net/ipv4/conf/all/route_localnet": "1",
                # Policies hold between pods of one node, too.
                "net/bridge/bridge-nf-call-iptables": "1",
            }
        )

    def _hide_kernel_parameters(self) -> None:
        for name, value in KUBELET_WANTS.items():
            file = self.state / name.replace("/", ".")
            file.write_text(value)
            self.run("mount", "--bind", str(file), f"/proc/sys/{name}")

    def _start_containerd(self) -> None:
        (self.state / "cni").mkdir(exist_ok=True)
        bridge = {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "dataDir": "/run/ipam",
                "ranges": [[{"subnet": self.cluster.network.pods_of(self.number)}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        pods = {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}
        (self.state / "cni/pods.conflist").write_text(json.dumps(pods))
        settings = self.state / "containerd.toml"
        text = CONTAINERD.format(
            state=self.state, socket=SOCKET, pause=PAUSE, cni_plugins=CNI_PLUGINS
        )
        settings.write_text(text)
        self.start("containerd", "--config", str(settings))
        self.wait_for("ctr", "version")

    def join(self) -> None:
        """Start what makes it a node of the cluster; the API server must answer."""
        files = self.cluster.authority.directory
        kubelet = self.state / "kubelet.json"
        kubelet.write_text(json.dumps(self._kubelet_settings()))
        self.start(
            *(self.kube, "kubelet", f"--config={kubelet}", f"--hostname-override={self.name}"),
            *(f"--kubeconfig={files / self.name}.conf", f"--node-ip={self.address}"),
            *(f"--root-dir={self.state}/kubelet", f"--cert-dir={self.state}/kubelet/pki"),
        )
        proxy = self.state / "proxy.json"
        proxy.write_text(json.dumps(self._proxy_settings()))
        self.start(self.kube, "kube-proxy", f"--config={proxy}")

    def wait_for_services(self) -> None:
        """Wait until it leads services' addresses to pods.

        A connection that begins before that leads nowhere, and the kernel remembers it as long as
        somebody tries.
        """
        rules = "iptables -w -t nat -S KUBE-SERVICES"
        self.wait_for("sh", "-c", f"{rules} | grep -q {self.cluster.network.api_service}/32")

    def enforce_policies(self) -> None:
        """Start what enforces network policies; the cluster must know the node's address."""
        if "network-policies" not in self.programs:
            settings = f"{self.cluster.authority.directory}/network-policies.conf"
            services = f"-services={self.cluster.network.services}"
            self.start(
                *(self.kube, "network-policies", f"-kubeconfig={settings}"),
                *(f"-node={self.name}", services),
            )

    def _kubelet_settings(self) -> dict[str, object]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.cgroup}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(self.cluster.authority.certificate_file)},
            },
            "authorization": {"mode": "Webhook"},
            "address": self.address,
            "clusterDomain": "cluster.local",
            "clusterDNS": [self.cluster.network.dns],
            "resolvConf": "",
            "podLogsDir": "/var/log/pods",
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
            "nodeLeaseDurationSeconds": 10,
        }

    def _proxy_settings(self) -> dict[str, object]:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clientConnection": {"kubeconfig": f"{self.cluster.authority.directory}/proxy.conf"},
            "clusterCIDR": self.cluster.network.pods,
            "hostnameOverride": self.name,
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
            "iptables": {"minSyncPeriod": "100ms"},
        }

    def kill(self) -> None:
        super().kill()
        remove_cgroups(self.cgroup)
