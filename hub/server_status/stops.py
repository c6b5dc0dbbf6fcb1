"""Notes who stops a server: its user, an admin, or a service that looks for idle ones."""

from collections.abc import Iterable
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.spawner import Spawner

from hub.handlers import with_mixin
from hub.server_status.reasons import Reason, note_stop


class _NotingStops(UserServerAPIHandler):
    """Mixed in before JupyterHub's handler of stop buttons and of programs that stop servers."""

    async def delete(self, user_name: str, server_name: str = "") -> Any:
        user = self.find_user(user_name)
        if user is not None and server_name in user.spawners:
            note_stop_by(self.current_user, user.spawners[server_name])
        return await super().delete(user_name, server_name)


def note_stop_by(by: Any, spawner: Spawner) -> None:
    """Remember that somebody stops a server.

    Args:
        by: the user or the service that does.
        spawner: the server's.
    """
    if isinstance(by, orm.Service):
        reason = Reason.IDLE
    else:
        is_own = by is not None and by.name == spawner.user.name
        reason = Reason.USER if is_own else Reason.ADMIN
    note_stop(spawner, reason)


def noting_stops(handlers: Iterable[tuple]) -> list[tuple]:
    """Return the hub's handlers; those that stop a server note who did.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
    """
    return with_mixin(handlers, UserServerAPIHandler, _NotingStops)
