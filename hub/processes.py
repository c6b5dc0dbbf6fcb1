"""No orphans: whatever a platform started ends with it, or at the latest before its next start."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

import psutil

INSTANCE = "MOSSHUB_INSTANCE"
_PR_SET_PDEATHSIG = 1


def die_with_parent(sig: int = signal.SIGTERM) -> None:
    """Ask Linux to send `sig` to this process when its parent ends; elsewhere do nothing.

    For use between fork and exec.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, sig)


def _belongs(process: psutil.Process, instance: str) -> bool:
    try:
        return process.environ().get(INSTANCE) == instance
    except (psutil.Error, OSError):
        return False


def left_over(instance: str) -> list[psutil.Process]:
    """Return the processes, but this one and its parents, that carry the mark of `instance`."""
    mine = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
    return [p for p in psutil.process_iter() if p.pid not in mine and _belongs(p, instance)]


def end(processes: list[psutil.Process], grace: float = 5) -> int:
    """End `processes`: politely, after `grace` seconds by force. Returns how many there were."""
    _signal(processes, psutil.Process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=grace)
    _signal(alive, psutil.Process.kill)
    psutil.wait_procs(alive, timeout=grace)
    return len(processes)


def _signal(processes: list[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            send(process)
        except psutil.NoSuchProcess:
            continue
