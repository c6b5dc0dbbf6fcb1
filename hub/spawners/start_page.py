"""Shows the page that waits for a server as soon as the server is asked for."""

import asyncio
from collections.abc import Iterable

from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.user import User

from hub.handlers import with_mixin
from hub.spawners.progress import NOT_BEGUN

_PAUSE_S = 0.02
_HELD_S = 1.0  # JupyterHub's own time


class _PageAtOnce(SpawnHandler):
    """Mixed in before JupyterHub's handler of `/hub/spawn`.

    WORKAROUND(jupyterhub 6.1.1): it holds the browser for a second, in case the server is ready by
    then, and the page that waits is loaded after that.
    Test: test_the_page_that_waits_comes_at_once
    """

    async def spawn_single_user(self, user, server_name="", display_name="", options=None):
        """Begin the start, and return as soon as it was not refused.

        Raises:
            HTTPError: the start was refused.
        """
        start = asyncio.ensure_future(
            super().spawn_single_user(user, server_name, display_name, options)
        )
        await until_begun(start, user, server_name)
        return start.result() if start.done() else None


async def until_begun(start: asyncio.Future, user: User, server_name: str = "") -> None:
    """Return when a start was not refused, has ended, or a second has passed.

    The start's error is taken: the page that waits shows it.
    """
    start.add_done_callback(lambda start: start.cancelled() or start.exception())
    for _ in range(round(_HELD_S / _PAUSE_S)):
        done, _ = await asyncio.wait([start], timeout=_PAUSE_S)
        if done or user.spawners[server_name].stage != NOT_BEGUN:
            return


def with_page_at_once(handlers: Iterable[tuple]) -> list[tuple]:
    """Return the hub's handlers; those that start a server lead to the page that waits at once.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
    """
    return with_mixin(handlers, SpawnHandler, _PageAtOnce)
