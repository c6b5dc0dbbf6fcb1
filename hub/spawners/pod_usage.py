"""What pods use of memory and processors, as the cluster's metrics API knows it."""

import asyncio
import re
import time
from collections.abc import Collection
from typing import Any

from aiohttp import ClientError
from jupyterhub.spawner import Spawner
from kubernetes_asyncio.client import ApiException
from kubespawner.clients import shared_client

from hub.spawners.usage import MEASURE_TIMEOUT_S, Sample

_UNITS = {
    **{"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9},
    **{"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40},
}
_ASK_AGAIN_S = 60.0
_absent_until = 0.0  # a cluster without that API is not asked each time


async def measure_pods(spawners: Collection[Spawner]) -> dict[Spawner, Sample]:
    """Measure all pods with one question; nothing is known in a cluster without the metrics API.

    Args:
        spawners: servers whose pod runs.
    """
    global _absent_until
    some = next(iter(spawners), None)
    if some is None or time.monotonic() < _absent_until:
        return {}
    try:
        async with asyncio.timeout(MEASURE_TIMEOUT_S):
            found = await shared_client("CustomObjectsApi").list_namespaced_custom_object(
                *("metrics.k8s.io", "v1beta1", some.namespace, "pods"),
                label_selector=f"component={some.component_label}",
            )
    except (ApiException, ClientError, OSError, TimeoutError):
        _absent_until = time.monotonic() + _ASK_AGAIN_S
        return {}
    by_name = {spawner.pod_name: spawner for spawner in spawners}
    return {
        by_name[name]: pod_sample(pod, time.monotonic())
        for pod in found["items"]
        if (name := pod["metadata"]["name"]) in by_name
    }


def pod_sample(pod: dict[str, Any], at: float) -> Sample:
    """Return what the metrics API says about a pod.

    Args:
        pod: an item of its answer.
        at: when it came.
    """
    usage = [container["usage"] for container in pod["containers"]]
    memory = sum(quantity(part["memory"]) for part in usage)
    processors = sum(quantity(part["cpu"]) for part in usage)
    return Sample(int(memory), 0.0, at, processors)


def quantity(text: str) -> float:
    """Return a number as Kubernetes writes it, such as `250m` or `64Mi`.

    Raises:
        ValueError: it is no such number.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", text)
    if not found or found[2] not in _UNITS:
        raise ValueError(f"{text!r} is no quantity")
    return float(found[1]) * _UNITS[found[2]]
