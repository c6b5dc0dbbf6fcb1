"""What servers use of memory and processors, measured for all of them at once."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psutil
from docker.errors import DockerException
from jupyterhub.spawner import Spawner
from requests import RequestException

#: Seconds after which a server whose measurement has not come is left out.
MEASURE_TIMEOUT_S = 3.0
_THREADS = ThreadPoolExecutor(8, "usage")


@dataclass(frozen=True)
class Sample:
    """A measurement of one server.

    Attributes:
        memory_bytes: memory in use, without files that the kernel may drop.
        cpu_s: processor time since the start of the server, in seconds.
        at: when it was measured, in seconds of `time.monotonic`.
        processors: processors in use, where whoever measured knows only that; None otherwise.
    """

    memory_bytes: int
    cpu_s: float
    at: float
    processors: float | None = None


async def measure_containers(spawners: Collection[Spawner]) -> dict[Spawner, Sample]:
    """Measure containers side by side, through the client with which they are started.

    Args:
        spawners: servers whose container runs.
    """
    loop = asyncio.get_running_loop()
    asked = {
        loop.run_in_executor(_THREADS, _container_sample, s.client, s.container_id): s
        for s in spawners
        if s.container_id
    }
    if not asked:
        return {}
    done, late = await asyncio.wait(asked, timeout=MEASURE_TIMEOUT_S)
    for future in late:
        future.cancel()
    return {asked[future]: sample for future in done if (sample := future.result())}


def _container_sample(client: Any, container_id: str) -> Sample | None:
    try:
        stats = client.stats(container_id, stream=False, one_shot=True)
    except (DockerException, RequestException):
        return None  # it has just ended, or the engine is away
    return container_sample(stats, time.monotonic())


def container_sample(stats: Mapping[str, Any], at: float) -> Sample | None:
    """Return what the engine says about a container; None if it does not run.

    Args:
        stats: the engine's answer.
        at: when it came.
    """
    memory = stats.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    about = memory.get("stats") or {}
    # As `docker stats` counts; the second key is that of cgroups v1.
    files = about.get("inactive_file", about.get("total_inactive_file", 0))
    cpu_ns = stats["cpu_stats"]["cpu_usage"]["total_usage"]
    return Sample(max(0, memory["usage"] - files), cpu_ns / 1e9, at)


async def measure_processes(spawners: Collection[Spawner]) -> dict[Spawner, Sample]:
    """Measure servers that are processes of this machine, in one pass over all processes.

    Args:
        spawners: servers whose process runs.
    """
    by_pid = {spawner.pid: spawner for spawner in spawners if spawner.pid}
    if not by_pid:
        return {}
    loop = asyncio.get_running_loop()
    samples = await loop.run_in_executor(_THREADS, process_samples, by_pid.keys())
    return {by_pid[pid]: sample for pid, sample in samples.items()}


def process_samples(pids: Iterable[int]) -> dict[int, Sample]:
    """Return what processes and all below them use, by the id of the uppermost.

    Args:
        pids: the ids of the uppermost processes; those that have ended are left out.
    """
    about = {p.pid: p.info for p in psutil.process_iter(["ppid", "memory_info", "cpu_times"])}
    children = defaultdict(list)
    for pid, info in about.items():
        children[info["ppid"]].append(pid)
    at = time.monotonic()
    return {pid: _tree_sample(pid, about, children, at) for pid in pids if pid in about}


def _tree_sample(
    root: int, about: Mapping[int, dict], children: Mapping[int, list[int]], at: float
) -> Sample:
    memory, cpu_s, left = 0, 0.0, [root]
    while left:
        pid = left.pop()
        left += children.get(pid, ())
        if info := about[pid]["memory_info"]:
            memory += info.rss
        if times := about[pid]["cpu_times"]:
            # With what its ended children took.
            cpu_s += times.user + times.system + times.children_user + times.children_system
    return Sample(memory, cpu_s, at)
