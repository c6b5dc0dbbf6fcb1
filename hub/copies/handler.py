"""The routes by which users' servers give copies, list them and take them."""

import json
from dataclasses import asdict, replace
from typing import Any

from jupyterhub.user import User
from mosshub_contract.copies import Audience, copy_from_json
from tornado import web

from hub.copies.access import may_have, waits_for
from hub.copies.store import CopyStore, Kept, NoRoom
from hub.own_server import OwnServerHandler

_MOST_TAKEN = 500


class _Copies(OwnServerHandler):
    """What both routes share."""

    def initialize(self, store: CopyStore) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        self.store = store
        self._since: dict[str, str] = {}  # of authors, by name; empty for one who is gone

    def is_authors(self, kept: Kept) -> bool:
        """Return whether the user who gave a copy is still there, not a later one of that name."""
        name = kept.listed.author
        if name not in self._since:
            author = self.find_user(name)
            self._since[name] = _since(author) if author is not None else ""
        return self._since[name] == kept.since

    def send(self, value: Any) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(value))


class CopiesHandler(_Copies):
    """All copies that concern the user whose server asks."""

    async def get(self) -> None:
        """List what the user gives, what waits for them, and how the ones are that they took."""
        user = self.owner()
        groups, dismissed = _groups(user), self.store.dismissed_by(user.name)
        taken = self.get_query_argument("taken", "").split(",")[:_MOST_TAKEN]
        found: dict[str, list[dict]] = {"given": [], "waiting": [], "taken": []}
        for kept in self.store.all():
            copy = kept.listed
            if not self.is_authors(kept):
                continue
            theirs = asdict(replace(copy, audience=Audience()))
            if copy.author == user.name:
                found["given"].append(asdict(copy))
            elif waits_for(copy.audience, user.name, groups) and copy.id not in dismissed:
                found["waiting"].append(theirs)
            if copy.id in taken and may_have(copy, user.name, groups):
                found["taken"].append(theirs)
        self.send(found)

    async def post(self) -> None:
        """Keep a copy that the user gives."""
        user = self.owner()
        try:
            copy = copy_from_json(self.request.body)
        except ValueError as error:
            raise web.HTTPError(400, f"This is no copy of a notebook: {error}.") from None
        if unknown := [name for name in copy.audience.users if self.find_user(name) is None]:
            raise web.HTTPError(404, f"There is nobody with the name {unknown[0][:80]}.")
        if foreign := set(copy.audience.groups) - set(_groups(user)):
            raise web.HTTPError(403, f"You are in no group {min(foreign)[:80]}.")
        try:
            self.send(asdict(self.store.add(user.name, _since(user), copy)))
        except NoRoom as error:
            raise web.HTTPError(409, str(error)) from None


class CopyHandler(_Copies):
    """One copy."""

    def kept(self, user: User, id_: str) -> tuple[Kept, str]:
        """Return a copy that the user may have.

        Raises:
            HTTPError: 404, there is none; whoever may not have it learns no more.
        """
        found = self.store.find(id_)
        if (
            found is None
            or not self.is_authors(found[0])
            or not may_have(found[0].listed, user.name, _groups(user))
        ):
            raise web.HTTPError(404, "This copy is not for you, or its author took it back.")
        return found

    async def get(self, id_: str) -> None:
        """Send the copy: its code, and its outputs for those who look at it."""
        kept, content = self.kept(self.owner(), id_)
        about = asdict(replace(kept.listed, audience=Audience()))
        self.send({"about": about, **json.loads(content)})

    async def post(self, id_: str) -> None:
        """Dismiss the copy; or, by its author's server, say how the original is now."""
        user = self.owner()
        kept, _ = self.kept(user, id_)
        if kept.listed.author != user.name:
            self.store.dismiss(id_, user.name)
        else:
            self.store.note_original(id_, self.request.body.decode("ascii", "replace")[:64])
        self.set_status(204)

    async def delete(self, id_: str) -> None:
        """Take the copy back."""
        user = self.owner()
        kept, _ = self.kept(user, id_)
        if kept.listed.author != user.name:
            raise web.HTTPError(403, "Only its author may take it back.")
        self.store.remove(id_)
        self.set_status(204)


def _groups(user: User) -> list[str]:
    return [group.name for group in user.orm_user.groups]


def _since(user: User) -> str:
    return str(user.orm_user.created)
