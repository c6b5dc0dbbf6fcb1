"""A controller before the edge: Traefik as a pod, with what it may read, and its Gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.cluster import traefik
from tests.cluster.addons import READ, allow, manifest
from tests.cluster.images import PAUSE
from tests.cluster.platform import DOMAIN

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

NAMESPACE = CLASS = "traefik"
GATEWAY = "public"
#: The names of the Gateway's listeners, with what each is for.
LISTENERS = {"hub": DOMAIN, "users": f"*.{DOMAIN}"}
PLAIN = "plain"  # its listener without TLS, which every host name reaches
READY_TIMEOUT_S = 120
HERE = {"namespace": NAMESPACE}
OPTIONS = (
    *("--entrypoints.web.address=:80", "--entrypoints.websecure.address=:443"),
    # 60 s by default: an upload that takes longer would be cut.
    "--entrypoints.websecure.transport.respondingtimeouts.readtimeout=0",
    *("--providers.kubernetesingress", "--providers.kubernetesgateway"),
    *("--ping", "--log.level=INFO", "--accesslog"),
    *("--global.checknewversion=false", "--global.sendanonymoususage=false"),
)
RULES = [
    {
        "apiGroups": [""],
        "resources": ["services", "secrets", "namespaces", "nodes", "configmaps"],
        "verbs": READ,
    },
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READ},
    {
        "apiGroups": ["networking.k8s.io"],
        "resources": ["ingresses", "ingressclasses"],
        "verbs": READ,
    },
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["update"]},
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["*"], "verbs": [*READ, "update"]},
]


def install(cluster: Cluster) -> None:
    """Install it, once for the whole cluster, and wait until it answers."""
    definitions = sorted((traefik.ensure() / "crd").glob("*_*s.yaml"))
    cluster.apply(*(file.read_text() for file in definitions))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    cluster.apply(manifest("v1", "Namespace", NAMESPACE))
    files = cluster.authority.directory
    if not (files / "edge.crt").exists():
        cluster.authority.issue("edge", "edge", hosts=(DOMAIN, f"*.{DOMAIN}"))
    cluster.kubectl(
        *("-n", NAMESPACE, "create", "secret", "tls", "moss-tls"),
        *(f"--cert={files}/edge.crt", f"--key={files}/edge.key"),
    )
    cluster.apply(*_objects())
    cluster.kubectl(
        *("-n", NAMESPACE, "rollout", "status", "deployment/traefik"),
        f"--timeout={READY_TIMEOUT_S}s",
        timeout=READY_TIMEOUT_S,
    )


def remove(cluster: Cluster) -> None:
    """Remove it again, without its definitions."""
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    for what in ("ingressclass", "gatewayclass", "clusterrole", "clusterrolebinding"):
        cluster.kubectl("delete", what, NAMESPACE, "--ignore-not-found", "--wait=false")


def _objects() -> list[dict[str, Any]]:
    account = {"kind": "ServiceAccount", "name": "traefik", **HERE}
    labels = {"app": "traefik"}
    ports = [{"name": "http", "port": 80}, {"name": "https", "port": 443}]
    container = {
        "name": "traefik",
        "image": PAUSE,  # nothing but a place to run the program in
        "imagePullPolicy": "Never",
        "command": ["/programs/traefik", *OPTIONS],
        "readinessProbe": {"httpGet": {"path": "/ping", "port": 8080}, "periodSeconds": 1},
        "volumeMounts": [{"name": "programs", "mountPath": "/programs", "readOnly": True}],
    }
    pod = {
        "metadata": {"labels": labels},
        "spec": {
            "serviceAccountName": "traefik",
            "containers": [container],
            "volumes": [{"name": "programs", "hostPath": {"path": str(traefik.ensure())}}],
        },
    }
    deployment = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    ingress_class = {"controller": "traefik.io/ingress-controller"}
    gateway_class = {"controllerName": "traefik.io/gateway-controller"}
    return [
        manifest("v1", "ServiceAccount", "traefik", metadata=HERE),
        *allow("traefik", account, RULES),
        manifest("networking.k8s.io/v1", "IngressClass", CLASS, spec=ingress_class),
        manifest("gateway.networking.k8s.io/v1", "GatewayClass", CLASS, spec=gateway_class),
        manifest("apps/v1", "Deployment", "traefik", metadata=HERE, spec=deployment),
        manifest(
            *("v1", "Service", "traefik"), metadata=HERE, spec={"selector": labels, "ports": ports}
        ),
    ]


def gateway(namespace: str) -> dict[str, Any]:
    """Return the Gateway: a listener for each host, and one without TLS as most have.

    Args:
        namespace: the only one whose routes it takes.
    """
    names = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    routes = {"namespaces": {"from": "Selector", "selector": names}}
    tls = {"mode": "Terminate", "certificateRefs": [{"name": "moss-tls"}]}
    secure = [
        {"name": name, "hostname": host, "port": 443, "protocol": "HTTPS", "tls": tls}
        for name, host in LISTENERS.items()
    ]
    listeners = [*secure, {"name": PLAIN, "port": 80, "protocol": "HTTP"}]
    spec = {
        "gatewayClassName": CLASS,
        "listeners": [{**listener, "allowedRoutes": routes} for listener in listeners],
    }
    return manifest("gateway.networking.k8s.io/v1", "Gateway", GATEWAY, metadata=HERE, spec=spec)
