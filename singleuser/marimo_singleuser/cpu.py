"""Processor time of processes."""

from __future__ import annotations

import time
from collections.abc import Iterable

import psutil


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
