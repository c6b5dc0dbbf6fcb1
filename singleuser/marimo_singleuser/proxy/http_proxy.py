"""Every request and every WebSocket of a person's server: sign-in first, then on to marimo."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from typing import Any

import aiohttp
from jupyter_server_proxy.handlers import SuperviseAndProxyHandler
from jupyter_server_proxy.standalone.proxy import make_standalone_proxy
from jupyterhub.services.auth import UserNotAllowed
from tornado import httputil, iostream, web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from .. import activity
from . import pages
from .backend import Backend, MarimoDown, Services
from .error_pages import Instead, PlainErrors
from .headers import query_without_token, to_browser
from .origin import is_page, refused, same_origin

log = logging.getLogger("marimo_singleuser")
_StandaloneProxy: Any = make_standalone_proxy(SuperviseAndProxyHandler, {})[0]

# How long a page load waits for marimo before it shows that marimo is starting (seconds).
_PATIENCE = 1.5

# What writes over a notebook, or another file of the person's. marimo empties the file before it
# writes: on a full disk neither the old version nor the new one would be left.
_SAVES = frozenset(
    ("api/kernel/save", "api/kernel/save_app_config", "api/kernel/rename", "api/files/update")
)
_SPARE = 1024**2  # bytes that must be free beside the new version

# A body up to this size is read and dropped before a refusal is sent (bytes).
_SMALL = 1024**2


@web.stream_request_body
class MarimoHandler(PlainErrors, _StandaloneProxy):
    """Proxies to marimo for those who may use this server.

    `prepare` decides before a byte of the body is read; bodies, answers and WebSocket messages
    are passed on piece by piece, so that their size is nobody's memory.
    """

    def initialize(self, services: Services) -> None:
        super().initialize({})
        self.services = services
        self.server = services.settings
        self.backend: Backend | None = None
        self.ws: aiohttp.ClientWebSocketResponse | None = None
        self._relay_task: asyncio.Task[None] | None = None
        self._refusal: Exception | None = None
        self._admitted = False

    # -- who may come in ---------------------------------------------------------------------

    def check_origin(self, origin: str | None = None) -> bool:
        """WebSockets: once more what `prepare` has asked already."""
        return origin is not None and same_origin(origin, self.request.headers)

    def set_default_headers(self) -> None:
        super().set_default_headers()
        if not getattr(self, "_admitted", False) and self._large_body:
            # Answered before the body was read: the rest of it is nobody's.
            self.set_header("Connection", "close")

    @property
    def _large_body(self) -> bool:
        return "Transfer-Encoding" in self.request.headers or self._length > _SMALL

    @property
    def _length(self) -> int:
        """What Content-Length says; tornado refuses a wrong one when it reads the body."""
        value = self.request.headers.get("Content-Length", "0")
        return int(value) if value.isascii() and value.isdigit() else 0

    def compute_etag(self) -> None:
        """marimo's own ETags are passed on; none is made up."""
        return None

    async def prepare(self) -> None:
        """Decide. A refusal of a request with a large body is sent at once, any other when the
        body has been read and dropped: the connection then stays usable for the hub's proxy."""
        try:
            await self._admit()
        except (web.HTTPError, Instead) as e:
            if self._large_body:
                raise
            self._refusal = e

    async def _admit(self) -> None:
        """Let the request in, or raise what it gets instead."""
        request = self.request
        why = refused(request.method or "", request.headers, websocket=self._is_websocket)
        if why:
            raise web.HTTPError(403, reason=f"Not answered: {why}"[:120].replace("\n", " "))
        model = await self.hub_auth.get_user(self, sync=False)
        if model is None:
            if self._is_websocket or not is_page(request.method or "", request.headers):
                raise web.HTTPError(403, reason="Not signed in: open this server from the hub")
            raise Instead(lambda: self.redirect(self.get_login_url()))
        try:
            self._hub_auth_user_cache = self.check_hub_user(model)
        except UserNotAllowed:
            self._hub_auth_user_cache = None
            raise web.HTTPError(
                403,
                reason=f"This server is {self.server.user}'s, and you are signed in "
                f"as {model['name']}. Ask {self.server.user} to share it, or use your own",
            ) from None
        request.query = query_without_token(request.query)
        if activity.is_deed(request.method or "", self._path):
            self.services.activity.touch()
        if not self._is_websocket:
            await self._prepare_backend()
        self._admitted = True

    @property
    def _path(self) -> str:
        """The path below the base URL, without its first slash."""
        return self.request.path[len(self.server.base_url) :]

    async def _prepare_backend(self) -> None:
        """Begin the request to marimo, so that the body can flow as it comes in."""
        if self._length > self.server.max_upload:
            limit = self.server.max_upload // 1024**2
            raise web.HTTPError(413, reason=f"The upload is larger than {limit} MiB")
        if self._path in _SAVES:
            free = shutil.disk_usage(self.server.notebooks).free
            if free < _SPARE + 2 * self._length:
                raise web.HTTPError(
                    507, reason="Not saved: your disk is full. Delete something, then save again"
                )
        marimo = self.services.marimo
        page = is_page(self.request.method or "", self.request.headers)
        if page and not await marimo.wait_ready(_PATIENCE) and not marimo.failing:
            raise Instead(self._say_starting)
        if not await marimo.wait_ready(self.server.start_timeout):
            raise Instead(lambda: self._say_down(page))
        self.backend = Backend(self.services, self.request)

    def _say_starting(self) -> None:
        self.set_status(503, "Starting")
        self.set_header("Retry-After", "1")
        self.finish(pages.starting(self.server.base_url))

    def _say_down(self, page: bool) -> None:
        marimo = self.services.marimo
        self.set_status(503)
        self.set_header("Retry-After", "5")
        if page:
            self.finish(pages.failed(self.server.base_url, marimo.said, list(marimo.lines)))
        else:
            self.finish({"detail": f"marimo is not running: {marimo.said}"})

    # -- HTTP --------------------------------------------------------------------------------

    async def data_received(self, chunk: bytes) -> None:
        """A piece of the body; returns when there is room for the next."""
        if self.backend is not None:
            await self.backend.feed(chunk)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self.backend is not None:
            self.backend.abandon()

    def _is_file_list(self, answer: aiohttp.ClientResponse) -> bool:
        return (
            self._path == ""
            and not self.get_query_argument("file", "")
            and answer.status == 200
            and answer.content_type == "text/html"
            and "Content-Encoding" not in answer.headers
        )

    async def _forward(self, path: str) -> None:
        if self._refusal is not None:
            raise self._refusal
        if self.backend is None:
            raise web.HTTPError(403)
        try:
            answer = await self.backend.answer()
        except MarimoDown:
            self._say_down(is_page(self.request.method or "", self.request.headers))
            return
        try:
            self.set_status(answer.status, answer.reason)
            self._headers = httputil.HTTPHeaders()
            for name, value in to_browser(answer.headers.items()):
                self.add_header(name, value)
            if self.request.method == "HEAD" or answer.status in (204, 304):
                self.finish()
                return
            if self._is_file_list(answer):
                page = await answer.read()
                self.clear_header("Content-Length")
                viewer = self._hub_auth_user_cache["name"]
                self.finish(pages.with_way_back(page, self.server.hub_url, viewer))
                return
            with contextlib.suppress(iostream.StreamClosedError):
                async for chunk in answer.content.iter_any():
                    self.write(chunk)
                    # Not self.flush: the proxy's mixin drops what has to be waited for.
                    await web.RequestHandler.flush(self)
                self.finish()
        except (aiohttp.ClientError, TimeoutError) as e:
            log.warning("marimo broke off its answer to %s (%s)", self._request_summary(), e)
            # Too late for another status: the broken connection is the message.
            if self.request.connection is not None:
                self.detach().close() if self._headers_written else self._say_down(False)
        finally:
            answer.close()

    http_get = post = put = delete = head = patch = options = _forward

    def _handle_request_exception(self, e: BaseException) -> None:
        if isinstance(e, Instead):
            e.answer()
        else:
            super()._handle_request_exception(e)

    # -- WebSockets --------------------------------------------------------------------------

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """marimo's side is connected first: what it refuses is refused to the browser as well."""
        if not self._is_websocket:
            await self._forward("")
            return
        if self._refusal is not None or not self._admitted:
            raise self._refusal or web.HTTPError(403)
        marimo = self.services.marimo
        if not await marimo.wait_ready(self.server.start_timeout):
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
            if self._relay_task is not None:
                self._relay_task.cancel()
            await self.ws.close(code=_close_code(self.close_code))

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The one that marimo chose."""
        return self.ws.protocol if self.ws else None

    async def open(self, *args: Any, **kwargs: Any) -> None:
        self._relay_task = asyncio.create_task(self._relay())

    async def _relay(self) -> None:
        """From marimo to the browser, each message when the one before it is on its way."""
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
                    self.close(1011, "marimo's side of the connection broke")
                else:
                    self.close(_close_code(ws.close_code), reason)
                return

    async def on_message(self, message: str | bytes) -> None:
        """From the browser to marimo."""
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
        """Nothing here: `get` closes marimo's side when the browser's is gone."""

    def on_ping(self, data: bytes) -> None:
        """Each side's pings are answered on that side."""


def _close_code(code: int | None) -> int:
    """A code that may be sent: 1005, 1006 and 1015 only ever mean that none came."""
    return code if code and code not in (1005, 1006, 1015) else 1000
