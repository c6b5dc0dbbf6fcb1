"""How server, broker, hub and kernels are, for the frame of every open page."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from .. import processes
from ..activity import Activity
from ..cpu import CpuMeter
from ..keep import moment
from ..marimo_process import Marimo
from ..settings import Settings
from . import ended
from .limits import Usage, read_usage
from .reach import Reachable, parse_addresses

_SAMPLE_VALID_S = 1.0
_REMEMBERED_KERNELS = 200


@dataclass(frozen=True)
class Load:
    """What the server uses of its memory (bytes) and processor (cores), and how much it may."""

    memory: int
    memory_limit: int
    cpu: float
    cpu_limit: float


class Status:
    """Looks at the server once a second at most, however many pages ask.

    Args:
        settings: what the hub told this server.
        marimo: the marimo process behind the proxy.
        activity: knows when the server was used last.
        environ: this program's environment variables.
    """

    def __init__(
        self,
        settings: Settings,
        marimo: Marimo,
        activity: Activity,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._marimo, self._activity = marimo, activity
        broker = parse_addresses(environ.get("KAFKA_BOOTSTRAP_SERVERS", ""))
        self._broker = Reachable(broker) if broker else None
        hub = urlsplit(settings.api_url)
        default_port = 443 if hub.scheme == "https" else 80
        self._hub = Reachable([(hub.hostname or "", hub.port or default_port)])
        self._ended = ended_file(settings)
        self._sizes: dict[int, int] = {}  # of kernels, by process id, the one seen last at the end
        self._meter = CpuMeter()
        self._group_before: tuple[float, float] | None = None  # time, processor time
        self._load: Load | None = None
        self._sampled_at = 0.0
        self._sampling = asyncio.Lock()

    async def report(self) -> dict[str, Any]:
        """Return what the frame of a page shows."""
        load, broker, hub, kernels = await asyncio.gather(
            self.sample(),
            self._broker.answers() if self._broker else _nothing(),
            self._hub.answers(),
            asyncio.to_thread(ended.read, self._ended),
        )
        marimo, keep = self._marimo, self._activity.keep
        return {
            "editor": "ready" if marimo.ready else "failing" if marimo.failing else "starting",
            "memory": {"used": load.memory, "limit": load.memory_limit},
            "cpu": {"used": round(load.cpu, 2), "limit": load.cpu_limit},
            "broker": None if broker is None else "up" if broker else "away",
            "hub": "up" if hub else "away",
            "stops_in": self._activity.stops_in_s,
            "kept": f"until {moment(kept)}" if (kept := keep.until(time.time())) else "",
            "ended": [ended.describe(k, self._sizes, load.memory_limit) for k in kernels],
            "now": time.time(),
        }

    async def sample(self) -> Load:
        """Return the load, measured within the last second."""
        async with self._sampling:
            if self._load is None or time.monotonic() - self._sampled_at >= _SAMPLE_VALID_S:
                self._load = await asyncio.to_thread(self._measure)
                self._sampled_at = time.monotonic()
            return self._load

    def _measure(self) -> Load:
        """Look at the processes below this one, and at the control group if there is a limit."""
        memory, watched = psutil.Process().memory_info().rss, processes.descendants()
        for process in watched:
            try:
                size = process.memory_info().rss
            except psutil.Error:
                continue
            memory += size
            if size:  # one that has ended uses none
                self._sizes.pop(process.pid, None)
                self._sizes[process.pid] = size
        for pid in list(self._sizes)[:-_REMEMBERED_KERNELS]:
            del self._sizes[pid]
        cores = self._meter.cores_used(watched)
        usage = read_usage()
        whole_memory, whole_cpu = psutil.virtual_memory().total, float(psutil.cpu_count() or 1)
        if usage is None or usage.memory_limit is None:
            return Load(memory, whole_memory, cores, whole_cpu)
        limit = min(usage.memory_limit, whole_memory)
        return Load(usage.memory, limit, self._group_cores(usage), usage.cpu_limit or whole_cpu)

    def _group_cores(self, usage: Usage) -> float:
        """Return the cores that the control group used since it was last looked at."""
        now, before = time.monotonic(), self._group_before
        self._group_before = (now, usage.cpu_s)
        if before is None or now <= before[0]:
            return 0.0
        return (usage.cpu_s - before[1]) / (now - before[0])


def ended_file(settings: Settings) -> Path:
    """Return the file in which marimo's process writes kernels that ended."""
    return settings.state / "ended-kernels.jsonl"


async def _nothing() -> None:
    return None
