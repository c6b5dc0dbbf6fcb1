"""The page "People and editors", the page of one person, and their buttons."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.user import User
from jupyterhub.utils import maybe_future, url_path_join
from mosshub_contract.team_messages import MAX_CHARS
from sqlalchemy.orm import selectinload
from tornado import web

from hub.admin.actions import ACTIONS, SAID
from hub.admin.details import gather_details
from hub.admin.messages import MessageStore
from hub.admin.people import SORT_KEYS, Person, arrange, describe, server_of
from hub.admin.usage import UsageMonitor
from hub.settings import Settings
from hub.signin.blocked import BlockedUsers

_COLUMNS = {
    "name": "Name",
    "state": "Editor",
    "running": "Running for",
    "idle": "Idle for",
    "memory": "Memory",
    "processors": "Processors",
    "disk": "Disk",
    "apps": "Apps",
    "image": "Image",
}


@dataclass(frozen=True)
class Parts:
    """What the handlers use.

    Attributes:
        settings: the platform's settings.
        messages: what admins tell users.
        blocked: the users who are blocked.
        monitor: measures the servers.
        count_apps: tells how many apps a user has published, by the user's name.
    """

    settings: Settings
    messages: MessageStore
    blocked: BlockedUsers
    monitor: UsageMonitor
    count_apps: Callable[[str], int]

    def __deepcopy__(self, memo: dict) -> "Parts":
        """Return these: traitlets copies what is configured."""
        return self


def admins_only(method: Callable) -> Callable:
    """Let in who may do all of this in JupyterHub's panel, too: admins."""
    for scope in ("admin-ui", "admin:users", "admin:servers"):
        method = needs_scope(scope)(method)
    return method


class AdminHandler(BaseHandler):
    """A request to one of these pages."""

    def initialize(self, parts: Parts) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        self.parts = parts

    async def people(self) -> list[Person]:
        """Return a row for each user, in one pass."""
        found = self.db.query(orm.User).options(selectinload(orm.User._orm_spawners))
        users = [self.users[user] for user in found]
        servers = [server for user in users if (server := server_of(user)) and server.ready]
        usage = await self.parts.monitor.usage(servers)
        blocked = self.parts.blocked.names()
        count = self.parts.count_apps
        return [describe(user, usage, blocked, count(user.name)) for user in users]

    def known_user(self, name: str) -> User:
        """Return a user by name.

        Raises:
            HTTPError: 404, there is none.
        """
        user = self.find_user(name)
        if user is None:
            raise web.HTTPError(404, f"There is nobody with the name {name}.")
        return user

    def page_url(self, *parts: str, **query: str) -> str:
        """Return the address of one of these pages."""
        address = url_path_join(self.hub.base_url, "mosshub", "admin", *parts)
        return f"{address}?{urlencode(query)}" if query else address

    def said(self) -> str:
        """Return what the button that was pressed last did, as a sentence."""
        sentence = SAID.get(self.get_query_argument("said", ""), "")
        return sentence.format(name=self.get_query_argument("about", "")[:255])

    async def show(self, template: str, **values: Any) -> None:
        """Send a page."""
        self.set_header("Cache-Control", "no-store")
        values |= {"page_url": self.page_url, "said": self.said(), "max_chars": MAX_CHARS}
        # `render_template` is a coroutine here; JupyterHub's type says either.
        self.finish(await maybe_future(self.render_template(template, **values)))


class AdminPage(AdminHandler):
    """The table of all people."""

    @web.authenticated
    @admins_only
    async def get(self) -> None:
        column = self.get_query_argument("sort", "state")
        if column not in SORT_KEYS:
            column = "state"
        descending = self.get_query_argument("order", "") == "desc"
        text = self.get_query_argument("q", "")
        people = await self.people()
        rows = arrange(people, column=column, descending=descending, text=text)
        await self.show(
            "people.html",
            columns=self._columns(column, descending, text),
            people=rows,
            total=len(people),
            running=sum(person.state == "running" for person in people),
            limit=self.parts.settings.active_server_limit,
            sort={"sort": column, "order": "desc" if descending else "asc"},
            sought=text,
            message=self.parts.messages.to_all,
        )

    def _columns(self, column: str, descending: bool, text: str) -> list[dict[str, str]]:
        """Return name, title, address and direction of each column's heading."""
        columns = []
        for name, title in _COLUMNS.items():
            if name == "image" and self.parts.settings.servers == "processes":
                continue
            here = name == column
            order = "asc" if here and descending else ("desc" if here else "asc")
            query = {"sort": name, "order": order} | ({"q": text} if text else {})
            direction = ("descending" if descending else "ascending") if here else ""
            columns.append(
                {"name": name, "title": title, "url": self.page_url(**query), "sorted": direction}
            )
        return columns


class PeopleAsJson(AdminHandler):
    """What changes in the table, for its script."""

    @admins_only
    async def get(self) -> None:
        people = await self.people()
        self.set_header("Cache-Control", "no-store")
        self.write(
            {
                "running": sum(person.state == "running" for person in people),
                "total": len(people),
                "people": {
                    person.name: {
                        "state": person.state,
                        "blocked": person.is_blocked,
                        "share": person.memory_share(),
                        "cells": person.cells(),
                    }
                    for person in people
                },
            }
        )


class PersonPage(AdminHandler):
    """One person: everything about their editor and their account."""

    @web.authenticated
    @admins_only
    async def get(self, user_name: str) -> None:
        user = self.known_user(user_name)
        people = {person.name: person for person in await self.people()}
        await self.show(
            "person.html",
            person=people[user.name],
            details=await gather_details(user, self.authenticator),
            message=self.parts.messages.to_user(user.name),
            is_self=user.name == self.current_user.name,
        )


class PersonAction(AdminHandler):
    """A button that does something to one person."""

    @web.authenticated
    @admins_only
    async def post(self, user_name: str, action: str) -> None:
        user = self.known_user(user_name)
        path = user.escaped_name
        done = await ACTIONS[action](self, user)
        stays = self.get_body_argument("from", "") == "person" and action != "remove"
        place = ("people", path) if stays else ()
        self.redirect(self.page_url(*place, said=done, about=user_name), status=303)


class TeamMessageAction(AdminHandler):
    """The button that tells everybody something, or takes it back."""

    @web.authenticated
    @admins_only
    async def post(self) -> None:
        text = self.get_body_argument("text", "")
        self.parts.messages.send(text)
        done = "told-all" if text.strip() else "untold-all"
        self.redirect(self.page_url(said=done), status=303)
