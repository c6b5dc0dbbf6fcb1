"""What a cluster has before its first pod: nodes, storage classes, a DNS, and who may read what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.cluster.images import PAUSE

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

PROVISIONER = "mosshub.test/directory"
SHARED, LOCAL = "shared", "local"  # storage that follows a pod to other nodes, and that does not
READ = ["get", "list", "watch"]
COREFILE = """\
.:53 {
  errors
  ready
  kubernetes cluster.local in-addr.arpa
  cache 5
}
"""


def bootstrap(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the objects that a cluster starts with."""
    nodes = [
        manifest("v1", "Node", f"n{number}", spec={"podCIDR": cluster.network.pods_of(number)})
        for number in cluster.node_numbers
    ]
    policies = [
        {"apiGroups": [""], "resources": ["pods", "namespaces", "nodes"], "verbs": READ},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": READ},
    ]
    user = {"kind": "User", "name": "network-policies", "apiGroup": "rbac.authorization.k8s.io"}
    return [
        *nodes,
        *allow("network-policies", user, policies),
        _storage_class(SHARED, {}, default=True),
        _storage_class(LOCAL, {"local": "true"}),
        *_dns(cluster),
    ]


def manifest(api: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    """Return an object of the cluster; `metadata` is what it has beside its name."""
    metadata = {"name": name, **more.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}


def allow(name: str, subject: dict[str, str], rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what lets a user or service account do something in the whole cluster."""
    api = "rbac.authorization.k8s.io/v1"
    role = {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    return [
        manifest(api, "ClusterRole", name, rules=rules),
        manifest(api, "ClusterRoleBinding", name, roleRef=role, subjects=[subject]),
    ]


def _storage_class(
    name: str, parameters: dict[str, str], *, default: bool = False
) -> dict[str, Any]:
    annotations = {"storageclass.kubernetes.io/is-default-class": str(default).lower()}
    return manifest(
        "storage.k8s.io/v1",
        "StorageClass",
        name,
        metadata={"annotations": annotations},
        provisioner=PROVISIONER,
        parameters=parameters,
        volumeBindingMode="WaitForFirstConsumer",
    )


def _dns(cluster: Cluster) -> list[dict[str, Any]]:
    """CoreDNS behind the service kube-dns, on each node.

    Of a Deployment this scheduler put both pods on one node, whatever they asked for. With that
    node the names of all services were lost.
    """
    here = {"namespace": "kube-system"}
    labels = {"k8s-app": "kube-dns"}
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": READ},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READ},
    ]
    account = {"kind": "ServiceAccount", "name": "coredns", **here}
    ports = [
        {"name": f"dns-{protocol.lower()}", "port": 53, "protocol": protocol}
        for protocol in ("UDP", "TCP")
    ]
    container = {
        "name": "coredns",
        "image": PAUSE,  # nothing but a place to run the program in
        "imagePullPolicy": "Never",
        "command": ["/tools/kube", "coredns", "-conf", "/etc/coredns/Corefile"],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "tools", "mountPath": "/tools", "readOnly": True},
            {"name": "settings", "mountPath": "/etc/coredns"},
        ],
    }
    pod = {
        "metadata": {"labels": labels},
        "spec": {
            "serviceAccountName": "coredns",
            "dnsPolicy": "Default",
            "containers": [container],
            "volumes": [
                {"name": "tools", "hostPath": {"path": str(cluster.tools), "type": "Directory"}},
                {"name": "settings", "configMap": {"name": "coredns"}},
            ],
        },
    }
    everywhere = {"selector": {"matchLabels": labels}, "template": pod}
    service = {"clusterIP": cluster.network.dns, "selector": labels, "ports": ports}
    return [
        manifest("v1", "ServiceAccount", "coredns", metadata=here),
        *allow("coredns", account, rules),
        manifest("v1", "ConfigMap", "coredns", metadata=here, data={"Corefile": COREFILE}),
        manifest("apps/v1", "DaemonSet", "coredns", metadata=here, spec=everywhere),
        manifest("v1", "Service", "kube-dns", metadata={**here, "labels": labels}, spec=service),
    ]
