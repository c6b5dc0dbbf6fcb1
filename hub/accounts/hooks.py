"""Where JupyterHub meets the accounts: an authenticator that also looks after them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from jupyterhub import orm
from jupyterhub.auth import Authenticator
from jupyterhub.user import User
from jupyterhub.utils import maybe_future
from mosshub_contract.apps import slug_of_server
from mosshub_contract.broker_account import API_PATH, BrokerAccount
from tornado import web

from hub.accounts.reconciler import AccountReconciler, HubUser
from hub.own_server import OwnServerHandler

BROKER_AWAY = (
    "The broker is away. Your editor starts without it. "
    "Streaming works as soon as the broker is back."
)


def hub_user(user: User | orm.User, *, active: bool | None = None) -> HubUser:
    """Return what a user's account depends on.

    Args:
        user: the user, as JupyterHub knows them.
        active: whether a server of theirs runs or starts; by default as the hub's database says.
    """
    if active is None:
        active = any(s.server is not None for s in user.orm_spawners.values())
    since = user.created.isoformat() if user.created else ""
    return HubUser(user.name, since, frozenset(g.name for g in user.groups), active)


class AccountHandler(OwnServerHandler):
    """Tells a user's editor that user's broker account, and an app's server the app's."""

    def initialize(self, reconciler: AccountReconciler, way: Mapping[str, Any]) -> None:
        self.reconciler, self.way = reconciler, way

    async def get(self) -> None:
        user, server = self.server()
        owner = hub_user(user, active=True)
        if server:
            app = self.reconciler.app_account(owner, slug_of_server(server))
            if app is None:
                raise web.HTTPError(403, "This server runs no app.")
            account, complete = app, await self.reconciler.ensure_account(app)
        else:
            complete = await self.reconciler.ensure(owner)
            account = self.reconciler.account(owner)
        away = not complete or bool(self.reconciler.broker_error)
        self.set_header("Cache-Control", "no-store")
        self.write(BrokerAccount(account.name, account.password, away=away, **self.way).to_json())


class _AccountHooks(Authenticator):
    """Mixed in before the class of the sign-in by `with_accounts`."""

    reconciler: AccountReconciler
    way: Mapping[str, Any]
    _revoking: set[asyncio.Task]

    def get_handlers(self, app):
        """Add the route of accounts, and begin to check the broker."""
        self._revoking = set()
        self.reconciler.watch()
        parts = {"reconciler": self.reconciler, "way": self.way}
        route = (rf"/api{API_PATH}", AccountHandler, parts)
        return [*super().get_handlers(app), route]

    async def pre_spawn_start(self, user, spawner):
        """Complete the user's account. A broker that is away stops no start."""
        complete = await self.reconciler.ensure(hub_user(user, active=True))
        spawner.broker_note = "" if complete else BROKER_AWAY
        await maybe_future(super().pre_spawn_start(user, spawner))

    async def refresh_user(self, user, handler=None, **kwargs):
        """Revoke the account of a user whom the provider no longer allows."""
        refreshed = await super().refresh_user(user, handler, **kwargs)
        if refreshed is False and self.auth_refresh_strict:
            # Not awaited: the broker may be away.
            task = asyncio.create_task(self.reconciler.revoke(user.name))
            self._revoking.add(task)
            task.add_done_callback(self._revoking.discard)
        return refreshed

    async def delete_user(self, user):
        """Revoke the account of a user who is removed."""
        await self.reconciler.revoke(user.name)
        await maybe_future(super().delete_user(user))


def with_accounts(
    base: type[Authenticator], reconciler: AccountReconciler, way: Mapping[str, Any] | None = None
) -> type[Authenticator]:
    """Return the sign-in's class with the hooks that concern accounts.

    Args:
        base: the class of the sign-in.
        reconciler: the platform's reconciler.
        way: how users' clients reach the broker, if not that of this platform.
    """
    parts = {"reconciler": reconciler, "way": way or {}}
    return type(base.__name__, (_AccountHooks, base), parts)
