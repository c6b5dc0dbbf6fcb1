"""The request handler for what a viewer's page asks of marimo."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from tornado import httputil, web

from ..frame.handlers import AskHubAgain
from ..proxy import pages
from ..proxy.error_pages import ShortCircuit
from ..proxy.handler import MarimoHandler
from ..proxy.own_page import OwnPage
from ..proxy.services import Services
from .page import add_frame, script, viewer_mark
from .snapshot import SnapshotSource
from .viewer import headers_for_app, is_open

_AGAIN_S = 5  # between two looks of a page at an app that did not start
_CORRECTED_S = 20  # the same for an app that its author must correct
_NOT_OPEN = "Not found: this is an app, and nobody edits it here"


class AppHandler(MarimoHandler):
    """Passes on what run mode needs, without whatever says who the viewer is."""

    sign_in_check_s = 3.0  # an app is gone for those who may not open it any more

    def initialize(self, services: Services, source: SnapshotSource) -> None:  # type: ignore[override]
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(services)
        self._source = source

    async def _prepare_request(self) -> None:
        if not is_open(self._path):
            raise web.HTTPError(404, reason=_NOT_OPEN)
        if self._source.problem and self._is_page_load:
            raise ShortCircuit(self._send_problem)
        await super()._prepare_request()

    def _request_for_marimo(self) -> httputil.HTTPServerRequest:
        told = self._source.card.tells_viewer
        viewer = self._hub_auth_user_cache["name"] if told else None
        request = copy.copy(self.request)
        request.headers = headers_for_app(self.request.headers.get_all(), viewer)
        return request

    def _send_starting_page(self) -> None:
        self.set_status(503, "Starting")
        self.set_header("Retry-After", "1")
        self.finish(pages.starting(self._source.card.title))

    def _send_down(self, *, as_page: bool) -> None:
        """Say that the app does not run; what its code printed is the author's to see."""
        if not as_page:
            self.set_status(503)
            self.set_header("Retry-After", str(_AGAIN_S))
            self.finish({"detail": "the app is not running"})
        elif self._is_author:
            marimo = self.services.marimo
            text = f"{marimo.status}. It is started again now. Its last lines:"
            self._send_why(text, _AGAIN_S, list(marimo.log_tail))
        else:
            author = self.server_settings.user
            text = f"It ended at its start. It is tried again now; if this stays, tell {author}."
            self._send_why(text, _AGAIN_S)

    def _send_problem(self) -> None:
        """Say why the app cannot run."""
        author, notebook = self.server_settings.user, self._source.card.notebook
        what_to_do = (
            f"Correct {notebook} in your editor, or install there what is missing. Then publish it "
            "again."
            if self._is_author
            else f"Only its author can correct that: tell {author}."
        )
        self._send_why(f"{self._source.problem} {what_to_do}", _CORRECTED_S)

    def _send_why(self, text: str, again_s: int, lines: Sequence[str] = ()) -> None:
        self.set_status(503)
        self.set_header("Cache-Control", "private, no-store")
        self.set_header("Retry-After", str(again_s))
        hub_url = self.server_settings.hub_url
        self.finish(pages.app_problem(self._source.card.title, text, lines, hub_url, again_s))

    @property
    def _is_author(self) -> bool:
        return self._hub_auth_user_cache["name"] == self.server_settings.user

    def _send_page(self, page: bytes, notices: list[str]) -> None:
        for name in ("Content-Length", "ETag"):  # those of marimo's page
            self.clear_header(name)
        self.set_header("Cache-Control", "private, no-store")
        page = pages.add_trust(pages.add_reload(page))
        viewer = self._hub_auth_user_cache["name"]
        self.finish(add_frame(page, self.server_settings, self._source.card, viewer))

    async def _notices(self) -> list[str]:
        return []


class AppScript(OwnPage):
    """The script of the bar. Its address changes with its content."""

    async def get(self) -> None:
        """Send it."""
        self._check_admitted()
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.finish(script())

    head = get


class AppStatus(OwnPage):
    """Whether a viewer may still see this app, asked by their page again and again."""

    SUPPORTED_METHODS = ("GET",)

    @property
    def _is_page_load(self) -> bool:
        return False

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """Send the refusal."""
        self.finish({})

    async def get(self) -> None:
        """Send the viewer's mark. A page that is seen counts as use."""
        self._check_admitted()
        if self.get_query_argument("seen", "") == "yes":
            self.services.activity.touch()
        self.set_header("Cache-Control", "no-store")
        viewer = self._hub_auth_user_cache["name"]
        self.finish({"mark": viewer_mark(self.server_settings, viewer)})


class NewSnapshot(AskHubAgain):
    """The hub says that somebody lost the app, or of a new snapshot. Anybody may say so."""

    def initialize(self, services: Services, source: SnapshotSource) -> None:  # type: ignore[override]
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(services)
        self._source = source

    def post(self) -> None:
        """Ask the hub again: who may use this, and what is to be shown."""
        super().post()
        self._source.refresh_soon()
