"""HTTP requests: bodies and answers pass in chunks, so that their size takes no memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from pathlib import PurePath

import aiohttp
from tornado import httputil, iostream, web

from ..frame.page import Shown, add_frame
from ..frame.views import APP, APP_QUERY, EDIT
from . import pages
from .backend import Backend, MarimoDown
from .content_policy import content_policy
from .error_pages import ShortCircuit
from .headers import to_browser
from .paths import below, without_redirect_count
from .services import Services
from .sign_in import SignInRequired

log = logging.getLogger("marimo_singleuser")

# A page that loads waits this long for marimo, then it says that the editor is starting.
_PAGE_GRACE_S = 1.5

# These requests write over a notebook or another file of the user.
# WORKAROUND(marimo 0.25.2): a save empties the file before it writes, so a full disk loses both.
# Test: test_a_full_volume_is_said_and_loses_nothing
_SAVES = frozenset(
    ("api/kernel/save", "api/kernel/save_app_config", "api/kernel/rename", "api/files/update")
)
# WORKAROUND(marimo 0.25.2): it sends no status for a notebook's file that is gone, but breaks off.
# Test: test_a_file_of_a_notebook_that_is_gone
_BROKEN_OFF = "marimo broke off its answer. If this is a file of a notebook, run its cell again"
_SPARE_BYTES = 1024**2  # must be free beside the new version


class HTTPProxy(SignInRequired):
    """Passes HTTP requests on to marimo."""

    def initialize(self, services: Services) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(services)
        self.backend: Backend | None = None

    def compute_etag(self) -> None:
        """Add no ETag; marimo's own are passed on."""
        return None

    async def data_received(self, chunk: bytes) -> None:
        """Pass on a chunk of the body; return when there is room for the next."""
        if self.backend is not None:
            await self.backend.feed(chunk)

    def on_connection_close(self) -> None:
        """Break the request to marimo off when the browser disconnects."""
        super().on_connection_close()
        if self.backend is not None:
            self.backend.abandon()

    async def _prepare_request(self) -> None:
        """Begin the request to marimo, so that the body can be passed on while it comes in."""
        if self._is_websocket:
            return
        query = without_redirect_count(self.request.query)
        if self._is_page_load and query != self.request.query:
            raise ShortCircuit(lambda: self._redirect_here(query))
        self._check_size()
        marimo = self.services.marimo
        if self._is_page_load and not await marimo.wait_ready(_PAGE_GRACE_S) and not marimo.failing:
            raise ShortCircuit(self._send_starting_page)
        if not await marimo.wait_ready(self.server_settings.start_timeout_s):
            raise ShortCircuit(lambda: self._send_down(as_page=self._is_page_load))
        self.backend = Backend(self.services, self._request_for_marimo())

    def _redirect_here(self, query: str) -> None:
        """Lead the browser to the same address with another query string."""
        base = self.server_settings.base_url
        path = (below(base, self.request.path) or "").lstrip("/\\")  # `//` would begin a host
        self.redirect(base + path + (query and f"?{query}"))

    def _check_size(self) -> None:
        """Refuse bodies that are too large, and saves for which the disk has no space.

        Raises:
            web.HTTPError: the request is refused.
        """
        max_bytes = self.server_settings.max_upload_bytes
        if self._content_length > max_bytes:
            reason = f"The upload is larger than {max_bytes // 1024**2} MiB"
            raise web.HTTPError(413, reason=reason)
        if self._path in _SAVES:
            free_bytes = shutil.disk_usage(self.services.home.start_directory()).free
            if free_bytes < _SPARE_BYTES + 2 * self._content_length:
                reason = "Not saved: your disk is full. Delete something, then save again"
                raise web.HTTPError(507, reason=reason)

    def _send_starting_page(self) -> None:
        self.set_status(503, "Starting")
        self.set_header("Retry-After", "1")
        self.finish(pages.starting())

    def _send_down(self, *, as_page: bool) -> None:
        """Say that marimo does not run, by a page or by JSON."""
        marimo = self.services.marimo
        self.set_status(503)
        self.set_header("Retry-After", "5")
        if as_page:
            hub_url = self.server_settings.hub_url
            self.finish(pages.failed(marimo.status, list(marimo.log_tail), hub_url))
        else:
            self.finish({"detail": f"marimo is not running: {marimo.status}"})

    async def _proxy_http(self) -> None:
        if self._refusal is not None:
            raise self._refusal
        if self.backend is None:
            raise web.HTTPError(403)
        try:
            answer = await self.backend.answer()
        except MarimoDown:
            self._send_down(as_page=self._is_page_load)
            return
        try:
            if self._is_bare_error(answer):
                raise web.HTTPError(answer.status)  # marimo has no pages for its errors
            await self._send_answer(answer)
        except (aiohttp.ClientError, TimeoutError) as e:
            log.warning("marimo broke off its answer to %s (%s)", self._request_summary(), e)
            if self.request.connection is None:
                return
            if self._headers_written:
                self.detach().close()  # too late for another status: the browser sees the break
            else:
                raise web.HTTPError(503, reason=_BROKEN_OFF) from None
        finally:
            answer.close()

    async def _send_answer(self, answer: aiohttp.ClientResponse) -> None:
        """Send marimo's answer to the browser.

        Raises:
            aiohttp.ClientError: marimo broke it off.
            TimeoutError: marimo does not go on with it.
        """
        self.set_status(answer.status, answer.reason)
        self._headers = httputil.HTTPHeaders()
        for name, value in to_browser(answer.headers.items()):
            self.add_header(name, value)
        policy = content_policy(self._path, answer.content_type, self.request.headers)
        for name, value in policy.items():
            self.set_header(name, value)
        if self.request.method == "HEAD" or answer.status in (204, 304):
            self.finish()
            return
        if self._is_editor_page(answer):
            self._send_page(await answer.read(), await self._notices())
            return
        with contextlib.suppress(iostream.StreamClosedError):
            async for chunk in answer.content.iter_any():
                self.write(chunk)
                # WORKAROUND(jupyter-server-proxy 4.6.0): `self.flush` cannot be awaited.
                # Test: test_upload_and_download_of_1_gib_in_bounded_memory
                await web.RequestHandler.flush(self)
            self.finish()

    def _is_bare_error(self, answer: aiohttp.ClientResponse) -> bool:
        """Return whether a browser would show JSON to somebody who opens an address."""
        is_error = answer.status >= 400 and answer.content_type == "application/json"
        return self._is_page_load and is_error

    def _send_page(self, page: bytes, notices: list[str]) -> None:
        """Send a page of marimo with the platform's parts in it."""
        for name in ("Content-Length", "ETag"):  # those of marimo's page
            self.clear_header(name)
        page = pages.add_trust(pages.add_reload(page))
        if notices:
            home = self.services.home
            page = pages.add_notices(page, home.headline, notices, home.start_id)
        self.finish(add_frame(page, self.server_settings, self._shown()))

    async def _notices(self) -> list[str]:
        """Return what the viewer should know about the home: something only if it is theirs."""
        if self._hub_auth_user_cache["name"] != self.server_settings.user:
            return []
        return await asyncio.to_thread(self.services.home.current_notices)

    def _shown(self) -> Shown:
        """Return what the page shows, for the frame."""
        notebook = self.get_query_argument("file", "")
        is_new = notebook.startswith("__new__")
        return Shown(
            notebook=notebook,
            title="New notebook" if is_new else PurePath(notebook).name or "All files",
            view=APP if APP_QUERY in self.request.query.split("&") else EDIT,
            viewer=self._hub_auth_user_cache["name"],
        )

    def _is_editor_page(self, answer: aiohttp.ClientResponse) -> bool:
        return (
            self._path == ""
            and answer.status == 200
            and answer.content_type == "text/html"
            and "Content-Encoding" not in answer.headers
        )
