"""Processor time of processes, and of the machine."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable

import psutil

_BUSY_PERCENT = 90.0  # of all processors
_BUSY_CHECK_S = (0.5, 1.5)  # by chance: servers that look together would start together
_BUSY_TIMEOUT_S = 10.0


class CpuMeter:
    """CPU time that a changing set of processes used between two calls."""

    def __init__(self) -> None:
        self._times: dict[tuple[int, float], float] = {}  # seconds, by pid and time of creation
        self._measured_at: float | None = None

    def cores_used(self, watched: Iterable[psutil.Process]) -> float:
        """Return the cores that were used on average since the last call; 0.0 at the first.

        Args:
            watched: the processes whose time is counted; a new one counts from its start.
        """
        now, times = time.monotonic(), {}
        for process in watched:
            try:
                cpu = process.cpu_times()
                times[(process.pid, process.create_time())] = cpu.user + cpu.system
            except psutil.Error:
                continue
        before, measured_at = self._times, self._measured_at
        self._times, self._measured_at = times, now
        if measured_at is None or now <= measured_at:
            return 0.0
        return sum(t - before.get(key, 0.0) for key, t in times.items()) / (now - measured_at)


async def wait_until_calm(wanted: asyncio.Event) -> None:
    """Wait as long as the machine is busy, `_BUSY_TIMEOUT_S` at most.

    Args:
        wanted: set when somebody waits for what comes next; that ends the wait.
    """
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while psutil.cpu_percent() > _BUSY_PERCENT and time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(*_BUSY_CHECK_S)):  # noqa: S311  no secret
                await wanted.wait()
            return
