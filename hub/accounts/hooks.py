"""Where JupyterHub meets the accounts: sign-in's class with a few moments more."""

import asyncio

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.auth import Authenticator
from jupyterhub.user import User
from jupyterhub.utils import maybe_future
from tornado import web

from hub.accounts.reconciler import Keeper, Person

AWAY = "The broker is away. Your editor starts without it; streaming works as soon as it is back."


def person(user: User | orm.User, *, active: bool | None = None) -> Person:
    """Return what of a user of the hub makes their account."""
    if active is None:
        active = any(s.server is not None for s in user.orm_spawners.values())
    since = user.created.isoformat() if user.created else ""
    return Person(user.name, since, frozenset(g.name for g in user.groups), active)


class AccountHandler(APIHandler):
    """Answers a person's server with that person's account, and nobody else.

    What it needs is the server's own token. A page's cookie does not do, nor the token by which
    somebody else's server knows who is looking at it.
    """

    def initialize(self, keeper: Keeper) -> None:
        self.keeper = keeper

    async def get(self) -> None:
        user = self.current_user
        own = isinstance(user, User) and self.get_token() is not None
        if not own or not self.has_scope(f"users:activity!user={user.name}"):
            raise web.HTTPError(403, "Only a person's own server is told their broker account.")
        who = person(user, active=True)
        complete = await self.keeper.ensure(who)
        account = self.keeper.account(who)
        self.set_header("Cache-Control", "no-store")
        self.write(
            {
                "username": account.name,
                "password": account.password,
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "SCRAM-SHA-512",
                "broker": "ready" if complete and not self.keeper.away else "away",
            }
        )


class _Hooks(Authenticator):
    """Mixed in before the class of the sign-in by `with_accounts`."""

    keeper: Keeper
    _removing: set[asyncio.Task]

    def get_handlers(self, app):
        """Add where servers get their accounts; from here on the broker is looked after."""
        self._removing = set()
        self.keeper.watch()
        own = (r"/api/mosshub/broker-account", AccountHandler, {"keeper": self.keeper})
        return [*super().get_handlers(app), own]

    async def pre_spawn_start(self, user, spawner):
        """See to it that the person's account is there; a broker that is away stops nobody."""
        complete = await self.keeper.ensure(person(user, active=True))
        spawner.broker_note = "" if complete else AWAY
        await maybe_future(super().pre_spawn_start(user, spawner))

    async def refresh_user(self, user, handler=None, **kwargs):
        """Whom the provider does not let in any more is cut off from the broker too."""
        refreshed = await super().refresh_user(user, handler, **kwargs)
        if refreshed is False and self.auth_refresh_strict:
            # Not awaited: the broker may be away.
            task = asyncio.create_task(self.keeper.remove(user.name))
            self._removing.add(task)
            task.add_done_callback(self._removing.discard)
        return refreshed

    async def delete_user(self, user):
        """Take the account of a removed person away."""
        await self.keeper.remove(user.name)
        await maybe_future(super().delete_user(user))


def with_accounts(base: type[Authenticator], keeper: Keeper) -> type[Authenticator]:
    """Return the sign-in's class with the moments that concern accounts."""
    return type(base.__name__, (_Hooks, base), {"keeper": keeper})
