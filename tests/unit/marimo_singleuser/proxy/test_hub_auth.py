"""The hub's word on who is signed in."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from marimo_singleuser.proxy import hub_auth
from marimo_singleuser.proxy.hub_auth import HubSignIn
from tornado.web import HTTPError

ADA = {"kind": "user", "name": "ada", "scopes": []}


def test_the_last_word_counts_while_the_hub_is_away_and_no_longer() -> None:
    answers: list[tuple[int, dict]] = []

    async def answer(request: web.Request) -> web.Response:
        status, model = answers.pop(0)
        return web.json_response(model, status=status)

    async def story() -> None:
        app = web.Application()
        app.router.add_get("/hub/api/user", answer)
        server = TestServer(app)
        await server.start_server()
        sign_in = HubSignIn(
            api_url=str(server.make_url("/hub/api")), api_token="t0ken", cache_max_age=30
        )

        async def ask(token: str, status: int = 0, model: dict | None = None) -> dict | None:
            """Ask again, as a page that loads does."""
            if status:
                answers.append((status, model or {}))
            return await sign_in.user_for_token(token, use_cache=False, sync=False)

        assert await ask("adas", 200, ADA) == ADA
        assert await ask("linuss", 403) is None, "signed out"
        # Something stands before a hub that is away, and says so.
        assert await ask("adas", 503) == ADA
        # The hub answers, but not who this is.
        with pytest.raises(HTTPError, match="500"):
            await ask("adas", 400)
        await server.close()
        assert await ask("adas") == ADA
        assert await ask("linuss") is None
        with pytest.raises(HTTPError, match="500"):
            await ask("nobodys")
        sign_in._last_words.max_age = 1e-9
        with pytest.raises(HTTPError, match="500"):
            await ask("adas")
        # A request that may use what is known does not ask a hub that is away.
        assert await sign_in.user_for_token("adas", sync=False) == ADA

    asyncio.run(story())


def test_nobody_waits_long_for_a_hub_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_auth, "_TIMEOUT_WITH_LAST_WORD_S", 0.3)
    monkeypatch.setattr(hub_auth, "_TIMEOUT_S", 0.6)
    hangs = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if hangs.is_set():
            await asyncio.sleep(30)
        return web.json_response(ADA)

    async def story() -> None:
        app = web.Application()
        app.router.add_get("/hub/api/user", answer)
        async with TestServer(app, shutdown_timeout=0.1) as server:
            sign_in = HubSignIn(
                api_url=str(server.make_url("/hub/api")), api_token="t0ken", cache_max_age=30
            )
            known = await sign_in.user_for_token("adas", use_cache=False, sync=False)
            hangs.set()
            assert await sign_in.user_for_token("adas", use_cache=False, sync=False) == known
            with pytest.raises(HTTPError, match="504"):
                await sign_in.user_for_token("linuss", use_cache=False, sync=False)

    asyncio.run(story())


def test_a_sign_out_that_the_hub_tells_of_is_asked_about_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_auth, "_FORGET_INTERVAL_S", 0.5)
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response(ADA)

    async def story() -> None:
        app = web.Application()
        app.router.add_get("/hub/api/user", answer)
        async with TestServer(app) as server:
            sign_in = HubSignIn(
                api_url=str(server.make_url("/hub/api")), api_token="t0ken", cache_max_age=30
            )

            async def ask() -> dict | None:
                return await sign_in.user_for_token("adas", sync=False)

            assert await ask() == await ask() == ADA
            assert asked == 1
            for _ in range(50):  # a stranger can make nobody busy
                sign_in.forget_answers()
                assert await ask() == ADA
            assert asked == 2
            await asyncio.sleep(0.7)  # and can keep no sign-out from being seen
            assert await ask() == ADA
            assert asked == 3
        sign_in.forget_answers()
        assert await ask() == ADA, "the hub is away: its last word counts"

    asyncio.run(story())
