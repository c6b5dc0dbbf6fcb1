"""What is read from measurements of servers."""

import asyncio
import os
import subprocess
import sys
import time

import pytest

from hub.admin.usage import UsageMonitor, rate
from hub.spawners.usage import Sample, container_sample, process_samples

#: What the engine answers about a container (cgroups v2), without what nobody reads.
STATS = {
    "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}},
    "memory_stats": {"usage": 700, "stats": {"inactive_file": 200}},
}


def test_a_container() -> None:
    assert container_sample(STATS, 7.0) == Sample(500, 2.5, 7.0)
    older = STATS | {"memory_stats": {"usage": 700, "stats": {"total_inactive_file": 100}}}
    assert container_sample(older, 7.0) == Sample(600, 2.5, 7.0)


def test_a_container_that_has_ended() -> None:
    assert container_sample(STATS | {"memory_stats": {}}, 7.0) is None


def test_processors_in_use_between_two_measurements() -> None:
    assert rate(Sample(0, 10.0, 100.0), Sample(0, 13.0, 102.0)) == pytest.approx(1.5)
    assert rate(None, Sample(0, 13.0, 102.0)) is None
    assert rate(Sample(0, 13.0, 100.0), Sample(0, 1.0, 102.0)) is None, "it was started again"
    assert rate(Sample(0, 1.0, 100.0), Sample(0, 1.0, 100.0)) is None


def test_a_process_counts_with_all_below_it() -> None:
    work = "x = bytearray(60_000_000); print('ready', flush=True); input()"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    parent = subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout and parent.stdin
    try:
        assert parent.stdout.readline() == "ready\n"
        samples = process_samples([parent.pid, 2**22 + 1])
        assert list(samples) == [parent.pid]
        assert samples[parent.pid].memory_bytes > 60_000_000
        assert 0 < samples[parent.pid].cpu_s < 30
    finally:
        parent.stdin.close()
        parent.wait(30)


class OwnProcess:
    """A server that is this process."""

    measured = 0
    pid = os.getpid()

    @classmethod
    async def measure(cls, spawners: list["OwnProcess"]) -> dict["OwnProcess", Sample]:
        cls.measured += 1
        return {spawner: process_samples([cls.pid])[cls.pid] for spawner in spawners}


def test_all_who_look_share_a_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OwnProcess, "measured", 0)
    server = OwnProcess()

    async def look() -> None:
        monitor = UsageMonitor()
        found = await asyncio.gather(*(monitor.usage([server]) for _ in range(5)))  # type: ignore[list-item]
        assert OwnProcess.measured == 1
        assert all(some[server].processors is None for some in found)  # type: ignore[index]
        monkeypatch.setattr("hub.admin.usage.MIN_INTERVAL_S", 0)
        ends = time.monotonic() + 0.2
        while time.monotonic() < ends:  # work to be seen
            pass
        (usage,) = (await monitor.usage([server])).values()  # type: ignore[list-item]
        assert usage.memory_bytes > 10_000_000
        assert usage.processors is not None and usage.processors > 0.1

    asyncio.run(look())
