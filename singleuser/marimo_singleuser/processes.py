"""The processes below this one, and protection of this one's memory (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterable

import psutil

_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_KILL_GRACE_S = 1.0  # how long the end of killed processes is waited for


def hide_memory() -> None:
    """Make /proc/<pid>/environ and /proc/<pid>/mem of this process unreadable for the same user.

    They hold the hub's token, and notebook code runs under the same user.
    """
    _prctl(_PR_SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent died, so that all can be found."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants() -> list[psutil.Process]:
    """Return every living process below this one."""
    return psutil.Process().children(recursive=True)


def end_descendants(keep: Iterable[int] = (), grace_s: float = 1.0) -> int:
    """End every process below this one, first by SIGTERM, then by SIGKILL.

    The call blocks for up to `grace_s` + 1 seconds.

    Args:
        keep: process ids that are left alone.
        grace_s: seconds between SIGTERM and SIGKILL.

    Returns:
        The number of processes that got SIGTERM.
    """
    keep = set(keep)
    found = [p for p in descendants() if p.pid not in keep]
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=grace_s)
    # A process may have started another one in the meantime.
    alive += [p for p in descendants() if p.pid not in keep and p not in alive]
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=_KILL_GRACE_S)
    return len(found)


def reap(waited_for: Iterable[int]) -> None:
    """Clear away adopted orphans that have ended.

    Args:
        waited_for: ids of children whose exit code another part of the program reads.
    """
    waited_for = set(waited_for)
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, ChildProcessError):
            if child.pid not in waited_for and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
