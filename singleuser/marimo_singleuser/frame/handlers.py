"""What the frame asks this server, and its form."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from urllib.parse import quote

from tornado import web

from ..disk import warning
from ..proxy.headers import FOR_EVER
from ..proxy.hub_auth import HubSignIn
from ..proxy.own_page import OwnPage
from ..proxy.services import Services
from ..proxy.streamed_body import StreamedBody
from .page import script, signed_in_page
from .seen import Seen
from .status import Status
from .views import APP, APP_QUERY, EDIT, Views

_WINDOW_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class FrameScript(OwnPage):
    """The frame's script. Its address changes with its content."""

    async def get(self) -> None:
        """Send it."""
        self._check_admitted()
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Cache-Control", FOR_EVER)
        self.finish(script())

    head = get


class StatusHandler(OwnPage):
    """How server, broker, hub and kernels are.

    A refusal is JSON as well, and never a redirect. Somebody who is not signed in gets 401.
    Somebody else gets 403, with their own name.
    """

    SUPPORTED_METHODS = ("GET",)

    def initialize(  # type: ignore[override]
        self, services: Services, status: Status, seen: Seen
    ) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(services)
        self._status, self._seen = status, seen

    @property
    def _is_page_load(self) -> bool:
        return False

    async def _check_sign_in(self) -> None:
        try:
            await super()._check_sign_in()
        except web.HTTPError as refusal:
            if refusal.status_code != 403:
                raise
            self._viewer = (await self._signed_in_user() or {}).get("name")
            if self._viewer is None:
                raise web.HTTPError(401, reason="Not signed in") from None
            raise

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """Send the refusal."""
        viewer = getattr(self, "_viewer", None)
        self.finish({"viewer": viewer} if status_code in (401, 403) else {})

    async def get(self) -> None:
        """Send the status."""
        self._check_admitted()
        self._seen.note(self.get_query_argument("seen", ""))
        viewer, owner = self._hub_auth_user_cache["name"], self.server_settings.user
        messages = await self._messages() if viewer == owner else []
        self.set_header("Cache-Control", "no-store")
        self.finish(
            {
                "viewer": viewer,
                "owner": owner,
                "messages": messages,
                "start": self.services.home.start_id,
                **await self._status.report(),
            }
        )

    async def _messages(self) -> list[dict[str, str]]:
        """Return what admins tell the owner, and what there is to say of the disk."""
        services = self.services
        told = [{"id": m.id, "text": m.text} for m in await services.messages.current()]
        if text := warning(services.disk.use):
            kind = "disk-full" if services.disk.use and services.disk.use.is_full else "disk"
            told.append({"id": f"{kind}-{services.home.start_id}", "text": text})
        for path, names in (await services.team.elsewhere()).items():
            who = " and ".join(names)
            text = f"~/team/{path} is open in {who}'s editor, too. Whoever saves last is kept."
            told.append({"id": f"team-{path}-{who}", "text": text})
        return told


class SignedIn(OwnPage):
    """Ends a sign-in, or a start, that a page began in a window of its own."""

    async def get(self) -> None:
        """Tell the pages, and let the window close."""
        self._check_admitted()
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", _WINDOW_POLICY)
        self.set_header("Cache-Control", "private, no-store")
        self.finish(signed_in_page(self.server_settings.team_name))

    head = get


class ChooseView(OwnPage):
    """The buttons by which a notebook opens as an app, or to be edited."""

    SUPPORTED_METHODS = ("POST",)

    def initialize(self, services: Services, views: Views) -> None:  # type: ignore[override]
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(services)
        self._views = views

    async def post(self) -> None:
        """Remember the choice, and open the notebook so."""
        self._check_admitted()
        notebook, view = self._field("notebook"), self._field("view")
        if view not in (EDIT, APP):
            raise web.HTTPError(400, reason="A notebook opens as an app or to be edited")
        with contextlib.suppress(OSError):  # on a full disk it opens as chosen this once
            self._views.choose(self._below(notebook), view)
        query = f"file={quote(notebook, safe='/')}{f'&{APP_QUERY}' if view == APP else ''}"
        self.redirect(f"{self.server_settings.base_url}?{query}", status=303)

    def _below(self, notebook: str) -> str:
        """Return a notebook's path as the start page has it."""
        directory = self.services.home.start_directory()
        path = Path(notebook)
        return str(path.relative_to(directory)) if path.is_relative_to(directory) else notebook


class KeepRunning(OwnPage):
    """The buttons by which a server that nobody uses is not stopped.

    The request counts as use. A form also says until when the server runs on; from Home it leads
    back there, in the frame the page stays.
    """

    SUPPORTED_METHODS = ("POST",)

    async def post(self) -> None:
        """Take the choice if there is one, and tell the hub at once."""
        self._check_admitted()
        services = self.services
        if b"until=" in self._body:
            try:
                services.activity.keep.choose(self._field("until"), time.time())
            except ValueError:
                reason = "This editor cannot be kept so. Load the page again and choose there"
                raise web.HTTPError(400, reason=reason) from None
        await asyncio.gather(services.activity.report(), services.report.send())
        if b"from=home" in self._body:
            self.redirect(self.server_settings.base_url, status=303)
            return
        self.set_status(204)
        self.finish()


class AskHubAgain(StreamedBody):
    """The hub says that somebody signed out. Anybody may say so: the hub is asked, no more.

    Whatever the hub said last stays known for the time when it is away.
    """

    SUPPORTED_METHODS = ("POST",)

    def initialize(self, services: Services) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        self._services = services

    def prepare(self) -> None:
        """Look whether there is a body; the refusal waits until a small one has come."""
        headers = self.request.headers
        self._has_body = "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0"
        super().prepare()

    def post(self) -> None:
        """Ask the hub again when the next request comes.

        Raises:
            web.HTTPError: 413, there is a body.
        """
        if self._has_body:
            raise web.HTTPError(413)
        HubSignIn.instance().forget_answers()
        self.set_status(204)
        self.finish()
