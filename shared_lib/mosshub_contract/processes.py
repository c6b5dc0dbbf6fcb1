"""Ending a process with its parent, however that ends. Linux only; elsewhere nothing happens.

Linux ties a parent's death to the *thread* that started the child: start it from one that lives
as long as the parent shall be waited for.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence

_PR_SET_PDEATHSIG = 1


def die_with_parent(sig: int = signal.SIGTERM) -> Callable[[], None] | None:
    """Return a `preexec_fn` that has the child get `sig` when this process ends, even by SIGKILL.

    A `preexec_fn` may deadlock in a process with threads: see `tied_command`.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork
    parent = os.getpid()

    def preexec() -> None:
        _tie(libc, parent, sig)

    return preexec


def tied_command(command: Sequence[str]) -> list[str]:
    """Return `command` behind a small program that ties it to this process, then becomes it.

    Args:
        command: path of an executable, and its arguments.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _tie(libc: ctypes.CDLL, parent: int, sig: int) -> None:
    libc.prctl(_PR_SET_PDEATHSIG, sig, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


if __name__ == "__main__":
    _tie(ctypes.CDLL(None), int(sys.argv[1]), signal.SIGTERM)
    try:
        os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606
    except OSError as error:
        sys.exit(f"{sys.argv[2]} cannot be executed: {error.strerror}")
