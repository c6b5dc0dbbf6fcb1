"""The page on which a user publishes a notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from mosshub_contract.amounts import amount
from mosshub_contract.apps import EVERYBODY, AppCard, parse_names, slug_of
from mosshub_contract.snapshots import BadSnapshot
from tornado import web

from ..proxy.own_page import OWN
from ..proxy.services import Services
from ..start_page.describe import describe
from ..start_page.handlers import HomePage
from ..start_page.page import shared_values, template
from .collect import Candidate, candidates, connects
from .hub_apps import NotPublished
from .publisher import Publisher

_MAX_SHOWN_FILES = 60


class PublishPage(HomePage):
    """The form, and its button. Only the owner publishes."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST")

    def initialize(self, publisher: Publisher, **parts: Any) -> None:  # type: ignore[override]
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(**parts)
        self._publisher = publisher

    async def get(self) -> None:
        """Show the form."""
        notebook = self._notebook(self.get_query_argument("file", ""))
        await self._show_form(notebook)

    head = get

    async def post(self) -> None:
        """Publish, and say where the app is; or say what is wrong, above the form."""
        fields = parse_qs(self._body.decode("utf-8", "replace"))

        def one(name: str) -> str:
            return fields.get(name, [""])[0].strip()

        notebook = self._notebook(one("notebook"))
        audience = (EVERYBODY,) if one("everybody") else parse_names(one("audience"))
        card = AppCard(
            slug=one("slug") or slug_of(one("title")),
            title=one("title"),
            notebook=notebook.name,
            audience=audience or (self.server_settings.user,),
            topics=parse_names(one("topics")),
            tells_viewer=bool(one("tells")),
            is_following=bool(one("follows")),
        )
        try:
            app = await self._publisher.publish(notebook, card, fields.get("files", []))
        except (BadSnapshot, NotPublished, OSError) as error:
            self.set_status(400)
            await self._show_form(notebook, problem=str(error), filled=card)
            return
        await self._show_form(notebook, published=app)

    def _notebook(self, name: str) -> Path:
        """Return the notebook that the page is about.

        Raises:
            web.HTTPError: there is none, or somebody else asks.
        """
        self._check_admitted()
        owner = self.server_settings.user
        if self._hub_auth_user_cache["name"] != owner:
            raise web.HTTPError(403, reason=f"Only {owner} publishes notebooks of this editor")
        try:
            return self._publisher.notebook_at(name)
        except BadSnapshot as error:
            raise web.HTTPError(404, reason=str(error).rstrip(".")) from None

    async def _show_form(
        self,
        notebook: Path,
        *,
        problem: str = "",
        filled: AppCard | None = None,
        published: dict[str, Any] | None = None,
    ) -> None:
        settings = self.server_settings
        try:
            hub = await self._publisher.hub.published()
            beside = candidates(notebook)
        except (NotPublished, BadSnapshot) as error:
            raise web.HTTPError(503, reason=str(error).rstrip(".")) from None
        earlier = next((app for app in hub.apps if app["notebook"] == notebook.name), None)
        self._show(
            template("publish.html").generate(
                **shared_values(settings, settings.user),
                notebook=notebook.name,
                path=str(notebook),
                files=[_file(one) for one in beside[:_MAX_SHOWN_FILES]],
                hub=hub,
                app=_values(filled, earlier, describe(notebook).title),
                earlier=earlier,
                connects=connects(notebook),
                topic_prefix=settings.topic_prefix,
                problem=problem,
                published=published,
            )
        )


def _values(filled: AppCard | None, earlier: dict[str, Any] | None, title: str) -> dict[str, Any]:
    """Return what the form holds: what was sent, what the app has, or the notebook's own title."""
    if filled:
        found: dict[str, Any] = {**filled.__dict__}
    else:
        found = earlier or {"slug": "", "title": title, "audience": [], "topics": []}
    audience = list(found["audience"])
    return {
        "slug": found["slug"],
        "title": found["title"],
        "everybody": EVERYBODY in audience,
        "audience": ", ".join(name for name in audience if name != EVERYBODY),
        "topics": ", ".join(found["topics"]),
        "tells": found.get("tells_viewer", False),
        "follows": found.get("is_following", False),
    }


def _file(one: Candidate) -> dict[str, Any]:
    return {
        "name": one.name,
        "size": amount(one.size, None) if one.size >= 2**20 else f"{one.size / 1024:.0f} KB",
        "is_named": one.is_named,
    }


def rules(services: Services, publisher: Publisher, parts: dict[str, Any]) -> list[tuple]:
    """Return the rules of this room; they go before the rule for marimo.

    Args:
        services: what all handlers share.
        publisher: publishes the user's notebooks.
        parts: what the handlers of the start page share.
    """
    own = re.escape(services.settings.base_url + OWN)
    return [(rf"{own}publish", PublishPage, {**parts, "publisher": publisher})]
