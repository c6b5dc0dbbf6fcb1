"""Until when an idle server runs on, if its user asks for that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import aiohttp
import pytest
from marimo_singleuser.activity import Activity
from marimo_singleuser.keep import HOURS, MORNING, NOT, Keep, moment, next_morning
from marimo_singleuser.marimo_process import Marimo

from tests.support.singleuser_settings import settings_in

HOUR = 3600.0
NOON = 1_764_244_800.0  # 2025-11-27 12:00 UTC, a Thursday


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_four_hours_or_until_tomorrow_morning() -> None:
    keep = Keep(24 * HOUR)
    assert keep.until(NOON) is None
    keep.choose(HOURS, NOON)
    assert keep.until(NOON) == NOON + 4 * HOUR
    assert keep.until(NOON + 4 * HOUR) is None
    keep.choose(MORNING, NOON)
    assert moment(keep.until(NOON) or 0) == "Friday 08:00 UTC"
    assert next_morning(NOON + 14.5 * HOUR) == NOON + 20 * HOUR, "at 2:30 it is today's"
    keep.choose(NOT, NOON)
    assert keep.until(NOON) is None


def test_an_admin_sets_the_longest_time() -> None:
    keep = Keep(2 * HOUR)
    for choice in (HOURS, MORNING):
        keep.choose(choice, NOON)
        assert keep.until(NOON) == NOON + 2 * HOUR
    for choice, at_most_s in (("for ever", HOUR), (HOURS, 0)):
        with pytest.raises(ValueError, match=choice):
            Keep(at_most_s).choose(choice, NOON)


def test_a_kept_server_counts_as_used_until_then(tmp_path) -> None:
    async def story() -> None:
        settings = settings_in(tmp_path, MOSSHUB_IDLE_TIMEOUT="3600", MOSSHUB_KEEP_AT_MOST="86400")
        async with aiohttp.ClientSession() as session:
            activity = Activity(settings, Marimo(tmp_path, {}), session)
            assert 3590 < (activity.stops_in_s or 0) <= 3600
            used = activity.last
            activity.keep.choose(HOURS, time.time())
            assert 5 * HOUR - 10 < (activity.stops_in_s or 0) <= 5 * HOUR
            assert activity._counted() > used, "the hub is told that it is used"
            assert activity.last == used, "the admin's page says the truth"

    asyncio.run(story())
