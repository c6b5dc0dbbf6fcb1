"""Which starts failed, as far as this hub has seen them. Its restart forgets them."""

import asyncio
import time
from dataclasses import dataclass, replace

from jupyterhub.spawner import Spawner
from prometheus_client import Counter

from hub.pages.errors import failure_words

#: Failed starts in a row after which pages offer to start without packages or settings.
OFFER_AFTER = 2
#: What Prometheus reads. JupyterHub's own counts those, too, that were refused or cancelled.
FAILED_STARTS = Counter("mosshub_failed_starts", "Starts of users' servers that failed.")


@dataclass(frozen=True)
class FailedStart:
    """The last start of a user's server that failed.

    Attributes:
        reason: why, in plain words; with the last lines of the log where the server had begun.
        at: when it failed, in seconds since 1970.
        in_a_row: how many starts have failed since the last one that worked.
    """

    reason: str
    at: float
    in_a_row: int

    @property
    def is_repeated(self) -> bool:
        """Whether so many starts failed in a row that another way to start is offered."""
        return self.in_a_row >= OFFER_AFTER


_Server = tuple[str, str]  # the names of user and server
_failed: dict[_Server, FailedStart] = {}
_begun: dict[_Server, asyncio.Future] = {}  # starts whose end is not noted


def failed_start(user_name: str, server_name: str = "") -> FailedStart | None:
    """Return the last start of a user's editor, or of an app, that failed; None without one."""
    server = (user_name, server_name)
    _note_end(server)
    return _failed.get(server)


def watch_start(spawner: Spawner) -> None:
    """Note how a start ends. A start that is cancelled neither failed nor worked.

    Args:
        spawner: of a server that has begun to start.
    """
    server = (spawner.user.name, spawner.name)
    _note_end(server)  # of the start before
    if spawner._spawn_future:
        _begun[server] = spawner._spawn_future
        spawner._spawn_future.add_done_callback(lambda _: _note_end(server))


def _note_end(server: _Server) -> None:
    """Note how a start ended, if it has. A page may ask before callbacks are called."""
    start = _begun.get(server)
    if start and start.done():
        del _begun[server]
        if not start.cancelled():
            _note(server, start.exception())


def _note(server: _Server, error: BaseException | None) -> None:
    before = _failed.get(server)
    if error is not None:
        FAILED_STARTS.inc()
        in_a_row = 1 + (before.in_a_row if before else 0)
        _failed[server] = FailedStart(failure_words(error), time.time(), in_a_row)
    elif before:
        _failed[server] = replace(before, in_a_row=0)
