"""How long a browser is held before it is led to the page that waits for a start."""

import asyncio
from types import SimpleNamespace

import pytest

from hub.spawners import start_page
from hub.spawners.progress import NOT_BEGUN

HELD_S = 0.1


async def held(steps: list[tuple[str | None, tuple[int, str]]], monkeypatch) -> tuple[bool, str]:
    """Return whether the start had ended when the browser was let go, and what was pending then.

    Args:
        steps: what is pending and the stage, each for longer than a browser is held.
    """
    monkeypatch.setattr(start_page, "_HELD_S", HELD_S)
    spawner = SimpleNamespace(pending=None, stage=(90, "of an earlier start"))

    async def start() -> None:
        for spawner.pending, spawner.stage in steps:
            await asyncio.sleep(3 * HELD_S)
        spawner.pending = None

    running = asyncio.ensure_future(start())
    await start_page.until_begun(running, SimpleNamespace(spawners={"": spawner}))
    found = running.done(), spawner.pending
    running.cancel()
    return found


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([("spawn", NOT_BEGUN), ("spawn", NOT_BEGUN)], (False, "spawn")),
        ([("spawn", (15, "Preparing")), ("spawn", (60, "Starting"))], (False, "spawn")),
        # The identity provider is asked first.
        ([(None, (90, "old")), ("spawn", (15, "Preparing"))], (False, "spawn")),
        # JupyterHub takes away what a refused start has made.
        ([("stop", NOT_BEGUN), ("stop", NOT_BEGUN)], (True, None)),
    ],
)
def test_a_browser_is_held_until_a_start_has_begun_or_was_refused(steps, found, monkeypatch):
    assert asyncio.run(held(steps, monkeypatch)) == found
