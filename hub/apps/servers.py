"""The servers of apps: started for whoever opens one, stopped when nobody looks at it."""

import asyncio
from datetime import datetime

from jupyterhub.app import JupyterHub
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.spawner import Spawner
from jupyterhub.user import User
from jupyterhub.utils import utcnow
from mosshub_contract.apps import server_name, slug_of_server

from hub.apps.store import App
from hub.server_status.reasons import Reason, note_stop

_starts: set[asyncio.Task] = set()  # a task that nobody holds may be collected


def server_of_app(author: User, slug: str) -> Spawner | None:
    """Return the server of an app; None if it was never started."""
    name = server_name(slug)
    return author.spawners[name] if name in author.orm_spawners else None


def begin(handler: BaseHandler, author: User, app: App) -> Spawner:
    """Begin to start an app's server, unless it runs or starts; return it at once.

    The author's sign-in is not checked again: an app runs also while its author is away.

    Args:
        handler: of the request of whoever opens the app.
        author: who published it.
        app: the app.
    """
    name = server_name(app.slug)
    server = author.get_or_create_spawner(name, app.card.title, replace_failed=True)
    if server.ready or server.pending:
        return server
    handler._refreshed_users = {*getattr(handler, "_refreshed_users", ()), author.name}
    start = asyncio.ensure_future(handler.spawn_single_user(author, name, app.card.title))
    _starts.add(start)
    start.add_done_callback(_end)
    return author.spawners[name]


def _end(start: asyncio.Task) -> None:
    _starts.discard(start)
    if not start.cancelled():
        start.exception()  # taken: the page of the app shows it


async def stop(author: User, slug: str, reason: Reason) -> None:
    """Stop the server of an app, also one that starts.

    Args:
        author: who published the app.
        slug: the app's name in addresses.
        reason: what pages say that are still open.
    """
    server = server_of_app(author, slug)
    if server is None or not server.active or server.pending == "stop":
        return
    note_stop(server, reason)
    if server.pending == "spawn" and server._spawn_future:
        server._spawn_future.cancel()
        await asyncio.wait([server._spawn_future])
    await JupyterHub.instance().proxy.delete_user(author, server.name)
    await author.stop(server.name)


async def remove(author: User, slug: str) -> None:
    """Stop the server of an app and forget it; its shares go with it."""
    await stop(author, slug, Reason.UNPUBLISHED)
    name = server_name(slug)
    if name not in author.orm_spawners:
        return
    server = author.spawners[name]
    if server.active:
        return  # it is about to stop; the next look at all apps removes it
    await author._delete_spawner(server)
    db = JupyterHub.instance().db
    db.delete(server.orm_spawner)
    author.spawners.pop(name, None)
    db.commit()


def idle_s(server: Spawner) -> float:
    """Return the seconds since somebody looked at an app, as its server says."""
    last: datetime | None = server.orm_spawner.last_activity or server.orm_spawner.started
    if last is None:
        return 0.0
    return max(0.0, (utcnow(with_tz=False) - last.replace(tzinfo=None)).total_seconds())


def app_servers(author: User) -> dict[str, Spawner]:
    """Return the servers of a user's apps, by slug."""
    names = [name for name in author.orm_spawners if slug_of_server(name)]
    return {slug_of_server(name): author.spawners[name] for name in names}
