"""One request on its way to marimo."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from tornado import httputil
from yarl import URL

from ..activity import Activity
from ..marimo_process import Marimo
from ..settings import Settings
from .headers import to_marimo

# Pieces of a body in flight; each is at most 64 KiB.
_PIECES = 8


class MarimoDown(Exception):
    """marimo did not answer."""


@dataclass(frozen=True)
class Services:
    """What all handlers share."""

    settings: Settings
    marimo: Marimo
    activity: Activity
    session: aiohttp.ClientSession


def client_session() -> aiohttp.ClientSession:
    """The HTTP client towards marimo and the hub: no cookies kept, nothing unpacked."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        # As many connections as a browser asks for; event streams hold theirs for hours.
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        max_line_size=65536,
        max_field_size=65536,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        trust_env=False,
    )


class Backend:
    """A browser's request, repeated to marimo. Begins at once; the body follows through `feed`."""

    def __init__(self, services: Services, request: httputil.HTTPServerRequest) -> None:
        self._services = services
        self._request = request
        self._method = request.method or "GET"
        headers = request.headers
        self._has_body = headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_PIECES)
        self._task: asyncio.Task[aiohttp.ClientResponse] | None = None
        if self._has_body:
            self._task = asyncio.create_task(self._send())
            self._task.add_done_callback(_seen)

    def _url(self) -> URL:
        query = f"?{self._request.query}" if self._request.query else ""
        return URL(f"{self._services.marimo.url}{self._request.path}{query}", encoded=True)

    def _headers(self) -> list[tuple[str, str]]:
        return to_marimo(self._request.headers.get_all(), self._services.marimo.token)

    async def feed(self, piece: bytes) -> None:
        """Pass on a piece of the body; waits while marimo is slower than the browser."""
        if self._task is None or self._task.done():
            return  # marimo has answered without reading all of it
        try:
            self._pieces.put_nowait(piece)
        except asyncio.QueueFull:
            put = asyncio.ensure_future(self._pieces.put(piece))
            await asyncio.wait({put, self._task}, return_when=asyncio.FIRST_COMPLETED)
            put.cancel()

    def abandon(self) -> None:
        """The browser is gone: break off, so that marimo sees a broken request, not a short one."""
        if self._task is not None:
            self._task.cancel()

    async def answer(self) -> aiohttp.ClientResponse:
        """marimo's answer, its body still to be read.

        Raises:
            MarimoDown: it did not answer.
        """
        if self._task is None:
            return await self._send()
        if not self._task.done():
            put = asyncio.ensure_future(self._pieces.put(None))
            await asyncio.wait({put, self._task}, return_when=asyncio.FIRST_COMPLETED)
            put.cancel()
        return await self._task

    async def websocket(self) -> aiohttp.ClientWebSocketResponse:
        """Open the same WebSocket at marimo."""
        offered = self._request.headers.get("Sec-WebSocket-Protocol", "")
        return await self._services.session.ws_connect(
            self._url().with_scheme("ws"),
            headers=self._headers(),
            protocols=[p.strip() for p in offered.split(",") if p.strip()],
            max_msg_size=self._services.settings.max_frame,
            compress=0,
            autoping=True,
        )

    async def _body(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def _send(self) -> aiohttp.ClientResponse:
        """Send it; again if marimo was just being restarted and cannot have seen it."""
        marimo = self._services.marimo
        deadline = time.monotonic() + self._services.settings.start_timeout
        while True:
            headers = self._headers()
            length = self._request.headers.get("Content-Length")
            if length is not None and (self._has_body or self._method not in ("GET", "HEAD")):
                headers.append(("Content-Length", length))
            try:
                return await self._services.session.request(
                    self._method,
                    self._url(),
                    headers=headers,
                    data=self._body() if self._has_body else None,
                    allow_redirects=False,
                )
            except (aiohttp.ClientConnectionError, TimeoutError) as e:
                unseen = isinstance(e, aiohttp.ClientConnectorError)
                harmless = self._method in ("GET", "HEAD") and not self._has_body
                if not (unseen or harmless) or time.monotonic() > deadline:
                    raise MarimoDown from e
            # The process may be dead and not yet known to be.
            await asyncio.sleep(0.1)
            if not await marimo.wait_ready(deadline - time.monotonic()):
                raise MarimoDown


def _seen(task: asyncio.Task[aiohttp.ClientResponse]) -> None:
    """Nobody may be left to look at a broken-off request's error."""
    if not task.cancelled():
        task.exception()
