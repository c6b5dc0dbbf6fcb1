"""An app as the page of apps shows it, and how apps are searched."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from jupyterhub.spawner import Spawner

from hub.admin import words
from hub.admin.people import STATES, state_of
from hub.admin.usage import Usage
from hub.apps.audience import audience_words
from hub.apps.store import App


@dataclass(frozen=True)
class Row:
    """An app at one moment.

    Attributes:
        app: the app.
        state: the state of its server, a key of STATES.
        audience: who may open it, in words.
        opened: how long ago somebody opened it, in words.
        memory: what its server uses, in words.
        earlier: number and time of each earlier snapshot, the newest first.
    """

    app: App
    state: str
    audience: str
    opened: str
    memory: str
    earlier: tuple[tuple[int, str], ...]

    @property
    def state_words(self) -> str:
        return STATES[self.state]

    @property
    def is_active(self) -> bool:
        """Whether there is a server to stop."""
        return self.state in ("running", "starting")


def describe(app: App, server: Spawner | None, usage: Mapping[Spawner, Usage]) -> Row:
    """Return the row of an app.

    Args:
        app: the app.
        server: its server; None if it was never started.
        usage: what servers use.
    """
    measured = usage.get(server) if server else None
    opened = app.last_opened
    ago = words.duration(time.time() - opened) if opened else ""
    return Row(
        app=app,
        state=state_of(server) if server else "stopped",
        audience=audience_words(app.card.audience),
        opened=f"{ago} ago" if ago else words.NOTHING,
        memory=words.memory(measured.memory_bytes, server.mem_limit or None)
        if measured and server
        else words.NOTHING,
        earlier=tuple(
            (version.number, _moment(version.at))
            for version in reversed(app.versions)
            if version.number != app.current
        ),
    )


def arrange(rows: Iterable[Row], text: str) -> list[Row]:
    """Return the rows that hold a text, by title.

    Args:
        rows: the rows.
        text: what title, author or state contain; empty for all.
    """
    sought = text.strip().lower()
    found = (
        row
        for row in rows
        if sought in f"{row.app.card.title} {row.app.author} {row.state_words}".lower()
    )
    return sorted(found, key=lambda row: (row.app.card.title.lower(), row.app.author))


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%d %b %Y, %H:%M} UTC"
