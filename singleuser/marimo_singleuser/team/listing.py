"""What the start page shows of the team's folder."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mosshub_contract.amounts import amount
from mosshub_contract.team_folder import Known

from ..disk import WARNED_SHARE, DiskUse, measure
from ..settings import Settings
from ..start_page.content import RecentRow, file_query, printable
from ..start_page.recent import recent_notebooks, time_ago

_MEASURED_S = 300.0
_MAX_MEASURE_S = 20.0
_MOST_NOTEBOOKS = 12  # of a part
#: A save and the time of its file differ by less, if nothing else wrote the file since.
_SAME_S = 5.0


@dataclass(frozen=True)
class TeamNotebook(RecentRow):
    """A notebook of the team.

    Attributes:
        path: its path below the team's folder.
        query: the query string of its address, without `?`.
        when: who wrote it last, and when, in words.
        opened: in whose other editors it is open; empty if in none.
    """

    opened: str


@dataclass(frozen=True)
class TeamPart:
    """A part of the team's folder.

    Attributes:
        title: whose it is.
        name: name of its directory.
        writable: whether the user may write there.
        notebooks: those that were written last.
    """

    title: str
    name: str
    writable: bool
    notebooks: Sequence[TeamNotebook]


def list_parts(settings: Settings, known: Known, now: float) -> list[TeamPart]:
    """Return the parts of the team's folder that are there.

    Args:
        settings: what the hub told this server.
        known: who saved what, and what is open where.
        now: the present time, in seconds since 1970.
    """
    team = settings.team_directory
    if team is None:
        return []
    return [
        TeamPart(part.title, part.name, part.writable, _notebooks(team, part.name, known, now))
        for part in settings.team_parts
        if (team / part.name).is_dir()
    ]


def _notebooks(team: Path, part: str, known: Known, now: float) -> list[TeamNotebook]:
    found = []
    for one in recent_notebooks(team / part, (), most=_MOST_NOTEBOOKS):
        if (team / part / one.path).is_symlink():
            continue  # it may lead into the home of whoever looks
        path = f"{part}/{one.path}"
        by, at = known.saved.get(path, ("", 0.0))
        if by and abs(one.modified - at) < _SAME_S:
            when = f"saved by {by}, {time_ago(at, now)}"
        else:
            when = f"written {time_ago(one.modified, now)}"
        names = known.opened.get(path, ())
        query = file_query(str(team / part / one.path))
        found.append(TeamNotebook(printable(path), query, when, " and ".join(names)))
    return found


class TeamDisk:
    """Measures the team's folder after somebody looked, every five minutes at most.

    Args:
        settings: what the hub told this server.
        full_file: exists as long as the limit is reached (`mosshub_contract.disk_limit`).
    """

    def __init__(self, settings: Settings, full_file: Path) -> None:
        self._settings, self._full_file = settings, full_file
        self._use: DiskUse | None = None
        self._measured_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    def use(self) -> DiskUse | None:
        """Return the last measurement, and begin another if it is old. This does not wait for it.

        Returns:
            What the folder takes; None without a limit, without a folder, or at first.
        """
        settings, old = self._settings, self._measured_at
        is_wanted = settings.team_directory is not None and settings.team_limit
        is_busy = self._task is not None and not self._task.done()
        if is_wanted and not is_busy and (old is None or time.monotonic() - old > _MEASURED_S):
            self._task = asyncio.create_task(self._measure())
        return self._use

    def watch(self) -> None:
        """Look at a full folder again: somebody may have made room."""
        if self._use and self._use.is_full:
            self.use()

    def is_full(self) -> bool:
        """Return whether the limit is reached; this measures, unless there was room before.

        This may take `_MAX_MEASURE_S`; the event loop calls it in a thread.
        """
        if self._settings.team_limit and (self._use is None or self._use.is_full):
            self._note(measure_parts(self._settings))
        return self._use is not None and self._use.is_full

    async def _measure(self) -> None:
        self._note(await asyncio.to_thread(measure_parts, self._settings))

    def _note(self, use: DiskUse) -> None:
        self._use, self._measured_at = use, time.monotonic()
        with contextlib.suppress(OSError):
            if use.is_full:
                self._full_file.touch()
            else:
                self._full_file.unlink(missing_ok=True)


def measure_parts(settings: Settings, max_s: float = _MAX_MEASURE_S) -> DiskUse:
    """Measure all parts of the team's folder.

    Args:
        settings: what the hub told this server.
        max_s: after so many seconds the rest is left out.
    """
    used, is_complete, deadline = 0, True, time.monotonic() + max_s
    for part in settings.team_parts:
        place = (settings.team_directory or Path()) / part.name
        found = measure(place, settings.team_limit, max(deadline - time.monotonic(), 0))
        used, is_complete = used + found.used, is_complete and found.is_complete
    return DiskUse(used, settings.team_limit, is_complete)


def describe_use(use: DiskUse | None) -> str:
    """Return what the page says of the room in the team's folder; empty if there is no limit."""
    if use is None:
        return ""
    least = "" if use.is_complete else "at least "
    said = f"It takes {least}{amount(use.used, use.limit)}."
    if use.is_full:
        return (
            f"{said} It is full: until somebody deletes files there, its notebooks are saved "
            "without their outputs, no earlier version is brought back, and no network is shared."
        )
    return f"{said} It is almost full." if use.share >= WARNED_SHARE else said
