"""An app stops when nobody has looked at it for a while, by its own rule."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from hub.apps import servers, upkeep
from hub.apps.upkeep import Upkeep
from hub.server_status.reasons import Reason

TIMEOUT_S = 600.0


class Author(SimpleNamespace):
    """A user as JupyterHub has them, as far as the upkeep looks at one."""


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def server(*, used_s: float | None = None, started_s: float | None = 0, ready: bool = True) -> Any:
    """Return a server that was used, and started, so many seconds ago."""
    moments = {
        "last_activity": None if used_s is None else ago(used_s),
        "started": None if started_s is None else ago(started_s).replace(tzinfo=None),
    }
    return SimpleNamespace(ready=ready, orm_spawner=SimpleNamespace(**moments))


def stopped(
    monkeypatch: pytest.MonkeyPatch, timeout_s: float, **found: Any
) -> list[tuple[str, str, Reason]]:
    """Look after an author's servers, by slug; return which are stopped, and why."""
    done: list[tuple[str, str, Reason]] = []

    async def stop(author: Author, slug: str, reason: Reason) -> None:
        done.append((author.name, slug, reason))

    hub = SimpleNamespace(db=None, users={1: Author(name="ada")})
    monkeypatch.setattr(upkeep, "JupyterHub", SimpleNamespace(instance=lambda: hub))
    monkeypatch.setattr(upkeep, "User", Author)
    monkeypatch.setattr(upkeep.shares, "revoke_outdated", lambda *_: set())
    monkeypatch.setattr(servers, "app_servers", lambda author: found)
    monkeypatch.setattr(servers, "stop", stop)
    store = SimpleNamespace(get=lambda author, slug: "an app")
    blocked = SimpleNamespace(names=lambda: frozenset())
    asyncio.run(Upkeep(store, blocked, timeout_s, None).look_after_all())  # type: ignore[arg-type]
    return done


def test_those_stop_that_nobody_looked_at_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        "idle": server(used_s=TIMEOUT_S + 60, started_s=9000),
        "seen": server(used_s=TIMEOUT_S - 60, started_s=9000),
        "never-seen": server(started_s=TIMEOUT_S + 60),
        "new": server(started_s=5),
        "starting": server(started_s=TIMEOUT_S + 60, ready=False),
    }
    assert stopped(monkeypatch, TIMEOUT_S, **found) == [
        ("ada", "idle", Reason.IDLE),
        ("ada", "never-seen", Reason.IDLE),
    ]


def test_with_the_rule_off_none_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    assert stopped(monkeypatch, 0, idle=server(used_s=9e6)) == []


def test_how_long_nobody_has_looked() -> None:
    assert servers.idle_s(server(used_s=90, started_s=900)) == pytest.approx(90, abs=60)
    assert servers.idle_s(server(started_s=900)) == pytest.approx(900, abs=60)
    assert servers.idle_s(server(started_s=None)) == 0
    assert servers.idle_s(server(used_s=-900)) == 0  # the server's clock is ahead of the hub's
