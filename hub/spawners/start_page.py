"""Shows the page that waits for a server as soon as the server is asked for."""

import asyncio
from collections.abc import Iterable

from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.user import User
from tornado import web

from hub.handlers import with_mixin
from hub.spawners.progress import NOT_BEGUN

_PAUSE_S = 0.02
_HELD_S = 1.0  # JupyterHub's own time


class _PageAtOnce(SpawnHandler):
    """Mixed in before JupyterHub's handler of `/hub/spawn`.

    WORKAROUND(jupyterhub 6.1.1): it holds the browser for a second, in case the server is ready by
    then, and the page that waits is loaded after that. Where the identity provider takes longer
    than that, the page finds no start and says that the editor is not running.
    Test: test_the_page_that_waits_comes_at_once, test_a_provider_that_is_slow_at_a_start
    """

    async def _wrap_spawn_single_user(
        self, user, server_name, display_name, spawner, pending_url, options=None
    ):
        """Begin the start, and lead to the page that waits as soon as it was not refused.

        Raises:
            HTTPError: the start was refused.
        """
        if spawner._spawn_future and spawner._spawn_future.done():
            spawner._spawn_future = None  # the end of an earlier start
        start = asyncio.ensure_future(
            self.spawn_single_user(user, server_name, display_name, options)
        )
        await until_begun(start, user, server_name)
        if start.done() and not start.cancelled() and (error := start.exception()):
            self.log.error("%s: the start was refused: %s", spawner._log_name, error)
            if isinstance(error, web.HTTPError):
                raise error
            raise web.HTTPError(500, f"{spawner._log_name} could not start.") from error
        return self.redirect(pending_url)


async def until_begun(start: asyncio.Future, user: User, server_name: str = "") -> None:
    """Return when a start was not refused for a second, or has ended.

    Before it begins, the identity provider is asked, which may take longer. The start's error is
    taken: the page that waits shows it.
    """
    start.add_done_callback(lambda start: start.cancelled() or start.exception())
    held_s = 0.0
    while held_s < _HELD_S:
        done, _ = await asyncio.wait([start], timeout=_PAUSE_S)
        spawner = user.spawners[server_name]
        if done or (spawner.pending and spawner.stage != NOT_BEGUN):
            return
        if spawner.pending == "spawn":  # else it is refused, and ends
            held_s += _PAUSE_S


def with_page_at_once(handlers: Iterable[tuple]) -> list[tuple]:
    """Return the hub's handlers; those that start a server lead to the page that waits at once.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
    """
    return with_mixin(handlers, SpawnHandler, _PageAtOnce)
