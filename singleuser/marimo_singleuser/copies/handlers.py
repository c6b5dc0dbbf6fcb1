"""The pages of copies, and their buttons. They are for the owner of this server alone."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any
from urllib.parse import parse_qs

from tornado import web

from ..home.repairs import is_no_room
from ..proxy.own_page import OWN
from ..proxy.services import Services
from ..start_page.handlers import HomePage, disk_is_full
from ..start_page.page import shared_values, template
from . import listing
from .bundle import NotCopied, make_copy, read_notebook
from .hub import Refused, audience
from .policy import own_origin, policy_of_outputs


class CopiesPage(HomePage):
    """What these pages share."""

    def _check_owner(self) -> None:
        """Refuse everybody but the owner of this server.

        Raises:
            web.HTTPError: 403, somebody else asks.
        """
        self._check_admitted()
        owner = self.server_settings.user
        if self._hub_auth_user_cache["name"] != owner:
            raise web.HTTPError(403, reason=f"Copies are for {owner} alone")

    def _optional(self, name: str) -> str:
        """Return a field of the form that was sent; empty if it was left empty."""
        return parse_qs(self._body.decode("utf-8", "replace")).get(name, [""])[0]

    def _render(self, name: str, **values: Any) -> None:
        settings = self.server_settings
        page = template(name).generate(**shared_values(settings, settings.user), **values)
        self._show(page, policy_of_outputs(settings, self._origin()))

    def _origin(self) -> str:
        """Return scheme and host of this page as the browser has them."""
        return own_origin(self.request)

    def _link(self, id_: str) -> str:
        return listing.link_to(self.server_settings.hub_url, self._origin(), id_)


class Copies(CopiesPage):
    """What the user gives and took, and the form by which a notebook is given."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST")

    async def get(self) -> None:
        """Show the page."""
        self._check_owner()
        notebook = self.get_query_argument("file", "")
        settings = self.server_settings
        if notebook:
            try:
                await asyncio.to_thread(read_notebook, settings.notebooks, notebook)
            except NotCopied as error:
                raise web.HTTPError(404, reason=str(error)) from None
        overview = await self.services.copies.overview(now=True)
        taken = await asyncio.to_thread(self.services.taken.all)
        now = time.time()
        self._render(
            "copies.html",
            notebook=notebook,
            said=self.report.take(),
            given=listing.given_rows(overview, now),
            taken=listing.taken_rows(overview, taken),
            link=self._link,
        )

    head = get

    async def post(self) -> None:
        """Give a copy of a notebook as it is now."""
        self._check_owner()
        to = audience(
            self._optional("users"), self._optional("groups"), link=bool(self._optional("link"))
        )
        if not (to.users or to.groups or to.link):
            raise web.HTTPError(400, reason="Say who may have the copy. Go back and name somebody")
        notebook = self._field("notebook")
        try:
            copy = await asyncio.to_thread(make_copy, self.server_settings.notebooks, notebook, to)
            given = await self.services.copies.give(copy)
        except NotCopied as error:
            raise web.HTTPError(404, reason=str(error)) from None
        except Refused as error:
            raise _error(error) from None
        who = listing.audience_words(given.audience)
        self.report.sentence = f"A copy of {notebook} is given to: {who}."
        self.redirect(f"{self.server_settings.base_url}{OWN}copies", status=303)


class OneCopy(CopiesPage):
    """A copy as its reader sees it: the code and the saved outputs, without a script."""

    async def get(self) -> None:
        """Show the page."""
        self._check_owner()
        try:
            found = await self.services.copies.find(self.get_query_argument("id", ""))
        except Refused as error:
            raise _error(error) from None
        taken = await asyncio.to_thread(self.services.taken.all)
        self._render(
            "copy.html",
            about=found.about,
            when=listing.time_ago(found.about.at, time.time()),
            cells=found.copy.cells,
            frame=listing.frame,
            mine=[one.path for one in taken if one.id == found.about.id],
        )

    head = get


class CopyButton(CopiesPage):
    """The buttons beside a copy."""

    SUPPORTED_METHODS = ("POST",)

    async def post(self, action: str) -> None:
        """Do what the button says."""
        self._check_owner()
        id_ = self._field("id")
        if not re.fullmatch("[0-9a-f]{32}", id_):
            raise web.HTTPError(400, reason="This form is not complete. Go back and try once more")
        copies = self.services.copies
        try:
            if action == "take":
                said = await self._take(id_)
            elif action == "dismiss":
                await copies.dismiss(id_)
                said = "The copy waits no longer. Its author may give it again."
            else:
                await copies.take_back(id_)
                said = "The copy is taken back. What others made theirs stays theirs."
        except Refused as error:
            raise _error(error) from None
        await copies.overview(now=True)
        self._go_home(said)

    async def _take(self, id_: str) -> str:
        """Write the code of a copy as a new notebook, and say so."""
        await self._check_room("Not copied")
        found = await self.services.copies.find(id_)
        try:
            path = await asyncio.to_thread(self.services.taken.take, found.about, found.copy.text)
        except OSError as error:
            if is_no_room(error):
                raise disk_is_full("Not copied") from None
            raise web.HTTPError(409, reason=f"Not copied ({error.strerror})") from None
        if found.about.author != self.server_settings.user:
            await self.services.copies.dismiss(id_)
        return f"{path} is yours: the code of {found.about.author}'s notebook, without its outputs."


def _error(refused: Refused) -> web.HTTPError:
    said = re.sub(r"[\r\n]+", " ", str(refused)).rstrip(".")
    return web.HTTPError(refused.status, reason=said)


def rules(services: Services, parts: dict[str, Any]) -> list[tuple]:
    """Return the rules of this room; they go before the rule for marimo.

    Args:
        services: what all handlers share.
        parts: what the handlers of the start page share.
    """
    own = re.escape(services.settings.base_url + OWN)
    return [
        (rf"{own}copies", Copies, parts),
        (rf"{own}copy", OneCopy, parts),
        (rf"{own}copy-(take|dismiss|back)", CopyButton, parts),
    ]
