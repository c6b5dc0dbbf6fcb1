"""What every user's pod may do and use: no privileges, limits, and where it may run."""

from collections.abc import Iterable
from typing import Any

from hub.settings import Settings
from hub.team_folder.claims import Mount

#: What Pod Security's level `restricted` asks of a container.
RESTRICTED = {
    "runAsUser": 1000,
    "runAsGroup": 1000,
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_OF_POD = {
    "fsGroup": 1000,  # a new volume belongs to the group of the user
    "fsGroupChangePolicy": "OnRootMismatch",
}
#: Seconds for which a pod stays on a node that does not answer.
NODE_LOST_S = 30
_NODE_LOST = [
    {
        "key": f"node.kubernetes.io/{state}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": NODE_LOST_S,
    }
    for state in ("not-ready", "unreachable")
]
# The names of Zero to JupyterHub: nodes that an admin keeps for users.
_USERS_NODES = {"key": "hub.jupyter.org/dedicated", "value": "user", "effect": "NoSchedule"}
_PREFER_USERS_NODES = {
    "weight": 100,
    "preference": {
        "matchExpressions": [
            {"key": "hub.jupyter.org/node-purpose", "operator": "In", "values": ["user"]}
        ]
    },
}
_SHM = ("shm", "/dev/shm")  # noqa: S108  for marimo's virtual files, as in a container


def gibibytes(amount: str) -> str:
    """Return an amount as Docker writes it, such as `4G`, as Kubernetes does: `4Gi`."""
    return f"{amount}i"


def set_limits(spawner: Any, mounts: Iterable[Mount], settings: Settings) -> None:
    """Set the volumes, limits and privileges of the next pod.

    Args:
        spawner: the user's.
        mounts: what the pod has of volumes.
        settings: the platform's settings.
    """
    name, path = _SHM
    shm = {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": "512Mi"}}
    spawner.volumes = [shm, *(mount.volume() for mount in mounts)]
    spawner.volume_mounts = [
        {"name": name, "mountPath": path},
        *(mount.volume_mount() for mount in mounts),
    ]
    spawner.mem_guarantee = int(spawner.mem_limit * settings.memory_reserved)
    spawner.cpu_guarantee = round(spawner.cpu_limit * settings.cpu_reserved, 3)
    has_gpu = spawner.size is not None and spawner.size.has_gpu
    spawner.extra_resource_limits = {settings.gpu_resource: "1"} if has_gpu else {}
    spawner.container_security_context = RESTRICTED
    spawner.pod_security_context = _OF_POD
    spawner.automount_service_account_token = False
    spawner.tolerations = [*_NODE_LOST, {**_USERS_NODES, "operator": "Equal"}]
    spawner.node_affinity_preferred = [_PREFER_USERS_NODES]
    # The addresses of services would be variables such as KAFKA_PORT, which mean something else.
    spawner.extra_pod_config = {"enableServiceLinks": False}
    spawner.extra_annotations = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}


def app_traits(settings: Settings) -> dict[str, Any]:
    """Return what KubeSpawner has for an app's pod, where an editor has something else."""
    return {
        "mem_limit": settings.app_memory_limit,
        "cpu_limit": settings.app_cpu_limit,
        # The app's home is a part of its container, and goes with it.
        "storage_pvc_ensure": False,
    }
