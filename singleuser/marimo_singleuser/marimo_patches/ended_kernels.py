"""A kernel that ends by itself is written down, for the frame of its page.

WORKAROUND(marimo 0.25.2): it says "kernel not found" when a kernel ended, and not why.
marimo notices the end when it closes the session of a kernel that does not run. A kernel that is
told to stop still runs then. marimo also keeps the session of a kernel that ended: a page that
connects again would get it, and no new kernel.
Test: test_a_killed_kernel_is_said_and_starts_again
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Any

from marimo._server.api.endpoints.ws.ws_session_connector import SessionConnector
from marimo._session import session as marimo_session
from marimo._session.types import KernelState

from marimo_singleuser.frame import ended
from marimo_singleuser.frame.limits import read_usage

_close = marimo_session.SessionImpl.close
_connect = SessionConnector._connect
_oom_kills = 0


def close_and_note(self: marimo_session.SessionImpl, *, graceful: bool = False) -> None:
    """Close a session; write its kernel down if that has ended already."""
    file = os.environ.get(ended.FILE_VARIABLE)
    if file and not self._closed and self.kernel_state() is KernelState.STOPPED:
        with contextlib.suppress(OSError):  # the page says then that the kernel ended, no more
            ended.write(Path(file), _ended_kernel(self))
    _close(self, graceful=graceful)


async def connect_to_living_session(self: SessionConnector) -> Any:
    """Connect a page to its session, or to a new one if that session's kernel has ended."""
    self.manager._cleanup_dead_sessions()
    return await _connect(self)


def _ended_kernel(session: Any) -> ended.EndedKernel:
    global _oom_kills
    before, _oom_kills = _oom_kills, _count_oom_kills()
    code = getattr(session._kernel_manager.kernel_task, "exitcode", None)
    return ended.EndedKernel(
        notebook=str(session.initialization_id),
        path=str(session.app_file_manager.path or ""),
        sessions=tuple(str(consumer) for consumer in session.room.consumers),
        pid=session.kernel_pid() or 0,
        code=code,
        out_of_memory=code == -9 and _oom_kills > before,
        at=time.time(),
    )


def _count_oom_kills() -> int:
    usage = read_usage()
    return usage.oom_kills if usage else 0


def install() -> None:
    """Make marimo write these kernels down, in this process."""
    global _oom_kills
    _oom_kills = _count_oom_kills()
    marimo_session.SessionImpl.close = close_and_note  # type: ignore[method-assign]
    SessionConnector._connect = connect_to_living_session  # type: ignore[method-assign]
