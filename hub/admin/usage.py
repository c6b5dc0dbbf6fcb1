"""Memory and processors of all servers, measured once for all who look at the page."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from jupyterhub.spawner import Spawner

from hub.spawners.usage import Sample

#: Seconds for which a measurement is shown to everybody who asks.
MIN_INTERVAL_S = 1.0


@dataclass(frozen=True)
class Usage:
    """What a server uses.

    Attributes:
        memory_bytes: memory in use.
        processors: processors in use since the measurement before; None at the first one.
    """

    memory_bytes: int
    processors: float | None


class UsageMonitor:
    """Measures servers, and remembers the last measurement of each to tell what has changed."""

    def __init__(self) -> None:
        self._samples: dict[Spawner, Sample] = {}
        self._usage: dict[Spawner, Usage] = {}
        self._measured_at = 0.0
        self._lock = asyncio.Lock()

    async def usage(self, spawners: Collection[Spawner]) -> dict[Spawner, Usage]:
        """Return what servers use; those that could not be measured are left out.

        Args:
            spawners: the servers that run.
        """
        async with self._lock:
            if time.monotonic() - self._measured_at >= MIN_INTERVAL_S:
                await self._measure(spawners)
                self._measured_at = time.monotonic()
            return dict(self._usage)

    async def _measure(self, spawners: Collection[Spawner]) -> None:
        by_class = defaultdict(list)
        for spawner in spawners:
            if hasattr(spawner, "measure"):
                by_class[type(spawner)].append(spawner)
        found = await asyncio.gather(*(cls.measure(some) for cls, some in by_class.items()))
        samples = {spawner: sample for some in found for spawner, sample in some.items()}
        self._usage = {
            spawner: Usage(sample.memory_bytes, rate(self._samples.get(spawner), sample))
            for spawner, sample in samples.items()
        }
        self._samples = samples


def rate(before: Sample | None, now: Sample) -> float | None:
    """Return how many processors were in use between two measurements of one server.

    Args:
        before: the earlier one; None if there is none.
        now: the later one.

    Returns:
        None if that cannot be told: there is no earlier one, or the server was started meanwhile.
    """
    if now.processors is not None:
        return now.processors
    if before is None or now.at <= before.at or now.cpu_s < before.cpu_s:
        return None
    return (now.cpu_s - before.cpu_s) / (now.at - before.at)
