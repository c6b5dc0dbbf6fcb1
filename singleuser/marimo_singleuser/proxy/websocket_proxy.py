"""WebSockets between browser and marimo."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import aiohttp
from tornado import iostream, web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from .. import activity
from .backend import Backend
from .services import Services
from .sign_in import SignInRequired

log = logging.getLogger("marimo_singleuser")

_NORMAL_CLOSURE = 1000
_POLICY_VIOLATION = 1008
_INTERNAL_ERROR = 1011
# RFC 6455, 7.4.1: these say that no code came, and nobody may send them.
_UNSENDABLE = (1005, 1006, 1015)
_SIGN_IN_CHECK_S = 15  # between two looks whether the user is still signed in


class WebSocketProxy(SignInRequired):
    """Passes WebSockets on to marimo, message by message."""

    def initialize(self, services: Services) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(services)
        self.ws: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def _proxy_websocket(self, *args: Any, **kwargs: Any) -> None:
        """Connect to marimo first, so that the browser is refused what marimo refuses."""
        if self._refusal is not None or not self._admitted:
            raise self._refusal or web.HTTPError(403)
        if not await self.services.marimo.wait_ready(self.server_settings.start_timeout_s):
            raise web.HTTPError(503, reason="marimo is not running")
        try:
            self.ws = await Backend(self.services, self.request).websocket()
        except aiohttp.WSServerHandshakeError as e:
            raise web.HTTPError(e.status if e.status >= 400 else 502) from None
        except (aiohttp.ClientError, TimeoutError):
            raise web.HTTPError(502, reason="marimo does not answer") from None
        try:
            await WebSocketHandler.get(self, *args, **kwargs)
        finally:
            for task in self._tasks:
                task.cancel()
            await self.ws.close(code=_sendable(self.close_code))

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Return the subprotocol that marimo chose."""
        return self.ws.protocol if self.ws else None

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to pass on marimo's messages; tornado calls this after the handshake."""
        for work in (self._relay_to_browser(), self._end_with_the_sign_in()):
            self._tasks.append(asyncio.create_task(work))

    async def on_message(self, message: str | bytes) -> None:
        """Pass a message of the browser on to marimo."""
        if self.ws is None:
            return
        if activity.is_keystroke(self._path, message):
            self.services.activity.touch()
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            if isinstance(message, bytes):
                await self.ws.send_bytes(message)
            else:
                await self.ws.send_str(message)

    def on_close(self) -> None:
        """Do nothing: `_proxy_websocket` closes marimo's side when the browser's is closed."""

    def on_ping(self, data: bytes) -> None:
        """Do nothing: each side's pings are answered on that side."""

    async def _end_with_the_sign_in(self) -> None:
        """Close the WebSocket soon after its user has signed out or may not use this server."""
        while True:
            await asyncio.sleep(_SIGN_IN_CHECK_S)
            if not await self._is_still_admitted():
                self.close(_POLICY_VIOLATION, "signed out")
                return

    async def _relay_to_browser(self) -> None:
        """Pass marimo's messages on, each after the one before it is sent."""
        ws = self.ws
        with contextlib.suppress(WebSocketClosedError, iostream.StreamClosedError):
            while ws is not None:
                message = await ws.receive()
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    binary = message.type is aiohttp.WSMsgType.BINARY
                    await self.write_message(message.data, binary=binary)
                    continue
                reason = message.extra if isinstance(message.extra, str) else None
                if message.type is aiohttp.WSMsgType.ERROR:
                    log.warning("WebSocket %s broke: %s", self.request.path, message.data)
                    self.close(_INTERNAL_ERROR, "marimo's side of the connection broke")
                else:
                    self.close(_sendable(ws.close_code), reason)
                return


def _sendable(code: int | None) -> int:
    """Return the close code that may be sent in place of `code`."""
    return code if code and code not in _UNSENDABLE else _NORMAL_CLOSURE
