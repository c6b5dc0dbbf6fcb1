"""Honest activity: the hub is told what users and kernels do, and not that a tab is open."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

import aiohttp

from . import processes
from .cpu import CpuMeter
from .keep import Keep
from .marimo_process import Marimo
from .settings import Settings

log = logging.getLogger("marimo_singleuser")

# Cores. An idle kernel uses under 0.01, a working agent uses more than this.
_BUSY_CORES = 0.03
_REPORT_TIMEOUT_S = 20

# The page sends these by itself: when it loads, or again and again.
_AUTOMATIC = frozenset(
    {
        "api/kernel/instantiate",
        "api/kernel/focus_cell",
        "api/kernel/takeover",
        "api/files/list_files",
        "api/files/file_details",
        "api/files/search",
    }
)
_USER_ACTIONS = (
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
    "_mosshub/",  # the buttons of the start page
)


def is_user_action(method: str, path: str) -> bool:
    """Return whether a request is something that the user does.

    Args:
        method: the request's HTTP method.
        path: its path below the server's base URL, without a slash at its start.
    """
    if method in ("GET", "HEAD", "OPTIONS"):
        return False
    return path.startswith(_USER_ACTIONS) and path not in _AUTOMATIC


def is_keystroke(path: str, message: str | bytes) -> bool:
    """Return whether a WebSocket message from the browser is typing into a terminal.

    Args:
        path: the WebSocket's path below the server's base URL.
        message: the text or bytes that the browser sent.
    """
    if path != "terminal/ws":
        return False
    if isinstance(message, str) and message.startswith("{"):
        try:
            return json.loads(message).get("type") != "resize"
        except (ValueError, AttributeError):
            return True
    return True


class Activity:
    """The time at which the user or a kernel last did something, and its report to the hub.

    Attributes:
        last: that time, in UTC.
        keep: until when the user wants the server to run on.
    """

    def __init__(self, settings: Settings, marimo: Marimo, session: aiohttp.ClientSession) -> None:
        self.last = datetime.now(UTC)
        self.keep = Keep(settings.keep_at_most_s if settings.idle_timeout_s else 0)
        self._reported: datetime | None = None
        self._settings, self._marimo, self._session = settings, marimo, session
        self._meter = CpuMeter()
        self._failing = False

    def touch(self) -> None:
        """Note that something happens now."""
        self.last = datetime.now(UTC)

    async def sample(self) -> None:
        """Look at the kernels once, and tell the hub if there is news."""
        own = {self._marimo.pid, *self._marimo.helper_pids}
        processes.reap(pid for pid in own if pid)
        kernels = (p for p in processes.descendants() if p.pid not in own)
        if self._meter.cores_used(kernels) > _BUSY_CORES or await self._kernel_runs():
            self.touch()
        if self._counted() != self._reported:
            await self.report()

    async def _kernel_runs(self) -> bool:
        """Return whether a kernel says that a cell is running or queued."""
        marimo = self._marimo
        if not marimo.ready:
            return False
        base = f"{marimo.url}/api/"
        headers = {"Authorization": f"Bearer {marimo.token}"}
        try:
            async with self._session.get(base + "sessions", headers=headers) as answer:
                sessions = await answer.json() if answer.status == 200 else {}
            for session_id in sessions:
                of_session = {**headers, "Marimo-Session-Id": session_id}
                async with self._session.get(base + "kernel/status", headers=of_session) as answer:
                    if answer.status == 200 and (await answer.json()).get("state") == "running":
                        return True
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False  # marimo is restarting; the next sample tells
        return False

    @property
    def stops_in_s(self) -> float | None:
        """Seconds until the hub stops this server if it is not used; None if the hub does not."""
        timeout_s = self._settings.idle_timeout_s
        if not timeout_s:
            return None
        return max(self.last.timestamp(), self.keep.latest) + timeout_s - time.time()

    def _counted(self) -> datetime:
        """Return what counts as the last use: the present, as long as the user keeps the server."""
        kept = datetime.fromtimestamp(min(self.keep.latest, time.time()), UTC)
        return max(self.last, kept)

    async def report(self) -> None:
        """Tell the hub when something happened last."""
        last = self._counted()
        stamp = last.isoformat().replace("+00:00", "Z")
        body: dict[str, Any] = {"servers": {self._settings.server_name: {"last_activity": stamp}}}
        if not self._settings.app:  # whoever looks at an app is not its author
            body["last_activity"] = stamp
        try:
            async with self._session.post(
                self._settings.activity_url,
                json=body,
                headers={"Authorization": f"token {self._settings.api_token}"},
                timeout=aiohttp.ClientTimeout(total=_REPORT_TIMEOUT_S),
            ) as answer:
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as e:
            if not self._failing:
                status = getattr(e, "status", None) or type(e).__name__
                log.warning("the hub does not accept the activity (%s); it is sent again", status)
            self._failing = True
            return
        if self._failing:
            log.warning("the hub accepts the activity again")
        self._reported, self._failing = last, False
