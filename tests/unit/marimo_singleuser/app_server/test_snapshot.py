"""An app's server fetches its snapshot, and a newer one when the hub says so."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from marimo_singleuser.app_server import snapshot as module
from marimo_singleuser.app_server.snapshot import SnapshotSource
from marimo_singleuser.errors import StartError
from mosshub_contract.apps import NUMBER_HEADER, SNAPSHOT_PATH, AppCard
from mosshub_contract.snapshots import Snapshot, pack

from tests.support.singleuser_settings import settings_in

CARD = AppCard("peek", "Peek", "peek.py", audience=("linus",))


class FakeHub:
    """Answers as the hub does, and counts how often it was asked."""

    def __init__(self) -> None:
        self.number, self.asked, self.gone = 1, 0, False
        self.files = {"peek.py": b"one", "old.csv": b"1"}
        self.requirements = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        assert request.headers["Authorization"] == "token secret"
        if self.gone:
            return web.Response(status=404)
        headers = {NUMBER_HEADER: str(self.number)}
        if request.headers.get(NUMBER_HEADER) == str(self.number):
            return web.Response(status=204, headers=headers)
        body = pack(Snapshot(CARD, self.files, requirements=self.requirements))
        return web.Response(body=body, headers=headers)


def run(home: Path, story) -> None:  # type: ignore[no-untyped-def]
    """Run a story with a hub and the source of a server."""

    async def main() -> None:
        hub, app = FakeHub(), web.Application()
        app.router.add_get(f"/hub/api{SNAPSHOT_PATH}", hub.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        settings = settings_in(
            home, MOSSHUB_APP="peek", JUPYTERHUB_API_URL=f"http://{host}:{port}/hub/api"
        )
        async with aiohttp.ClientSession() as session:
            await story(hub, SnapshotSource(settings, session), settings.notebooks)
        await runner.cleanup()

    asyncio.run(main())


async def until(condition) -> None:  # type: ignore[no-untyped-def]
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends
        await asyncio.sleep(0.01)


def test_a_newer_snapshot_replaces_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_INTERVAL_S", 0.05)
    installed: list[str] = []

    async def install(requirements: str) -> None:
        installed.append(requirements)

    async def story(hub: FakeHub, source: SnapshotSource, notebooks: Path) -> None:
        await source.begin()
        assert source.card == CARD
        assert (notebooks / "peek.py").read_text() == "one"
        assert not (notebooks / "peek.py").stat().st_mode & 0o222
        source.install = install
        await source.refresh()  # nothing new
        hub.number, hub.files, hub.requirements = 2, {"peek.py": b"two"}, "humanize==4"
        source.refresh_soon()
        await until(lambda: (notebooks / "peek.py").read_text() == "two")
        assert not (notebooks / "peek.py").stat().st_mode & 0o222
        assert not (notebooks / "old.csv").exists()
        assert installed == ["humanize==4"]

    run(tmp_path, story)


def test_nobody_makes_the_hub_busy_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_INTERVAL_S", 0.2)

    async def story(hub: FakeHub, source: SnapshotSource, notebooks: Path) -> None:
        await source.begin()
        began = time.monotonic()
        for _ in range(200):
            source.refresh_soon()
            await asyncio.sleep(0.002)
        assert hub.asked <= 3 + (time.monotonic() - began) / 0.2
        hub.number, hub.files = 2, {"peek.py": b"two"}
        source.refresh_soon()  # the last one counts
        await until(lambda: (notebooks / "peek.py").read_text() == "two")
        hub.gone = True
        source.refresh_soon()
        asked = hub.asked
        await until(lambda: hub.asked > asked)
        assert (notebooks / "peek.py").read_text() == "two"  # until the hub stops the server

    run(tmp_path, story)


def test_without_a_snapshot_there_is_no_app(tmp_path: Path) -> None:
    async def story(hub: FakeHub, source: SnapshotSource, notebooks: Path) -> None:
        hub.gone = True
        with pytest.raises(StartError, match="no snapshot"):
            await source.begin()

    run(tmp_path, story)
