"""What the start page shows of the team's folder."""

from __future__ import annotations

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
_MAX_MEASURE_S = 5.0
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
    """Measures the team's folder when somebody looks, every five minutes at most.

    Args:
        settings: what the hub told this server.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._use: DiskUse | None = None
        self._measured_at = 0.0

    def use(self) -> DiskUse | None:
        """Return what the folder takes; None without a limit, or without a folder."""
        settings, now = self._settings, time.monotonic()
        if settings.team_directory is None or not settings.team_limit:
            return None
        if self._use is None or now - self._measured_at > _MEASURED_S:
            found = [
                measure(settings.team_directory / part.name, settings.team_limit, _MAX_MEASURE_S)
                for part in settings.team_parts
            ]
            self._use = DiskUse(
                sum(one.used for one in found),
                settings.team_limit,
                all(one.is_complete for one in found),
            )
            self._measured_at = now
        return self._use


def describe_use(use: DiskUse | None) -> str:
    """Return what the page says of the room in the team's folder; empty if there is no limit."""
    if use is None:
        return ""
    least = "" if use.is_complete else "at least "
    said = f"It takes {least}{amount(use.used, use.limit)}."
    if use.is_full:
        return f"{said} It is full: delete what nobody needs any more."
    return f"{said} It is almost full." if use.share >= WARNED_SHARE else said
