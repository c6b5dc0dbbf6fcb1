"""Tells a user's servers, and those that the user looked at, that the user signed out."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from jupyterhub import orm
from jupyterhub.handlers.login import LogoutHandler
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from hub.handlers import with_mixin

_TIMEOUT_S = 5
_pings: set[asyncio.Task] = set()  # a task that nobody holds may be collected


class _TellingServers(web.RequestHandler):
    """Mixed in before JupyterHub's handler, or the authenticator's, that ends a sign-in."""

    async def get(self) -> None:
        urls = _servers_that_know(self, self.current_user) if self.current_user else []
        await super().get()  # type: ignore[misc]
        for url in urls:
            let_ask_again(url)


def telling_servers(handlers: Iterable[tuple]) -> list[tuple]:
    """Return the hub's handlers; the one that ends a sign-in tells servers of it.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
    """
    return with_mixin(handlers, LogoutHandler, _TellingServers)


def _servers_that_know(handler: web.RequestHandler, user) -> list[str]:
    """Return the addresses of the running servers at which a user is signed in."""
    clients = {token.client_id for token in user.orm_user.api_tokens if token.client_id}
    found = handler.db.query(orm.Spawner).filter(orm.Spawner.server_id.isnot(None))  # type: ignore[attr-defined]
    return [
        spawner.server.url
        for spawner in (handler.users[s.user].spawners[s.name] for s in found)  # type: ignore[attr-defined]
        if spawner.active and spawner.server and spawner.oauth_client_id in clients
    ]


def let_ask_again(url: str) -> None:
    """Tell a server to ask the hub who may use it, without waiting for it.

    Args:
        url: address of the server, with a slash at its end.
    """
    task = asyncio.create_task(_ping(f"{url}_mosshub/ask-hub-again"))
    _pings.add(task)
    task.add_done_callback(_pings.discard)


async def _ping(url: str) -> None:
    """Tell a server. One that cannot be reached asks by itself, within half a minute."""
    request = HTTPRequest(url, method="POST", body=b"", request_timeout=_TIMEOUT_S)
    with suppress(OSError):  # the server ends at this moment: no answer of HTTP tells of it
        await AsyncHTTPClient().fetch(request, raise_error=False)
