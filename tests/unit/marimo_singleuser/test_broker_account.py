"""The file in a user's server that holds the broker account."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web
from aiohttp.test_utils import TestServer
from marimo_singleuser.backend import client_session
from marimo_singleuser.broker_account import BrokerAccount
from marimo_singleuser.settings import Settings


def test_the_file_follows_what_the_hub_says(tmp_path):
    """Written, written anew, kept while the hub is away, deleted when it refuses."""
    answers: list[tuple[int, dict]] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "token t0ken"
        status, body = answers.pop(0)
        return web.json_response(body, status=status)

    async def story() -> None:
        app = web.Application()
        app.router.add_get("/hub/api/mosshub/broker-account", answer)
        async with TestServer(app) as hub, client_session() as session:
            settings = Settings(
                user="ada", server_name="", address="127.0.0.1", port=1, base_url="/",
                home=tmp_path, templates=None, hub_url="/hub/", activity_url="",
                api_url=str(hub.make_url("/hub/api")), api_token="t0ken",
            )  # fmt: skip
            account = BrokerAccount(settings, session)

            async def after(status: int, **body: str) -> dict | None:
                answers.append((status, body))
                await account.look()
                return json.loads(account.path.read_text()) if account.path.exists() else None

            assert await after(500) is None
            assert not account.refused
            assert await after(200, password="1", broker="away") == {
                "password": "1", "broker": "away",
            }  # fmt: skip
            assert account.path.stat().st_mode & 0o777 == 0o600
            assert account.path.parent.stat().st_mode & 0o777 == 0o700
            assert not account.path.is_relative_to(tmp_path), "never in the home"
            before = account.path.stat().st_ino
            await after(200, password="1", broker="away")
            assert account.path.stat().st_ino == before, "what is the same is not written again"
            assert (await after(200, password="2"))["password"] == "2"
            assert (await after(502))["password"] == "2"
            assert await after(403) is None
            assert account.refused
            assert (await after(200, password="3"))["password"] == "3"
            assert await after(404) is None
            account.remove()
            assert not account.path.parent.exists()

    asyncio.run(story())
