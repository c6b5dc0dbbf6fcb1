"""The start page, its files and its buttons."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from tornado import web

from ..home.originals import NotRestored, restore
from ..proxy.headers import FOR_EVER
from ..proxy.services import Services
from ..proxy.sign_in import SignInRequired
from .content import gather
from .marimo_api import MarimoAPI, MarimoSilent
from .page import file_content, render

_MAX_FORM_BYTES = 64 * 1024
_POLICY = (
    "default-src 'self'; img-src data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_TYPES = {"home.css": "text/css", "prefetch.js": "text/javascript"}


@dataclass
class ButtonReport:
    """What the next page says about the button that was pressed last.

    Attributes:
        sentence: shown once; empty if there is nothing to say.
    """

    sentence: str = ""

    def take(self) -> str:
        """Return the sentence and forget it."""
        sentence, self.sentence = self.sentence, ""
        return sentence


@web.stream_request_body
class OwnPage(SignInRequired):
    """A request of a signed-in user that this program answers without marimo."""

    SUPPORTED_METHODS: tuple[str, ...] = ("GET", "HEAD")

    def initialize(  # type: ignore[override]
        self, services: Services, marimo_api: MarimoAPI, report: ButtonReport
    ) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(services)
        self.marimo_api, self.report = marimo_api, report
        self._body = bytearray()

    async def _prepare_request(self) -> None:
        if "Transfer-Encoding" in self.request.headers or self._content_length > _MAX_FORM_BYTES:
            raise web.HTTPError(413, reason="Refused: no form of this page is that large")

    async def data_received(self, chunk: bytes) -> None:
        """Keep a part of a form; what a refused request sends is dropped."""
        if self._admitted:
            self._body += chunk

    def _field(self, name: str) -> str:
        """Return a field of the form that was sent.

        Raises:
            web.HTTPError: 400, there is no such field.
        """
        values = parse_qs(self._body.decode("utf-8", "replace")).get(name)
        if not values:
            raise web.HTTPError(400, reason="This form is not complete. Go back and try once more")
        return values[0]

    def _go_home(self, said: str = "") -> None:
        """Lead the browser to the start page, which says what happened."""
        self.report.sentence = said
        self.redirect(self.server_settings.base_url, status=303)


class StartPage(OwnPage):
    """The first page of the user's server."""

    async def get(self, *args: Any) -> None:
        """Show the page."""
        self._check_admitted()
        services, settings = self.services, self.server_settings
        viewer = self._hub_auth_user_cache["name"]
        is_owner = viewer == settings.user
        home, marimo = services.home, services.marimo
        content, running, notices = await asyncio.gather(
            asyncio.to_thread(
                gather, settings, home.start_directory(), home.copied, now=time.time()
            ),
            self.marimo_api.running(),
            asyncio.to_thread(home.current_notices if is_owner else list),
        )
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("Cache-Control", "private, no-store")
        self.set_header("Referrer-Policy", "same-origin")
        self.finish(
            render(
                settings,
                content,
                viewer=viewer,
                said=self.report.take(),
                headline=home.headline,
                notices=notices,
                running=running,
                marimo_state=_state(marimo.ready, marimo.failing),
                marimo_status=marimo.status,
            )
        )

    head = get


class PageFile(OwnPage):
    """The page's stylesheet and script. Their addresses change with their content."""

    async def get(self, name: str) -> None:
        """Send a file."""
        self._check_admitted()
        self.set_header("Content-Type", f"{_TYPES[name]}; charset=utf-8")
        self.set_header("Cache-Control", FOR_EVER)
        self.finish(file_content(name))

    head = get


class StopNotebook(OwnPage):
    """The button that ends a notebook's kernel."""

    SUPPORTED_METHODS = ("POST",)

    async def post(self) -> None:
        """End the kernel of a session."""
        self._check_admitted()
        try:
            await self.marimo_api.stop(self._field("session"))
        except MarimoSilent:
            reason = "The notebook was not stopped: the editor does not answer. Try again"
            raise web.HTTPError(503, reason=reason) from None
        self._go_home("The notebook is stopped. Its file and its outputs are kept.")


class RestoreOriginal(OwnPage):
    """The button that brings the original of an edited or deleted notebook back."""

    SUPPORTED_METHODS = ("POST",)

    async def post(self) -> None:
        """Restore a notebook."""
        self._check_admitted()
        settings, path = self.server_settings, self._field("notebook")
        try:
            # An editor that is open would save the edited version again.
            await self.marimo_api.stop_notebook(path)
            kept = await asyncio.to_thread(restore, settings.templates, settings.notebooks, path)
        except MarimoSilent:
            reason = "Not restored: the notebook runs and could not be stopped. Try again"
            raise web.HTTPError(503, reason=reason) from None
        except NotRestored as e:
            raise web.HTTPError(409, reason=str(e)) from None
        said = f"{path} is the original again."
        self._go_home(f"{said} Your version is now {kept}." if kept else said)


def _state(ready: bool, failing: bool) -> str:
    if ready:
        return "ready"
    return "failing" if failing else "starting"
