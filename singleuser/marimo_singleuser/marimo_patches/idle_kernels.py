"""Kernels that nobody uses end before the server does, and give their memory back.

WORKAROUND(marimo 0.25.2): a kernel runs until somebody shuts it down, whether it is used or not.
Here it ends when nobody has used it for long. It is used while a page of it is seen
(`frame.seen`), while a cell runs or waits, while it or what it started
uses the processor, and while it is connected to the broker, as every agent is. What the notebook
showed is in its saved outputs and in the pages that are open.
Test: test_only_a_kernel_that_nobody_uses_ends
"""

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import Any

import psutil
from marimo._server.api.endpoints.ws.ws_session_connector import SessionConnector
from marimo._session.types import KernelState

from marimo_singleuser.cpu import CpuMeter
from marimo_singleuser.frame import ended
from marimo_singleuser.frame.reach import parse_addresses
from marimo_singleuser.frame.seen import DIRECTORY_VARIABLE, seen_at

TIMEOUT_VARIABLE = "MOSSHUB_KERNEL_IDLE_TIMEOUT"
# Cores. An idle kernel uses under 0.01.
_BUSY_CORES = 0.02
_MAX_LOOK_S = 30.0

_watch: "asyncio.Task[None] | None" = None


class KernelWatch:
    """Knows when each kernel was used last.

    Args:
        manager: marimo's sessions.
        timeout_s: seconds without use after which a kernel ends.
        seen: the directory with a file for each session, which is written while a page is seen.
        broker_ports: TCP ports of the broker.
    """

    def __init__(self, manager: Any, timeout_s: float, seen: Path, broker_ports: set[int]) -> None:
        self._manager, self._timeout_s = manager, timeout_s
        self._seen, self._broker_ports = seen, broker_ports
        self._used_at: dict[str, float] = {}  # seconds since 1970, by session id
        self._meters: dict[str, CpuMeter] = {}

    async def run(self) -> None:
        """Look again and again, until the task is cancelled."""
        while True:
            await asyncio.sleep(min(_MAX_LOOK_S, self._timeout_s / 4))
            self.sample(time.time())

    def sample(self, now: float) -> None:
        """Look at every kernel once, and end those that nobody has used for long.

        Args:
            now: the present time, in seconds since 1970.
        """
        sessions = {str(key): session for key, session in self._manager.sessions.items()}
        for known in set(self._used_at) - set(sessions):
            del self._used_at[known]
            self._meters.pop(known, None)
        for key, session in sessions.items():
            if session.kernel_state() is not KernelState.RUNNING:
                continue
            last = max(self._used_at.setdefault(key, now), self._last_seen(key, session))
            self._used_at[key] = now if self._is_busy(key, session) else last
            if now - self._used_at[key] >= self._timeout_s:
                self._end(key, session, now)

    def _last_seen(self, key: str, session: Any) -> float:
        pages = {key, *map(str, session.room.consumers)}
        return max(seen_at(self._seen, page) for page in pages)

    def _is_busy(self, key: str, session: Any) -> bool:
        cells = session.session_view.cell_notifications.values()
        if any(cell.status in ("queued", "running") for cell in cells):
            return True
        try:
            kernel = psutil.Process(session.kernel_pid())
            below = [kernel, *kernel.children(recursive=True)]
        except (psutil.Error, TypeError, ValueError):
            return False
        meter = self._meters.setdefault(key, CpuMeter())
        return meter.cores_used(below) > _BUSY_CORES or any(map(self._has_broker, below))

    def _has_broker(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return any(
                c.raddr
                and c.status == psutil.CONN_ESTABLISHED
                and c.raddr.port in self._broker_ports
                for c in process.net_connections("tcp")
            )
        return False

    def _end(self, key: str, session: Any, now: float) -> None:
        """End a kernel as marimo's own button does, and write down why."""
        kernel = ended.EndedKernel(
            notebook=str(session.initialization_id),
            path=str(session.app_file_manager.path or ""),
            sessions=tuple({key, *map(str, session.room.consumers)}),
            pid=session.kernel_pid() or 0,
            code=None,
            out_of_memory=False,
            at=now,
            is_idle=True,
        )
        with contextlib.suppress(OSError):
            ended.write(Path(os.environ[ended.FILE_VARIABLE]), kernel)
        self._manager.close_session(key)


def install() -> None:
    """Make marimo end idle kernels, in this process, unless the timeout is 0."""
    timeout_s = float(os.environ.get(TIMEOUT_VARIABLE) or 0)
    if not timeout_s:
        return
    seen = Path(os.environ[DIRECTORY_VARIABLE])
    ports = {port for _, port in parse_addresses(os.environ.get("KAFKA_BOOTSTRAP_SERVERS", ""))}
    connect = SessionConnector._connect  # as `ended_kernels` has left it

    async def connect_and_watch(self: SessionConnector) -> Any:
        global _watch
        if _watch is None:  # there is no loop before
            _watch = asyncio.create_task(KernelWatch(self.manager, timeout_s, seen, ports).run())
        return await connect(self)

    SessionConnector._connect = connect_and_watch  # type: ignore[method-assign]
