"""The page of a notebook's versions, and the button that brings one back."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from pathlib import Path
from typing import Any

from mosshub_contract.files import write_atomically
from tornado import web

from ..copies.policy import own_origin, policy_of_outputs
from ..frame.small_files import read_end
from ..home.repairs import is_no_room
from ..proxy.own_page import OWN
from ..proxy.services import Services
from ..settings import Settings
from ..start_page.handlers import HomePage, disk_is_full
from ..start_page.marimo_api import MarimoSilent
from ..team.places import leads_outside, shown_name, team_part
from .page import render_all, render_one
from .store import MAX_NOTEBOOK_BYTES, History, Version


def history_file(settings: Settings) -> Path:
    """Return where a user's versions are."""
    return settings.state / "history.sqlite"


class HistoryPage(HomePage):
    """What differs between a version and the notebook as it is now; without one, all notebooks."""

    async def get(self) -> None:
        """Show the page."""
        self._check_admitted()
        try:
            page = await asyncio.to_thread(self._render)
        except sqlite3.Error as error:
            reason = (
                f"Earlier versions cannot be read ({error}). Your notebooks are as they are."
                " Delete ~/.local/share/mosshub/history.sqlite to have versions again"
            )
            raise web.HTTPError(409, reason=reason) from None
        self._show(page, policy_of_outputs(self.server_settings, own_origin(self.request)))

    head = get

    def _render(self) -> bytes:
        settings = self.server_settings
        history = History(history_file(settings))
        viewer = self._hub_auth_user_cache["name"]
        if not (notebook := self.get_query_argument("file", "")):
            return render_all(settings, viewer, history.newest())
        if not (versions := history.versions(notebook)):
            raise web.HTTPError(404, reason="This notebook has no earlier versions yet")
        chosen = self.get_query_argument("version", str(versions[0].id))
        found = history.read(int(chosen)) if re.fullmatch(r"[0-9]{1,18}", chosen) else None
        if found is None or found[0].notebook != notebook:
            raise web.HTTPError(404, reason="This version is gone: the oldest are deleted")
        return render_one(settings, viewer, history, versions, *found)


class BringBack(HomePage):
    """The button that makes a version the notebook."""

    SUPPORTED_METHODS = ("POST",)

    async def post(self) -> None:
        """Write a version over the notebook, which stays as a version itself."""
        self._check_admitted()
        number = self._field("version")
        history = History(history_file(self.server_settings))
        found = None
        with contextlib.suppress(sqlite3.Error):
            if re.fullmatch(r"[0-9]{1,18}", number):
                found = await asyncio.to_thread(history.read, int(number))
        if found is None:
            raise web.HTTPError(404, reason="This version is gone: the oldest are deleted")
        version, text = found
        await self._check_room_for(version)
        try:
            # An editor that is open would save what it shows again.
            await self.marimo_api.stop_notebook(version.notebook)
            await asyncio.to_thread(bring_back, self.server_settings, history, version, text)
        except MarimoSilent:
            reason = "Not brought back: the notebook runs and could not be stopped. Try again"
            raise web.HTTPError(503, reason=reason) from None
        except OSError as error:
            if is_no_room(error):
                raise disk_is_full("Not brought back") from None
            raise web.HTTPError(409, reason=f"Not brought back ({error.strerror})") from None
        name = shown_name(self.server_settings, version.notebook)
        self._go_home(f"{name} is as it was. What it was just now is in its history.")

    async def _check_room_for(self, version: Version) -> None:
        """Check that there is room for a version where its notebook is.

        Raises:
            web.HTTPError: 507, the user's disk or the team's folder is full.
        """
        if not team_part(self.server_settings, version.notebook):
            await self._check_room("Not brought back")
        elif await asyncio.to_thread(self.services.team_disk.is_full):
            reason = "Not brought back: the team's folder is full. Delete files there, then try"
            raise web.HTTPError(507, reason=reason)


def bring_back(settings: Settings, history: History, version: Version, text: str) -> None:
    """Write a version over its notebook.

    Raises:
        OSError: it cannot be written.
    """
    file = settings.notebooks / version.notebook
    if part := team_part(settings, version.notebook):
        if not part.writable:
            raise web.HTTPError(403, reason=f"Only members of {part.title} write there")
        if leads_outside(settings.team_directory or "", file):
            raise web.HTTPError(
                409, reason="Not brought back: a link leads out of the team's folder"
            )
    elif Path(version.notebook).is_absolute() or ".." in Path(version.notebook).parts:
        # The file of versions is the user's own.
        raise web.HTTPError(404, reason="This version is of no notebook of this editor")
    if file.is_file() and file.stat().st_mtime > version.at:
        with contextlib.suppress(sqlite3.Error):
            present = read_end(file, MAX_NOTEBOOK_BYTES)
            history.keep(version.notebook, present, file.stat().st_mtime)
    write_atomically(file, text)


def rules(services: Services, parts: dict[str, Any]) -> list[tuple]:
    """Return the rules of this room; they go before the rule for marimo.

    Args:
        services: what all handlers share.
        parts: what the handlers of the start page share.
    """
    own = re.escape(services.settings.base_url + OWN)
    return [(rf"{own}history", HistoryPage, parts), (rf"{own}bring-back", BringBack, parts)]
