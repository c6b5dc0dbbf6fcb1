"""The page of all apps, the address of each, and the buttons."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.spawner import Spawner
from jupyterhub.user import User
from jupyterhub.utils import maybe_future, url_path_join
from mosshub_contract.apps import card_from_json, parse_names, server_name
from mosshub_contract.snapshots import BadSnapshot
from tornado import web

from hub.admin.people import state_of
from hub.apps import servers, shares
from hub.apps.named_servers import PATH
from hub.apps.parts import NO_SHARING, Parts
from hub.apps.rows import Row, arrange, describe
from hub.apps.store import App
from hub.pages.errors import failure_words
from hub.server_status.reasons import Reason

_SAID = {
    "audience": "Who may open {title} is changed. Others lose it at once.",
    "stopped": "{title} is stopped. It starts again when somebody opens it.",
    "unpublished": "{title} is unpublished. Nobody can open it, and its snapshots are gone.",
    "rolled-back": "{title} shows an earlier snapshot.",
}
_REASONS_FOR_ALL = ("full", "engine", "maintenance")  # as `SpawnError` has them
_GONE = (
    "There is no app at this address. Its author may have unpublished it, or has left this "
    "platform."
)
_NOT_YOURS = (
    "{author} has not opened this app to you. Ask {author}, or somebody of a group that may."
)
_BLOCKED = "This app is stopped: its author, {author}, is blocked on this platform."


class AppsHandler(BaseHandler):
    """A request to one of these pages."""

    def initialize(self, parts: Parts) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        self.parts = parts

    def page_url(self, *parts: str, **query: str) -> str:
        """Return the address of one of these pages."""
        address = url_path_join(self.hub.base_url, PATH, *(quote(part, safe="") for part in parts))
        return f"{address}?{urlencode(query)}" if query else address

    def known_app(self, author: str, slug: str) -> tuple[User, App]:
        """Return an app that the user may open, and its author.

        Raises:
            HTTPError: there is none, or they may not.
        """
        app, user = self.parts.store.get(author, slug), self.find_user(author)
        if app is None or user is None:
            raise web.HTTPError(404, _GONE)
        if not self.parts.may_open(app, self.current_user):
            reason = _NOT_YOURS if self.parts.settings.subdomains else NO_SHARING
            raise web.HTTPError(403, reason.format(author=app.author))
        if app.author in self.parts.blocked.names():
            raise web.HTTPError(403, _BLOCKED.format(author=app.author))
        return user, app

    async def show(self, template: str, **values: Any) -> None:
        """Send a page."""
        self.set_header("Cache-Control", "no-store")
        # `render_template` is a coroutine here; JupyterHub's type says either.
        page = self.render_template(template, page_url=self.page_url, **values)
        self.finish(await maybe_future(page))


class AppsPage(AppsHandler):
    """The apps that a user may open, and those that they published."""

    @web.authenticated
    async def get(self) -> None:
        viewer, blocked = self.current_user, self.parts.blocked.names()
        visible = [
            app
            for app in self.parts.store.all()
            if self.parts.may_open(app, viewer) and app.author not in blocked
        ]
        text = self.get_query_argument("q", "")
        rows = arrange(await self._rows(visible), text)
        said = _SAID.get(self.get_query_argument("said", ""), "")
        await self.show(
            "apps.html",
            others=[row for row in rows if row.app.author != viewer.name],
            own=[row for row in rows if row.app.author == viewer.name],
            sought=text,
            total=len(visible),
            said=said.format(title=self.get_query_argument("about", "The app")[:80]),
            no_sharing="" if self.parts.settings.subdomains else NO_SHARING,
            is_admin=bool(viewer.admin),
        )

    async def _rows(self, apps: list[App]) -> list[Row]:
        found: dict[tuple[str, str], Spawner] = {}
        for app in apps:
            author = self.find_user(app.author)
            server = servers.server_of_app(author, app.slug) if author else None
            if server is not None:
                found[app.author, app.slug] = server
        usage = await self.parts.monitor.usage([one for one in found.values() if one.ready])
        return [describe(app, found.get((app.author, app.slug)), usage) for app in apps]


class OpenedApp(AppsHandler):
    """A request to open an app. Programs send a token of the app's author, as `make smoke` does."""

    _accept_token_auth = True

    def check_token(self, author: User) -> None:
        """Check that a token, if there is one, may access the servers of the app's author.

        Raises:
            HTTPError: 403, it may not.
        """
        if self.get_token() and not self.has_scope(f"access:servers!user={author.name}"):
            raise web.HTTPError(403, "This token does not open the app.")


class AppPage(OpenedApp):
    """The address of an app, which stays the same: it starts the app and leads there."""

    @web.authenticated
    async def get(self, author: str, slug: str) -> None:
        user, app = self.known_app(author, slug)
        self.check_token(user)
        server = servers.server_of_app(user, slug)
        failed = server is not None and server._failed and not server.active
        if not failed or self.get_query_argument("again", ""):
            server, failed = servers.begin(self, user, app), False
        if server is None:
            raise web.HTTPError(500)
        shares.grant(self.db, server.orm_spawner, self.current_user)
        self.parts.store.note_viewer(app, self.current_user.name)
        if server.ready:
            self.redirect(user.server_url(server.name))
            return
        kept = await asyncio.to_thread(self.parts.store.kept, app)
        why = self._why(app, server) if failed else ""
        await self.show("app_opens.html", app=app, kept=kept, is_failed=failed, why=why)

    def _why(self, app: App, server: Spawner) -> str:
        """Return why an app did not start; what it printed is for its author to see."""
        error = server._spawn_future.exception()
        is_told = self.current_user.name == app.author or self.current_user.admin
        if is_told or getattr(error, "reason", "") in _REASONS_FOR_ALL:
            return failure_words(error)
        return f"Tell its author, {app.author}."


class AppState(OpenedApp):
    """How far the start of an app is, for its page."""

    async def get(self, author: str, slug: str) -> None:
        if self.current_user is None:
            raise web.HTTPError(403)
        user, _ = self.known_app(author, slug)
        self.check_token(user)
        server = servers.server_of_app(user, slug)
        state = state_of(server) if server else "stopped"
        self.set_header("Cache-Control", "no-store")
        self.write({"state": state, "url": user.server_url(server_name(slug))})


class AppAction(AppsHandler):
    """A button of an app's author, or of an admin."""

    @web.authenticated
    async def post(self, author: str, slug: str, action: str) -> None:
        app, user = self.parts.store.get(author, slug), self.find_user(author)
        if app is None or user is None:
            raise web.HTTPError(404, _GONE)
        if not (self.current_user.name == app.author or self.current_user.admin):
            raise web.HTTPError(403, f"Only {app.author} or an admin may do this.")
        said = await ACTIONS[action](self, user, app)
        self.redirect(self.page_url(said=said, about=app.card.title), status=303)


async def _stop(handler: AppAction, author: User, app: App) -> str:
    is_own = handler.current_user.name == author.name
    await servers.stop(author, app.slug, Reason.USER if is_own else Reason.ADMIN)
    return "stopped"


async def _unpublish(handler: AppAction, author: User, app: App) -> str:
    await handler.parts.upkeep.unpublish(author, app)
    return "unpublished"


async def _roll_back(handler: AppAction, author: User, app: App) -> str:
    number = handler.get_body_argument("number", "")
    try:
        store = handler.parts.store
        shown = store.roll_back(app, int(number) if number.isdecimal() else 0)
    except (BadSnapshot, OSError) as error:
        raise web.HTTPError(409, str(error)) from None
    await handler.parts.upkeep.give_account(author, shown)
    await handler.parts.upkeep.show(author, app, shown)
    return "rolled-back"


async def _name_audience(handler: AppAction, author: User, app: App) -> str:
    """Change who may open an app; whoever may not any more loses it at once."""
    audience = parse_names(handler.get_body_argument("audience", "")) or (author.name,)
    try:
        card_from_json(replace(app.card, audience=audience).to_json())
        handler.parts.check_audience(handler.db, author.name, audience)
    except ValueError as error:
        raise web.HTTPError(409, str(error)) from None
    handler.parts.store.name_audience(app, audience)
    handler.parts.upkeep.revoke()
    return "audience"


#: By the last part of the button's address.
ACTIONS: dict[str, Callable[[AppAction, User, App], Awaitable[str]]] = {
    "audience": _name_audience,
    "stop": _stop,
    "unpublish": _unpublish,
    "roll-back": _roll_back,
}
