"""What Prometheus learns of a user's server."""

import asyncio
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from mosshub_contract.server_report import ServerReport
from prometheus_client import CollectorRegistry, generate_latest

from hub.admin.usage import Usage
from hub.metrics import servers
from hub.metrics.servers import ServerMetrics, server_samples
from hub.spawners.usage import Sample

REPORT = ServerReport(last_used=1000.0, disk_bytes=7, disk_limit=None)


def test_what_is_known_of_a_server_is_told() -> None:
    assert server_samples(Usage(5, 0.5), REPORT, 1060.0) == {
        "mosshub_server_memory_bytes": 5,
        "mosshub_server_processors": 0.5,
        "mosshub_server_idle_seconds": 60,
        "mosshub_home_bytes": 7,
    }


def test_what_is_not_known_is_left_out() -> None:
    assert server_samples(None, None, 0) == {}
    assert server_samples(Usage(5, None), None, 0) == {"mosshub_server_memory_bytes": 5}


def test_a_clock_that_runs_ahead_makes_no_negative_time() -> None:
    assert server_samples(None, REPORT, 990.0)["mosshub_server_idle_seconds"] == 0


def test_the_disk_is_told_without_any_server(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    registry.register(ServerMetrics(tmp_path))
    text = generate_latest(registry).decode()
    assert "\nmosshub_disk_free_bytes " in text
    assert "user=" not in text


class Server:
    """A spawner that is measured."""

    def __init__(self, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes

    @staticmethod
    async def measure(some: Collection[Any]) -> dict[Any, Sample]:
        now = time.monotonic()
        return {one: Sample(one.memory_bytes, 0.0, now) for one in some}


def test_an_app_is_told_beside_its_authors_editor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "report_of", lambda name: REPORT)
    measured: dict[Any, Any] = {("ada", ""): Server(5), ("ada", "app-peek"): Server(3)}
    metrics = ServerMetrics(tmp_path)
    asyncio.run(metrics.measure(measured))
    registry = CollectorRegistry()
    registry.register(metrics)
    text = generate_latest(registry).decode()
    assert 'mosshub_server_memory_bytes{server="",user="ada"} 5.0' in text
    assert 'mosshub_server_memory_bytes{server="app-peek",user="ada"} 3.0' in text
    assert 'mosshub_home_bytes{server="",user="ada"} 7.0' in text
    assert 'mosshub_home_bytes{server="app-' not in text, "its author's files are no app's"
