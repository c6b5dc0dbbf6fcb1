"""Processes below this one, and what Linux can do to keep them in hand."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterable

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def hide_memory() -> None:
    """Make /proc/<pid>/environ and /proc/<pid>/mem of this process unreadable for the same user.

    They hold the hub's token, and notebook code runs under the same user.
    """
    if libc := _libc():
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent died, so that none is lost."""
    if libc := _libc():
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> Callable[[], None] | None:
    """For `preexec_fn`: the child gets SIGTERM when this process ends, even by SIGKILL."""
    libc = _libc()
    if libc is None:
        return None
    parent = os.getpid()

    def preexec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return preexec


def descendants() -> list[psutil.Process]:
    """Every living process below this one."""
    return psutil.Process().children(recursive=True)


def end_descendants(keep: Iterable[int] = (), grace: float = 1.0) -> int:
    """End every process below this one but `keep`; return how many there were.

    They get SIGTERM, and SIGKILL after `grace` seconds. Blocks up to `grace` + 1 seconds.
    """
    keep = set(keep)
    found = [p for p in descendants() if p.pid not in keep]
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=grace)
    # Something may have started another one in the meantime.
    alive += [p for p in descendants() if p.pid not in keep and p not in alive]
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=1)
    return len(found)


def reap(own: Iterable[int]) -> None:
    """Clear away adopted orphans that have ended; `own` is who somebody else waits for."""
    own = set(own)
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, ChildProcessError):
            if child.pid not in own and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
