"""What the pages of a user's server learn when that server is gone.

| module      | what                                                                |
|-------------|---------------------------------------------------------------------|
| `reasons`   | why each server stopped                                             |
| `handler`   | tells a server's own pages whether it is up, stopped or starting    |
| `stops`     | notes who stops a server                                            |
| `sign_outs` | tells servers that a user signed out                                |
"""

from collections.abc import Iterable

from hub.server_status.handler import PATH, ServerStatusHandler
from hub.server_status.sign_outs import telling_servers
from hub.server_status.stops import noting_stops


def with_server_status(handlers: Iterable[tuple], hub_prefix: str) -> list[tuple]:
    """Return the hub's handlers with those of this room, and what must be noted in others.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
        hub_prefix: the hub's path, with a slash at both ends.
    """
    return [(hub_prefix + PATH, ServerStatusHandler), *telling_servers(noting_stops(handlers))]
