"""Processes of a platform: all of them end with it, at the latest before its next start."""

import os
from collections.abc import Callable

import psutil

#: Environment variable that marks every process of a platform with the platform's data directory.
INSTANCE_VARIABLE = "MOSSHUB_INSTANCE"


def leftover_processes(instance: str) -> list[psutil.Process]:
    """Return the processes of a platform, except this process and its parents.

    Args:
        instance: the platform's mark, as in `INSTANCE_VARIABLE`.
    """
    mine = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
    return [p for p in psutil.process_iter() if p.pid not in mine and _belongs(p, instance)]


def end_processes(processes: list[psutil.Process], grace_s: float = 5) -> int:
    """End processes with SIGTERM, and those that ignore it with SIGKILL.

    Args:
        processes: the processes; one that has ended already is skipped.
        grace_s: seconds between the two signals.

    Returns:
        The number of `processes`.
    """
    _signal(processes, psutil.Process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=grace_s)
    _signal(alive, psutil.Process.kill)
    psutil.wait_procs(alive, timeout=grace_s)
    return len(processes)


def _belongs(process: psutil.Process, instance: str) -> bool:
    try:
        return process.environ().get(INSTANCE_VARIABLE) == instance
    except (psutil.Error, OSError):
        return False


def _signal(processes: list[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            send(process)
        except psutil.NoSuchProcess:
            continue
