"""The file that holds a user's broker account."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer
from marimo_singleuser.broker_account import BrokerAccountFile
from marimo_singleuser.proxy.backend import client_session
from marimo_singleuser.settings import Settings
from mosshub_contract.broker_account import API_PATH, BrokerAccount

ADA = BrokerAccount("ada", "1")
MEMORY = Path("/dev/shm")  # noqa: S108


def test_the_file_follows_what_the_hub_says(tmp_path: Path) -> None:
    """Written, written again, kept while the hub does not answer, deleted when it refuses."""
    answers: list[tuple[int, str]] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "token t0ken"
        status, text = answers.pop(0)
        return web.Response(text=text, content_type="application/json", status=status)

    async def story() -> None:
        app = web.Application()
        app.router.add_get(f"/hub/api{API_PATH}", answer)
        async with TestServer(app) as hub, client_session() as session:
            settings = Settings(
                user="ada", server_name="", address="127.0.0.1", port=1, base_url="/",
                home=tmp_path, templates=None, hub_url="/hub/", activity_url="",
                api_url=str(hub.make_url("/hub/api")), api_token="t0ken",
            )  # fmt: skip
            file = BrokerAccountFile(settings, session)

            async def after(status: int, text: str = "{}") -> dict | None:
                answers.append((status, text))
                await file.refresh()
                assert not answers, "the hub was asked"
                return json.loads(file.path.read_text()) if file.path.exists() else None

            assert await after(500) is None
            assert not file.refused
            away = replace(ADA, away=True).to_json()
            assert await after(200, away) == json.loads(away)
            assert json.loads(away)["broker"] == "away"
            assert file.path.stat().st_mode & 0o777 == 0o600
            assert file.path.parent.stat().st_mode & 0o777 == 0o700
            assert not file.path.is_relative_to(tmp_path), "never in the home"
            before = file.path.stat().st_ino
            await after(200, away)
            assert file.path.stat().st_ino == before, "what is the same is not written again"
            ready = await after(200, ADA.to_json())
            assert ready and ready["broker"] == "ready"
            changed = replace(ADA, password="2").to_json()
            assert await after(200, changed) == json.loads(changed)
            assert await after(502) == json.loads(changed)
            assert await after(200, "{}") == json.loads(changed), "no account: no news"
            assert await after(403) is None
            assert file.refused
            again = replace(ADA, password="3").to_json()
            assert await after(200, again) == json.loads(again)
            assert await after(404) is None
            tls = replace(ADA, security_protocol="SASL_SSL", authority="a certificate").to_json()
            kept = await after(200, tls)
            assert kept and kept["security_protocol"] == "SASL_SSL" and "authority" not in kept
            assert Path(kept["cafile"]).read_text() == "a certificate"
            assert Path(kept["cafile"]).parent == file.path.parent
            file.remove()
            assert not file.path.parent.exists()

    asyncio.run(story())


def test_a_kernel_reads_a_whole_account_while_it_is_replaced(tmp_path: Path) -> None:
    settings = Settings(
        user="ada", server_name="", address="127.0.0.1", port=1, base_url="/", home=tmp_path,
        templates=None, hub_url="/hub/", activity_url="", api_url="", api_token="t0ken",
    )  # fmt: skip

    async def story() -> None:
        async with client_session() as session:
            file = BrokerAccountFile(settings, session)
            try:
                file._write(file.path, ADA.to_json())
                with file.path.open() as opened:
                    file._write(file.path, replace(ADA, password="2").to_json())
                    assert BrokerAccount.from_json(opened.read()).password == "1"
                assert BrokerAccount.from_json(file.path.read_text()).password == "2"
                assert [p.name for p in file.path.parent.iterdir()] == [file.path.name]
                if MEMORY.is_dir():
                    assert file.path.is_relative_to(MEMORY), "in memory, not on a disk"
            finally:
                file.remove()

    asyncio.run(story())
