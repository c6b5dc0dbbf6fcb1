"""How often a start failed, before and after asyncio has called its callbacks."""

import asyncio
from types import SimpleNamespace
from uuid import uuid4

from prometheus_client import REGISTRY

from hub.spawners.progress import SpawnError
from hub.starts.failures import failed_start, watch_start


def counted() -> float:
    """Return what Prometheus reads, by the name in the alert's rule."""
    return REGISTRY.get_sample_value("mosshub_failed_starts_total") or 0


def test_an_end_counts_once_and_at_once() -> None:
    async def starts() -> None:
        name = uuid4().hex

        def begin() -> asyncio.Future:
            start = asyncio.get_running_loop().create_future()
            user = SimpleNamespace(name=name)
            watch_start(SimpleNamespace(user=user, name="", _spawn_future=start))
            return start

        assert failed_start(name) is None
        before = counted()
        for in_a_row in (1, 2):
            begin().set_exception(SpawnError("No place.", reason="full"))
            assert failed_start(name).in_a_row == in_a_row  # a page asks in the same turn
            await asyncio.sleep(0)
            assert failed_start(name).in_a_row == in_a_row
            assert counted() == before + in_a_row
        assert failed_start(name).is_repeated
        begin().cancel()
        assert failed_start(name).in_a_row == 2
        begin().set_result(None)
        assert failed_start(name).in_a_row == 0
        assert counted() == before + 2, "neither a cancelled start nor one that worked"

    asyncio.run(starts())
