"""How much disk the user's files take, and how much they may take.

Where the file system has no quotas, nothing stops notebook code from writing. So the files are
measured, the user is told, and what this platform itself writes beside them is refused when the
limit is reached. Notebooks are always saved, and the server always starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from mosshub_contract.amounts import amount

from .frame.small_files import read_end
from .settings import Settings

#: The share of the limit from which the user is told.
WARNED_SHARE = 0.85
_INTERVAL_S = 300.0  # between two measurements
_SOON_S = 30.0  # the same for somebody who makes room, and looks
_MAX_MEASURE_S = 20.0
_BLOCK_BYTES = 512  # what st_blocks counts
_MAX_STATE_BYTES = 4096


@dataclass(frozen=True)
class DiskUse:
    """What the user's files take.

    Attributes:
        used: bytes.
        limit: bytes that they may take.
        is_complete: whether all files were looked at in time; otherwise `used` is too low.
    """

    used: int
    limit: int
    is_complete: bool = True

    @property
    def share(self) -> float:
        """Which part of the limit is used; above 1 if it is exceeded."""
        return self.used / self.limit if self.limit else 1.0

    @property
    def is_full(self) -> bool:
        """Whether the limit is reached."""
        return self.share >= 1


class Disk:
    """Measures the home every few minutes, in a thread of its own and for a bounded time.

    Args:
        settings: what the hub told this server.
        full_file: exists as long as the limit is reached (`mosshub_contract.disk_limit`).
    """

    def __init__(self, settings: Settings, full_file: Path) -> None:
        self._home, self._limit = settings.home, settings.disk_limit
        self._full_file = full_file
        self._state = settings.state / "disk.json"
        self._use = self._remembered()
        self._measured_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def use(self) -> DiskUse | None:
        """The last measurement, at first that of the start before; None if there is none."""
        return self._use

    def refresh(self, *, soon: bool = False) -> None:
        """Begin a measurement if the last one is old. This does not wait for it.

        Args:
            soon: somebody asks who may have made room.
        """
        near = self._use is not None and self._use.share >= WARNED_SHARE
        interval_s = _SOON_S if soon and near else _INTERVAL_S
        if self._task and not self._task.done():
            return
        if self._measured_at is None or time.monotonic() - self._measured_at >= interval_s:
            self._task = asyncio.create_task(self._measure())

    def is_full(self) -> bool:
        """Return whether the limit is reached. If it was, this measures again: there may be room.

        This may take `_MAX_MEASURE_S`; the event loop calls it in a thread.
        """
        if self._use is None or not self._use.is_full:
            return False
        self._note(measure(self._home, self._limit))
        return self._use.is_full

    async def _measure(self) -> None:
        self._note(await asyncio.to_thread(measure, self._home, self._limit))

    def _note(self, use: DiskUse) -> None:
        self._use, self._measured_at = use, time.monotonic()
        with contextlib.suppress(OSError):
            if self._use.is_full:
                self._full_file.touch()
            else:
                self._full_file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # a full disk keeps the old one
            self._state.write_text(json.dumps({"used": self._use.used, "limit": self._use.limit}))

    def _remembered(self) -> DiskUse | None:
        try:
            found = json.loads(read_end(self._state, _MAX_STATE_BYTES))
            use = DiskUse(int(found["used"]), int(found["limit"]))
        except (ValueError, TypeError, KeyError):
            return None
        # Without a limit of the platform's only the file system knows.
        return DiskUse(use.used, self._limit) if self._limit else None


def measure(home: Path, limit: int, max_s: float = _MAX_MEASURE_S) -> DiskUse:
    """Measure the files below a directory, as `du -x` does.

    Args:
        home: the directory.
        limit: bytes that they may take; 0 for what the file system has.
        max_s: after so many seconds the rest is left out.
    """
    used, is_complete = _blocks(home, time.monotonic() + max_s)
    try:
        room = used + shutil.disk_usage(home).free
    except OSError:
        room = limit or used
    return DiskUse(used, min(limit, room) if limit else room, is_complete)


def _blocks(home: Path, deadline: float) -> tuple[int, bool]:
    """Return the bytes that files take, and whether all were looked at."""
    used, waiting, linked = 0, [str(home)], set()
    try:
        device = home.stat().st_dev
    except OSError:
        return 0, False
    while waiting:
        if time.monotonic() > deadline:
            return used, False
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        about = entry.stat(follow_symlinks=False)
                        if about.st_dev != device:
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        elif about.st_nlink > 1:
                            if about.st_ino in linked:
                                continue
                            linked.add(about.st_ino)
                        used += about.st_blocks * _BLOCK_BYTES
        except OSError:
            continue
    return used, True


def warning(use: DiskUse | None) -> str:
    """Return what the user is told about their disk; empty if there is nothing to say."""
    if use is None or use.share < WARNED_SHARE:
        return ""
    figures = f"Your files take {amount(use.used, use.limit)}."
    if not use.is_full:
        return f"{figures} Delete what you no longer need."
    return (
        f"{figures} Notebooks are still saved, but until you delete files their outputs are not "
        "kept, and no notebook of the platform is copied."
    )
