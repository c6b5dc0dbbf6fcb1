"""What Pod Security's level `restricted` refuses in a pod, as far as our pods could break it."""

from __future__ import annotations

from typing import Any

_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim"),
    *("projected", "secret"),
}
_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start", "kernel.shm_rmid_forced"}


def violations(spec: dict[str, Any]) -> list[str]:
    """Return what is not allowed; empty if the pod is restricted.

    Args:
        spec: the pod's `spec`, as the API server gets it.
    """
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    pod = spec.get("securityContext") or {}
    found += [s["name"] for s in pod.get("sysctls") or [] if s["name"] not in _SYSCTLS]
    for volume in spec.get("volumes") or []:
        kinds = {key for key, what in volume.items() if key != "name" and what is not None}
        found += [f"volume {volume['name']}: {kind}" for kind in sorted(kinds - _VOLUMES)]
    for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
        own = container.get("securityContext") or {}
        found += [f"{container['name']}: {what}" for what in _of_container(own, pod)]
        found += [
            f"{container['name']}: hostPort"
            for p in container.get("ports") or []
            if "hostPort" in p
        ]
    return found


def _of_container(own: dict[str, Any], pod: dict[str, Any]) -> list[str]:
    capabilities = own.get("capabilities") or {}
    seccomp = own.get("seccompProfile") or pod.get("seccompProfile") or {}
    wrong = {
        "privileged": bool(own.get("privileged")),
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
        "runAsNonRoot": own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True,
        "runAsUser": own.get("runAsUser", pod.get("runAsUser")) == 0,
        "seccompProfile": seccomp.get("type") not in ("RuntimeDefault", "Localhost"),
        "capabilities": capabilities.get("drop") != ["ALL"]
        or not set(capabilities.get("add") or []) <= {"NET_BIND_SERVICE"},
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]
