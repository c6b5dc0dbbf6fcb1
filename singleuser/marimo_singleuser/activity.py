"""Honest activity: what a person or a kernel does, told to the hub; not that a tab is open."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime

import aiohttp
import psutil

from . import processes
from .marimo_process import Marimo
from .settings import Settings

log = logging.getLogger("marimo_singleuser")

# A share of one core. An idle kernel takes under 1 %, an agent that works takes more.
CPU_SHARE = 0.03

# What the page sends by itself, with nobody there: on load, or every so often.
_BY_ITSELF = frozenset(
    {
        "api/kernel/instantiate",
        "api/kernel/focus_cell",
        "api/kernel/takeover",
        "api/files/list_files",
        "api/files/file_details",
        "api/files/search",
    }
)
_BY_PERSON = (
    "api/kernel/",
    "api/document/",
    "api/files/",
    "api/packages/",
    "api/secrets/",
    "api/ai/",
    "api/sql/",
    "api/home/shutdown_session",
    "api/home/tutorial/",
    "api/export/requirements/",
)


def is_deed(method: str, path: str) -> bool:
    """Whether a request is something a person does; `path` is what follows the base URL."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return False
    return path.startswith(_BY_PERSON) and path not in _BY_ITSELF


def is_keystroke(path: str, message: str | bytes) -> bool:
    """Whether a WebSocket message from the browser is a person's typing into a terminal."""
    if path != "terminal/ws":
        return False
    if isinstance(message, str) and message.startswith("{"):
        try:
            return json.loads(message).get("type") != "resize"
        except (ValueError, AttributeError):
            return True
    return True


class CpuMeter:
    """CPU time that a changing set of processes took between two looks."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, float], float] = {}
        self._at: float | None = None

    def share(self, found: Iterable[psutil.Process]) -> float:
        """Cores used on average since the last call (1.0 is one core); 0.0 at the first."""
        now, times = time.monotonic(), {}
        for process in found:
            try:
                cpu = process.cpu_times()
                times[(process.pid, process.create_time())] = cpu.user + cpu.system
            except psutil.Error:
                continue
        before, at = self._seen, self._at
        self._seen, self._at = times, now
        if at is None or now <= at:
            return 0.0
        return sum(t - before.get(key, 0.0) for key, t in times.items()) / (now - at)


class Activity:
    """Knows when somebody or something last did something here, and tells the hub."""

    def __init__(self, settings: Settings, marimo: Marimo, session: aiohttp.ClientSession) -> None:
        self.last = datetime.now(UTC)
        self._told: datetime | None = None
        self._settings, self._marimo, self._session = settings, marimo, session
        self._meter = CpuMeter()
        self._failing = False

    def touch(self) -> None:
        """Something happened now."""
        self.last = datetime.now(UTC)

    async def look(self) -> None:
        """Look at the kernels once, and tell the hub if there is news."""
        own = {self._marimo.pid, *self._marimo.keep_pids}
        processes.reap(pid for pid in own if pid)
        working = self._meter.share(p for p in processes.descendants() if p.pid not in own)
        if working > CPU_SHARE or await self._kernel_runs():
            self.touch()
        if self.last != self._told:
            await self._tell()

    async def _kernel_runs(self) -> bool:
        """Whether a kernel says that a cell is running or queued."""
        marimo = self._marimo
        if not marimo.ready:
            return False
        base = f"{marimo.url}{marimo.base_url}api/"
        headers = {"Authorization": f"Bearer {marimo.token}"}
        try:
            async with self._session.get(base + "sessions", headers=headers) as answer:
                sessions = await answer.json() if answer.status == 200 else {}
            for session_id in sessions:
                own = {**headers, "Marimo-Session-Id": session_id}
                async with self._session.get(base + "kernel/status", headers=own) as answer:
                    if answer.status == 200 and (await answer.json()).get("state") == "running":
                        return True
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False  # it is just restarting; the next look tells
        return False

    async def _tell(self) -> None:
        last = self.last
        stamp = last.isoformat().replace("+00:00", "Z")
        body = {"servers": {self._settings.server_name: {"last_activity": stamp}}}
        try:
            async with self._session.post(
                self._settings.activity_url,
                json={**body, "last_activity": stamp},
                headers={"Authorization": f"token {self._settings.api_token}"},
                timeout=aiohttp.ClientTimeout(total=20),
            ) as answer:
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as e:
            if not self._failing:
                status = getattr(e, "status", None) or type(e).__name__
                log.warning("the hub does not take this server's activity (%s); trying on", status)
            self._failing = True
            return
        if self._failing:
            log.warning("the hub takes this server's activity again")
        self._told, self._failing = last, False
