"""WebSockets between browser and marimo."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from tornado import web
from tornado.iostream import IOStream, StreamClosedError

from .. import activity
from .backend import Backend, HandshakeRefused, MarimoDown
from .frames import MessageReader
from .services import Services
from .sign_in import SignInRequired

_CHUNK_BYTES = 64 * 1024
_SIGN_IN_CHECK_S = 15  # between two looks whether the user is still signed in
_TYPED_AT = "terminal/ws"  # the only WebSocket by which a user types


class WebSocketProxy(SignInRequired):
    """Passes WebSockets on to marimo, byte by byte.

    The bytes of a frame pass on as they come. A frame therefore has no limit here, and takes the
    memory of one chunk in each direction.
    """

    sign_in_check_s: float = _SIGN_IN_CHECK_S

    def initialize(self, services: Services) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(services)
        self._messages = MessageReader()

    async def _proxy_websocket(self, *args: Any, **kwargs: Any) -> None:
        """Connect to marimo first, so that the browser is refused what marimo refuses."""
        self._check_admitted()
        if not await self.services.marimo.wait_ready(self.server_settings.start_timeout_s):
            raise web.HTTPError(503, reason="marimo is not running")
        try:
            backend = Backend(self.services, self._request_for_marimo())
            marimo, answer = await backend.websocket()
        except HandshakeRefused as e:
            raise web.HTTPError(e.status if e.status >= 400 else 502) from None
        except MarimoDown:
            raise web.HTTPError(502, reason="marimo does not answer") from None
        try:
            self.clear_header("Content-Type")
            self.set_status(101)
            self.set_header("Connection", "Upgrade")
            for name in ("Upgrade", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"):
                if name in answer:
                    self.set_header(name, answer[name])
            self.finish()
            await self._relay(self.detach(), marimo)
        finally:
            marimo.close()

    async def _relay(self, browser: IOStream, marimo: IOStream) -> None:
        """Pass bytes on in both directions until one side ends, or the sign-in does."""
        browser.set_nodelay(True)
        sign_in_ends = asyncio.create_task(self._end_with_the_sign_in())
        to_browser = asyncio.create_task(self._pass_on(marimo, browser))
        typed = self._path == _TYPED_AT
        to_marimo = asyncio.create_task(self._pass_on(browser, marimo, typed=typed))
        try:
            waited = {sign_in_ends, to_browser, to_marimo}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if to_marimo.done() and not browser.closed():
                # marimo has ended. What it sent before is still on its way to the browser.
                waited = {sign_in_ends, to_browser}
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sign_in_ends, to_browser, to_marimo):
                task.cancel()
            browser.close()

    async def _pass_on(self, source: IOStream, sink: IOStream, *, typed: bool = False) -> None:
        """Pass bytes on, each chunk after the one before it is sent."""
        with contextlib.suppress(StreamClosedError):
            while True:
                chunk = await source.read_bytes(_CHUNK_BYTES, partial=True)
                if typed and any(
                    activity.is_keystroke(self._path, message)
                    for message in self._messages.feed(chunk)
                ):
                    self.services.activity.touch()
                await sink.write(chunk)

    async def _end_with_the_sign_in(self) -> None:
        """Return soon after the user has signed out or may not use this server."""
        while True:
            await asyncio.sleep(self.sign_in_check_s)
            if not await self._is_still_admitted():
                return
