"""A row for each user of the hub, and how rows are sorted and searched."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.user import User
from jupyterhub.utils import utcnow

from hub.admin import words
from hub.admin.usage import Usage
from hub.pages.errors import failure_words
from hub.reports import report_of
from hub.starts.failures import FailedStart, failed_start

STATES = {
    "running": "Running",
    "starting": "Starting",
    "stopping": "Stopping",
    "failed": "Did not start",
    "stopped": "Stopped",
}
_IN_USE = ("running", "starting", "stopping")


@dataclass(frozen=True)
class Person:
    """A user and their editor, at one moment.

    Attributes:
        name: the user's name.
        path: the name as part of an address.
        editor_url: address of the editor.
        is_admin: whether they are an admin.
        is_blocked: whether an admin has blocked them.
        state: one of STATES.
        reason: why the editor did not start or ended by itself; empty otherwise.
        running_s: seconds since the start of the editor; None if it does not run.
        idle_s: seconds since they, or a kernel of theirs, did something; None if they never did.
        memory_bytes: memory in use; None if it is not known.
        memory_limit: the most it may be.
        processors: processors in use; None if it is not known.
        processor_limit: the most it may be.
        image: the editor's image, without the name before the colon.
        failure: the last start that failed; None if there was none.
        kept_for_s: seconds for which the user wants the editor to run on; None if they did not say.
        disk_bytes: what the user's files take; None if it is not known.
        disk_limit: what they may take.
        apps: how many apps they have published.
    """

    name: str
    path: str
    editor_url: str
    is_admin: bool
    is_blocked: bool
    state: str
    reason: str = ""
    running_s: float | None = None
    idle_s: float | None = None
    memory_bytes: int | None = None
    memory_limit: int | None = None
    processors: float | None = None
    processor_limit: float | None = None
    image: str = ""
    failure: FailedStart | None = None
    kept_for_s: float | None = None
    disk_bytes: int | None = None
    disk_limit: int | None = None
    apps: int = 0

    def cells(self) -> dict[str, str]:
        """Return what the row says in each column that changes."""
        return {
            "state": STATES[self.state],
            "running": words.duration(self.running_s),
            "idle": words.idleness(self.idle_s, self.kept_for_s),
            "memory": words.memory(self.memory_bytes, self.memory_limit),
            "processors": words.processors(self.processors, self.processor_limit),
            "disk": words.memory(self.disk_bytes, self.disk_limit),
            "apps": str(self.apps or words.NOTHING),
            "image": self.image or words.NOTHING,
        }

    def failed_ago(self) -> str:
        """Return how long ago the last start failed."""
        return words.duration(time.time() - self.failure.at if self.failure else None)

    def memory_share(self) -> float | None:
        """Return which part of its memory the editor uses, from 0 to 1."""
        return _share(self.memory_bytes, self.memory_limit)

    def disk_share(self) -> float | None:
        """Return which part of their disk the user's files take, from 0 to 1."""
        return _share(self.disk_bytes, self.disk_limit)


#: What each column is sorted by; what is not known comes last.
SORT_KEYS: dict[str, Callable[[Person], Any]] = {
    "name": lambda person: person.name,
    "state": lambda person: list(STATES).index(person.state),
    "running": lambda person: person.running_s,
    "idle": lambda person: person.idle_s,
    "memory": lambda person: person.memory_bytes,
    "processors": lambda person: person.processors,
    "disk": lambda person: person.disk_bytes,
    "apps": lambda person: person.apps,
    "image": lambda person: person.image or None,
}


def server_of(user: User) -> Spawner | None:
    """Return the user's server, if the hub has looked at it since its own start."""
    return user.spawners.get("")


def describe(
    user: User, usage: Mapping[Spawner, Usage], blocked: frozenset[str], apps: int = 0
) -> Person:
    """Return the row of a user.

    Args:
        user: the user, as JupyterHub knows them.
        usage: what servers use.
        blocked: the names of users who are blocked.
        apps: how many apps they have published.
    """
    person = {
        "name": user.name,
        "path": user.escaped_name,
        "editor_url": user.server_url(),
        "is_admin": bool(user.admin),
        "is_blocked": user.name in blocked,
        "failure": failed_start(user.name),
        "apps": apps,
    }
    report = report_of(user.name)
    if report:
        person |= {"disk_bytes": report.disk_bytes, "disk_limit": report.disk_limit}
    server = server_of(user)
    now = utcnow(with_tz=False)
    if server is None:
        return Person(**person, state="stopped", idle_s=_since(user.last_activity, now))
    state = state_of(server)
    runs = state == "running"
    measured = usage.get(server) if runs else None
    last_activity = (server.orm_spawner.last_activity if runs else None) or user.last_activity
    idle_s = _since(last_activity, now)
    if runs and report:  # a server that is kept counts as used in the hub's own records
        idle_s = max(0.0, time.time() - report.last_used)
        kept = (report.kept_until or 0) - time.time()
        person["kept_for_s"] = kept if kept > 0 else None
    return Person(
        **person,
        state=state,
        reason=reason_of(server),
        running_s=_since(server.orm_spawner.started, now) if runs else None,
        idle_s=idle_s,
        memory_bytes=measured.memory_bytes if measured else None,
        memory_limit=server.mem_limit or None,
        processors=measured.processors if measured else None,
        processor_limit=server.cpu_limit or None,
        image=getattr(server, "image", "").rpartition(":")[2] if state in _IN_USE else "",
    )


def state_of(server: Spawner) -> str:
    """Return the state of a server, one of STATES."""
    if server.pending in ("spawn", "stop"):
        return "stopping" if server.pending == "stop" else "starting"
    if server.ready or server.pending == "check":
        return "running"
    return "failed" if server._failed else "stopped"


def reason_of(server: Spawner) -> str:
    """Return why a server did not start or ended by itself; empty if neither is so."""
    if server.active:
        return ""
    if server._failed:
        return failure_words(server._spawn_future.exception())
    return getattr(server, "exit_reason", "")


def arrange(people: Iterable[Person], *, column: str, descending: bool, text: str) -> list[Person]:
    """Return the rows that hold a text, sorted.

    Args:
        people: the rows.
        column: a key of SORT_KEYS.
        descending: whether the largest comes first; what is not known is last in either case.
        text: what the name, the state or the image contains; empty for all.
    """
    sought = text.strip().lower()
    key = SORT_KEYS[column]
    found = sorted(
        (p for p in people if sought in f"{p.name} {STATES[p.state]} {p.image}".lower()),
        key=lambda person: person.name,
    )
    known = [person for person in found if key(person) is not None]
    known.sort(key=key, reverse=descending)
    return known + [person for person in found if key(person) is None]


def _share(used: int | None, limit: int | None) -> float | None:
    return None if used is None or not limit else min(1.0, used / limit)


def _since(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else max(0.0, (now - moment.replace(tzinfo=None)).total_seconds())
