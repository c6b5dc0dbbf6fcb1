"""The user's own notebooks, the newest first. A home may hold anything, and very much of it."""

from __future__ import annotations

import heapq
import os
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_MAX_ENTRIES = 20_000  # files and directories that are looked at
_MAX_READ = 100  # files that are opened
_HEAD_BYTES = 16 * 1024
_MARK = b"marimo.App("
_SKIPPED = frozenset({"__marimo__", "__pycache__", "node_modules", "site-packages"})
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class Recent:
    """A notebook of the user.

    Attributes:
        path: its path below the directory that marimo opens, with slashes.
        modified: when it was last written, in seconds since 1970.
    """

    path: str
    modified: float


def recent_notebooks(directory: Path, without: Collection[str], most: int = 8) -> list[Recent]:
    """Return the notebooks that were written last.

    Hidden directories, links to directories and the outputs of notebooks are not searched.

    Args:
        directory: what marimo opens.
        without: paths below it that are not wanted.
        most: how many to return at most.
    """
    files = ((modified, path) for modified, path in _python_files(directory) if path not in without)
    found: list[Recent] = []
    for modified, path in heapq.nlargest(_MAX_READ, files):
        if _is_notebook(directory / path):
            found.append(Recent(path, modified))
            if len(found) == most:
                break
    return found


def time_ago(modified: float, now: float) -> str:
    """Return when something happened, in words.

    Args:
        modified: that time, in seconds since 1970.
        now: the present time.
    """
    age = now - modified
    if age < _MINUTE:
        return "just now"
    for unit, name, limit in ((_MINUTE, "minute", _HOUR), (_HOUR, "hour", _DAY)):
        if age < limit:
            return _ago(int(age // unit), name)
    if age < 14 * _DAY:
        return _ago(int(age // _DAY), "day")
    when = datetime.fromtimestamp(max(modified, 0), UTC)
    return f"{when.day} {when:%B %Y}"


def _ago(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'} ago"


def _python_files(directory: Path) -> Iterator[tuple[float, str]]:
    """Yield time and path of the Python files below a directory, the nearest first."""
    looked_at, waiting = 0, deque([""])
    while waiting and looked_at < _MAX_ENTRIES:
        below = waiting.popleft()
        try:
            entries = os.scandir(directory / below)
        except OSError:
            continue
        with entries:
            for entry in entries:
                looked_at += 1
                if looked_at > _MAX_ENTRIES:
                    return
                path = f"{below}{entry.name}"
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if not entry.name.startswith(".") and entry.name not in _SKIPPED:
                            waiting.append(f"{path}/")
                    elif entry.name.endswith(".py") and entry.is_file():
                        yield entry.stat().st_mtime, path
                except OSError:
                    continue


def _is_notebook(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _MARK in file.read(_HEAD_BYTES)
    except OSError:
        return False
