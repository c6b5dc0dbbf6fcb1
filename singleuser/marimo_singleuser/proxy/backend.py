"""One request on its way to marimo."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
from tornado import httputil
from tornado.iostream import IOStream, UnsatisfiableReadError
from tornado.tcpclient import TCPClient
from yarl import URL

from .headers import to_marimo
from .paths import below
from .services import Services

_MAX_QUEUED_CHUNKS = 8  # of a body; each is at most 64 KiB
_CONNECT_TIMEOUT_S = 10
_RETRY_PAUSE_S = 0.1
_MAX_HEADER_BYTES = 65536


# By these a browser says which WebSocket it wants.
_HANDSHAKE = ("Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol")


class MarimoDown(Exception):
    """marimo did not answer a request."""


class HandshakeRefused(Exception):
    """marimo refuses a WebSocket.

    Attributes:
        status: marimo's HTTP status.
    """

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


def client_session() -> aiohttp.ClientSession:
    """Return the HTTP client for marimo and the hub; it keeps no cookies and unpacks nothing."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        # A browser decides how many connections there are. Event streams hold theirs for hours.
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
        max_line_size=_MAX_HEADER_BYTES,
        max_field_size=_MAX_HEADER_BYTES,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        trust_env=False,
    )


class Backend:
    """A browser's request, sent on to marimo.

    A request with a body is sent at once, and `feed` passes the body on chunk by chunk. Others are
    sent by `answer` or `websocket`.
    """

    def __init__(self, services: Services, request: httputil.HTTPServerRequest) -> None:
        self._services = services
        self._request = request
        self._method = request.method or "GET"
        headers = request.headers
        self._has_body = headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_MAX_QUEUED_CHUNKS)
        self._task: asyncio.Task[aiohttp.ClientResponse] | None = None
        if self._has_body:
            self._task = asyncio.create_task(self._send())
            self._task.add_done_callback(_retrieve_exception)

    async def feed(self, chunk: bytes) -> None:
        """Pass on a chunk of the body; wait while marimo is slower than the browser."""
        if self._task is None or self._task.done():
            return  # marimo has answered without reading all of it
        try:
            self._chunks.put_nowait(chunk)
        except asyncio.QueueFull:
            await self._put_until_done(chunk, self._task)

    def abandon(self) -> None:
        """Break the request off, so that marimo sees a broken body and not a short one."""
        if self._task is not None:
            self._task.cancel()

    async def answer(self) -> aiohttp.ClientResponse:
        """Return marimo's answer; its body is not read yet.

        Raises:
            MarimoDown: marimo did not answer.
        """
        if self._task is None:
            return await self._send()
        if not self._task.done():
            await self._put_until_done(None, self._task)
        return await self._task

    async def websocket(self) -> tuple[IOStream, httputil.HTTPHeaders]:
        """Open the same WebSocket at marimo.

        No extension is offered, so that no frame is compressed.

        Returns:
            The connection after the handshake, and the headers of marimo's answer.

        Raises:
            HandshakeRefused: marimo refuses it.
            MarimoDown: marimo does not answer.
        """
        headers = [*self._headers(), ("Connection", "Upgrade"), ("Upgrade", "websocket")]
        for name in _HANDSHAKE:
            if value := self._request.headers.get(name):
                headers.append((name, value))
        lines = [f"GET {self._url().raw_path_qs} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers]
        request = "\r\n".join([*lines, "", ""]).encode("latin-1")
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                return await self._shake_hands(request)
        except (OSError, TimeoutError, UnsatisfiableReadError, httputil.HTTPInputError) as e:
            raise MarimoDown from e

    async def _shake_hands(self, request: bytes) -> tuple[IOStream, httputil.HTTPHeaders]:
        marimo = await TCPClient().connect("127.0.0.1", self._services.marimo.port)
        try:
            marimo.set_nodelay(True)
            await marimo.write(request)
            head = await marimo.read_until(b"\r\n\r\n", max_bytes=_MAX_HEADER_BYTES)
            first, _, rest = head.decode("latin-1").partition("\r\n")
            status = httputil.parse_response_start_line(first).code
            if status != 101:
                raise HandshakeRefused(status)
            return marimo, httputil.HTTPHeaders.parse(rest)
        except BaseException:
            marimo.close()
            raise

    def _url(self) -> URL:
        """Return the same address at marimo, which does not know the base URL.

        A base URL has the user's name in it, and marimo does not take every name.
        """
        path = below(self._services.settings.base_url, self._request.path)
        query = f"?{self._request.query}" if self._request.query else ""
        return URL(f"{self._services.marimo.url}/{path}{query}", encoded=True)

    def _headers(self) -> list[tuple[str, str]]:
        return to_marimo(self._request.headers.get_all(), self._services.marimo.token)

    async def _put_until_done(
        self, chunk: bytes | None, task: asyncio.Task[aiohttp.ClientResponse]
    ) -> None:
        """Put a chunk, or the end of the body (None), into the queue; give up when answered."""
        put = asyncio.ensure_future(self._chunks.put(chunk))
        await asyncio.wait({put, task}, return_when=asyncio.FIRST_COMPLETED)
        put.cancel()

    async def _body(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def _send(self) -> aiohttp.ClientResponse:
        """Send the request; send it again if marimo was restarting and cannot have seen it.

        Raises:
            MarimoDown: marimo did not answer.
        """
        marimo = self._services.marimo
        deadline = time.monotonic() + self._services.settings.start_timeout_s
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
            # The process may be dead without `marimo` knowing it yet.
            await asyncio.sleep(_RETRY_PAUSE_S)
            if not await marimo.wait_ready(deadline - time.monotonic()):
                raise MarimoDown


def _retrieve_exception(task: asyncio.Task[aiohttp.ClientResponse]) -> None:
    """Read the error of a request that was broken off, since no other code may do it."""
    if not task.cancelled():
        task.exception()
