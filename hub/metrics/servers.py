"""What users' servers and the hub's disk use, as Prometheus reads it."""

import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from jupyterhub.spawner import Spawner
from mosshub_contract.server_report import ServerReport
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from hub.admin.usage import Usage, UsageMonitor
from hub.reports import report_of

#: The names of a user and of a server: empty for the editor, `app-…` for an app.
Place = tuple[str, str]
#: Each metric of a server: its name, what it is.
_OF_A_SERVER = {
    "mosshub_server_memory_bytes": "Memory of a user's server or app with its kernels.",
    "mosshub_server_processors": "Processors that a user's server or app uses, with its kernels.",
    "mosshub_server_idle_seconds": "Seconds since a user or a kernel did something in a server.",
    "mosshub_home_bytes": "What a user's files take.",
    "mosshub_home_limit_bytes": "What a user's files may take.",
}


class ServerMetrics(Collector):
    """The measurement that was made last.

    Args:
        data_dir: a directory on the disk that is watched.
    """

    #: The one that this process tells; None if nobody watches the platform.
    told: "ClassVar[ServerMetrics | None]" = None

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._monitor = UsageMonitor()
        self._samples: dict[Place, dict[str, float]] = {}

    async def measure(self, servers: Mapping[Place, Spawner]) -> None:
        """Measure the servers that run. Only editors report; an app says nothing of itself.

        Args:
            servers: each by the names of its user and of itself.
        """
        usage = await self._monitor.usage(servers.values())
        now = time.time()
        self._samples = {
            (user, name): server_samples(usage.get(server), None if name else report_of(user), now)
            for (user, name), server in servers.items()
        }

    def describe(self) -> list:
        """Return nothing: Prometheus' client then measures nothing to learn the names."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the last measurement, and the disk as it is now."""
        for name, text in _OF_A_SERVER.items():
            family = GaugeMetricFamily(name, text, labels=["user", "server"])
            for place, samples in self._samples.items():
                if name in samples:
                    family.add_metric(place, samples[name])
            yield family
        disk = shutil.disk_usage(self._data_dir)
        yield GaugeMetricFamily("mosshub_disk_bytes", "Size of the hub's disk.", disk.total)
        yield GaugeMetricFamily("mosshub_disk_free_bytes", "What is free of it.", disk.free)


def server_samples(
    usage: Usage | None, report: ServerReport | None, now: float
) -> dict[str, float]:
    """Return what is known of a server, by the metric's name.

    Args:
        usage: what was measured; None if it could not be.
        report: what the server said of itself; None if it has said nothing yet.
        now: seconds since 1970.
    """
    found: dict[str, float | None] = {
        "mosshub_server_memory_bytes": usage.memory_bytes if usage else None,
        "mosshub_server_processors": usage.processors if usage else None,
        "mosshub_server_idle_seconds": max(0.0, now - report.last_used) if report else None,
        "mosshub_home_bytes": report.disk_bytes if report else None,
        "mosshub_home_limit_bytes": report.disk_limit if report else None,
    }
    return {name: float(value) for name, value in found.items() if value is not None}
