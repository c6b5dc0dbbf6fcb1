"""Looks after all apps, again and again: shares, idle servers, and servers without an app."""

import asyncio
import logging

from jupyterhub.app import JupyterHub
from jupyterhub.spawner import Spawner
from jupyterhub.user import User
from mosshub_contract.topics import named_prefix

from hub.accounts.acls import account_name
from hub.accounts.hooks import hub_user
from hub.apps import servers, shares
from hub.apps.example import Example
from hub.apps.store import App, AppStore
from hub.server_status.reasons import Reason
from hub.server_status.sign_outs import let_ask_again
from hub.signin.blocked import BlockedUsers

log = logging.getLogger("mosshub")

#: Seconds between two looks at all apps.
INTERVAL_S = 10.0


class Upkeep:
    """Keeps servers and shares as the store says.

    Args:
        store: the apps.
        blocked: the users who are blocked; their apps are stopped.
        idle_timeout_s: seconds after which an app stops that nobody looks at; 0 for never.
        example: the first app of a platform.
    """

    def __init__(
        self, store: AppStore, blocked: BlockedUsers, idle_timeout_s: float, example: Example
    ) -> None:
        self._store, self._blocked = store, blocked
        self._idle_timeout_s, self._example = idle_timeout_s, example
        self._task: asyncio.Task | None = None

    def __deepcopy__(self, memo: dict) -> "Upkeep":
        """Return this: traitlets copies what is configured."""
        return self

    def begin(self) -> None:
        """Begin to look after the apps; this needs a running event loop."""
        self._task = self._task or asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while True:
            try:
                hub = JupyterHub.instance()
                if app := self._example.publish(hub.db):
                    await self.give_account(hub.users[app.author], app)
            except Exception:
                log.exception("The example could not be published")
            await asyncio.sleep(INTERVAL_S)
            try:
                await self.look_after_all()
            except Exception:
                log.exception("The apps could not be looked after")

    async def look_after_all(self) -> None:
        """Revoke shares, and stop servers that nobody uses or that have no app."""
        self.revoke()
        hub, blocked = JupyterHub.instance(), self._blocked.names()
        for author in [user for user in hub.users.values() if isinstance(user, User)]:
            for slug, server in servers.app_servers(author).items():
                if self._store.get(author.name, slug) is None:
                    await servers.remove(author, slug)
                elif author.name in blocked:
                    await self._end_of_blocked(author, slug, server)
                elif server.ready and 0 < self._idle_timeout_s < servers.idle_s(server):
                    await servers.stop(author, slug, Reason.IDLE)

    def revoke(self) -> None:
        """Revoke shares of those who may not open an app any more; open pages learn it at once."""
        hub = JupyterHub.instance()
        for author, slug in shares.revoke_outdated(hub.db, self._store, self._blocked.names()):
            self.tell(hub.users.get(author), slug)

    def tell(self, author: User | None, slug: str) -> None:
        """Let the server of an app ask the hub again: who may use it, and for a new snapshot."""
        server = servers.server_of_app(author, slug) if author else None
        if server and server.ready and server.server:
            let_ask_again(server.server.url)

    async def show(self, author: User, before: App | None, app: App) -> None:
        """Let the server of an app show another snapshot.

        Args:
            author: who published the app.
            before: the app as it was; None if it is new.
            app: the app as it is.
        """
        if before and _runs_with(before) != _runs_with(app):
            await servers.stop(author, app.slug, Reason.USER)
        else:
            self.tell(author, app.slug)

    async def give_account(self, author: User, app: App) -> None:
        """Complete the broker account of an app, at the latest when the broker is back."""
        if reconciler := getattr(JupyterHub.instance().authenticator, "reconciler", None):
            account = reconciler.app_account(hub_user(author), app.slug)
            if account:
                await reconciler.ensure_account(account)

    async def unpublish(self, author: User, app: App) -> None:
        """Forget an app, and stop its server; open pages learn it at once."""
        self._store.remove(app)
        self.revoke()
        await servers.remove(author, app.slug)
        await _delete_account(app.author, app.slug)

    async def stop_all(self, author: User) -> bool:
        """Stop the servers of a user's apps; return whether all have ended."""
        for slug in servers.app_servers(author):
            await servers.stop(author, slug, Reason.ADMIN)
        return not any(server.active for server in servers.app_servers(author).values())

    async def unpublish_all(self, author: User) -> None:
        """Forget the apps of a user who is removed, and take them out of all audiences."""
        for app in self._store.of(author.name):
            await self.unpublish(author, app)
        self._store.forget_user(author.name)
        self.revoke()

    async def _end_of_blocked(self, author: User, slug: str, server: Spawner) -> None:
        if server.active:
            await servers.stop(author, slug, Reason.ADMIN)
            await _delete_account(author.name, slug)


def _runs_with(app: App) -> tuple[str, str, bool]:
    """Return what asks for a new start if it changes.

    A server gets the file and the prefix of its topics at its start. Who has signed in to it is
    asked again after a start whether the app's code may know them.
    """
    return app.card.notebook, named_prefix(app.card.topics), app.card.tells_viewer


async def _delete_account(author: str, slug: str) -> None:
    if reconciler := getattr(JupyterHub.instance().authenticator, "reconciler", None):
        await reconciler.delete_account(account_name(author, slug))
