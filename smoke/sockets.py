"""The WebSocket of a page of marimo, and what comes through it."""

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import requests
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from smoke.errors import SmokeError
from smoke.platform import origin_of


def new_session() -> str:
    """Return a name for a session of a page, as marimo's page makes one."""
    return "s_" + secrets.token_hex(3)


@asynccontextmanager
async def open_socket(
    client: requests.Session, base: str, **query: str
) -> AsyncIterator[WebSocketClientConnection]:
    """Open the WebSocket of a page with the token of a client.

    Args:
        client: sends the token, and says which authorities it trusts.
        base: address of the server.
        query: names the session and the file.

    Raises:
        SmokeError: the server refuses it.
    """
    verify = client.verify
    request = HTTPRequest(
        f"{base.replace('http', 'ws', 1)}ws?{urlencode(query)}",
        headers={
            "Origin": origin_of(base),
            "Authorization": str(client.headers["Authorization"]),
        },
        connect_timeout=60,
        ssl_options=ssl.create_default_context(cafile=verify if isinstance(verify, str) else None),
    )
    try:
        socket = await websocket_connect(request, max_message_size=2**26)
    except Exception as error:
        raise SmokeError("editor", f"no WebSocket to {base}: {error}") from None
    try:
        yield socket
    finally:
        socket.close()


async def messages(
    socket: WebSocketClientConnection, timeout_s: float
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield kind and content of each message that comes within the time.

    Raises:
        SmokeError: the server closed the connection.
    """
    deadline = time.monotonic() + timeout_s
    while (left := deadline - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(left):
                text = await socket.read_message()
        except TimeoutError:
            return
        if text is None:
            raise SmokeError("kernel", "the server closed the connection")
        message = json.loads(text)
        yield message.get("op", ""), message.get("data") or {}
