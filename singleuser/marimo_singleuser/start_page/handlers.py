"""The start page, its files and its buttons."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from tornado import web

from ..copies import listing as copies
from ..disk import warning
from ..frame.status import Status
from ..frame.views import Views
from ..home.originals import NotRestored, restore
from ..keep import moment
from ..proxy.headers import FOR_EVER
from ..proxy.own_page import OwnPage
from ..proxy.services import Services
from ..team.listing import TeamPart, describe_use, list_parts
from .content import Content, gather
from .marimo_api import MarimoAPI, MarimoSilent
from .page import file_content, render
from .usage import meters

_POLICY = (
    "default-src 'self'; img-src data: {logo}; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
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


class HomePage(OwnPage):
    """What the requests of this room share."""

    def initialize(  # type: ignore[override]
        self,
        services: Services,
        marimo_api: MarimoAPI,
        report: ButtonReport,
        views: Views,
        status: Status,
    ) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(services)
        self.marimo_api, self.report, self.views = marimo_api, report, views
        self.status = status

    def _show(self, page: bytes, policy: str = "") -> None:
        """Send a page of this look.

        Args:
            page: the page (HTML).
            policy: its Content-Security-Policy, if it is stricter than that of the others.
        """
        settings = self.server_settings
        logo = f"{settings.hub_url}logo" if settings.has_team_logo else ""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        policy = policy or _POLICY.format(logo=_source(logo))
        self.set_header("Content-Security-Policy", policy)
        self.set_header("Cache-Control", "private, no-store")
        self.set_header("Referrer-Policy", "same-origin")
        self.finish(page)

    async def _check_room(self, refused: str) -> None:
        """Check that there is room for a file.

        Args:
            refused: what is not done without it, as the beginning of a sentence.

        Raises:
            web.HTTPError: 507, the user's disk is full.
        """
        if await asyncio.to_thread(self.services.disk.is_full):
            raise disk_is_full(refused)

    def _go_home(self, said: str = "") -> None:
        """Lead the browser to the start page, which says what happened."""
        self.report.sentence = said
        self.redirect(self.server_settings.base_url, status=303)


class StartPage(HomePage):
    """The first page of the user's server."""

    async def get(self, *args: Any) -> None:
        """Show the page."""
        self._check_admitted()
        services, settings = self.services, self.server_settings
        viewer = self._hub_auth_user_cache["name"]
        is_owner = viewer == settings.user
        home, marimo = services.home, services.marimo
        services.disk.refresh(soon=True)
        content, running, notices, messages, load = await asyncio.gather(
            asyncio.to_thread(self._gather),
            self.marimo_api.running(),
            asyncio.to_thread(home.current_notices if is_owner else list),
            services.messages.current(),
            self.status.sample(),
        )
        disk = services.disk.use
        self._show(
            render(
                settings,
                content,
                viewer=viewer,
                said=self.report.take(),
                headline=home.headline,
                notices=notices,
                messages=messages if is_owner else [],
                running=running,
                **await self._copies(is_owner=is_owner),
                team_parts=await self._team_parts(),
                team_use=describe_use(services.team_disk.use()),
                marimo_state=_state(marimo.ready, marimo.failing),
                marimo_status=marimo.status,
                meters=list(meters(load, disk)),
                disk_warning=warning(disk) if is_owner else "",
                newer_editor=is_owner and services.report.newer_editor,
                **self._keeping(),
            )
        )

    head = get

    def _keeping(self) -> dict[str, Any]:
        """Return what the page says of the time until which the editor runs on."""
        keep, now = self.services.activity.keep, time.time()
        until = keep.until(now)
        return {
            "may_keep": bool(keep.at_most_s),
            "kept_until": moment(until) if until else "",
            "idle_hours": f"{self.server_settings.idle_timeout_s / 3600:.3g}",
        }

    async def _copies(self, *, is_owner: bool) -> dict[str, Any]:
        """Return what the page says of copies, to the owner alone."""
        if not is_owner:
            return {"waiting": [], "changed": []}
        overview = await self.services.copies.overview()
        taken = await asyncio.to_thread(self.services.taken.all)
        changed = [row for row in copies.taken_rows(overview, taken) if row.changed]
        return {"waiting": copies.waiting_rows(overview, time.time()), "changed": changed}

    async def _team_parts(self) -> list[TeamPart]:
        known = await self.services.team.current()
        return await asyncio.to_thread(list_parts, self.server_settings, known, time.time())

    def _gather(self) -> Content:
        home = self.services.home
        return gather(
            self.server_settings,
            home.start_directory(),
            home.copied,
            now=time.time(),
            views=self.views.choices(),
        )


class PageFile(HomePage):
    """The page's stylesheet and script. Their addresses change with their content."""

    async def get(self, name: str) -> None:
        """Send a file."""
        self._check_admitted()
        self.set_header("Content-Type", f"{_TYPES[name]}; charset=utf-8")
        self.set_header("Cache-Control", FOR_EVER)
        self.finish(file_content(name, self.server_settings.team_colour))

    head = get


class StopNotebook(HomePage):
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


class RestoreOriginal(HomePage):
    """The button that brings the original of an edited or deleted notebook back."""

    SUPPORTED_METHODS = ("POST",)

    async def post(self) -> None:
        """Restore a notebook."""
        self._check_admitted()
        settings, path = self.server_settings, self._field("notebook")
        await self._check_room("Not restored")
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


def disk_is_full(refused: str) -> web.HTTPError:
    """Return the error about something that was not done because the user's disk is full.

    Args:
        refused: what was not done, as the beginning of a sentence.
    """
    reason = f"{refused}: your disk is full. Delete files that you no longer need, then try"
    return web.HTTPError(507, reason=reason)


def _source(url: str) -> str:
    """Return where the team's logo may come from, as a content policy names it."""
    return url if "://" in url else ("'self'" if url else "")


def _state(ready: bool, failing: bool) -> str:
    if ready:
        return "ready"
    return "failing" if failing else "starting"
