"""What waits for a machine that is not busy."""

from __future__ import annotations

import asyncio
import time

import pytest
from marimo_singleuser import cpu


def waited(busy: list[float], *, wanted: bool = False, most_s: float = 60) -> float:
    """Return the seconds of a wait on a machine that is seen so busy, one look after another."""

    async def wait() -> float:
        event = asyncio.Event()
        if wanted:
            event.set()
        began = time.monotonic()
        await cpu.wait_until_calm(event)
        return time.monotonic() - began

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cpu, "_BUSY_CHECK_S", (0.2, 0.2))
        patch.setattr(cpu, "_BUSY_TIMEOUT_S", most_s)
        patch.setattr(cpu.psutil, "cpu_percent", lambda: busy.pop(0))
        return asyncio.run(wait())


def test_it_goes_on_when_the_machine_is_calm() -> None:
    assert waited([50.0]) < 0.2
    busy = [100.0, 95.0, 20.0, 100.0]
    assert waited(busy) >= 0.4 and busy == [100.0]


def test_it_goes_on_when_it_has_waited_for_long_or_somebody_waits() -> None:
    assert 0.5 <= waited([100.0] * 100, most_s=0.5) < 10
    assert waited([100.0] * 100, wanted=True) < 0.2
