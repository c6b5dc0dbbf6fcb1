"""Tells the hub what this server does in the team's folder, and asks it for all others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import aiohttp
from mosshub_contract.team_folder import (
    API_PATH,
    MOST_NAMED,
    Known,
    Told,
    known_from_json,
    told_to_json,
)

from ..settings import Settings
from . import saves
from .places import below_team

_VALID_S = 10.0  # every open page asks
_TIMEOUT_S = 2.0  # a page waits for it


class TeamRecord:
    """Who saved what, and what is open where. While the hub does not answer, the last stays known.

    Args:
        settings: what the hub told this server.
        session: HTTP client for requests to the hub.
        saved: the file in which marimo's process writes down what it saved.
        running: returns the paths of the notebooks that are open in this server.
    """

    def __init__(
        self,
        settings: Settings,
        session: aiohttp.ClientSession,
        saved: Path,
        running: Callable[[], Awaitable[Iterable[str]]],
    ) -> None:
        self._directory, self._session = settings.team_directory, session
        self._saved, self._running = saved, running
        self._url = f"{settings.api_url}{API_PATH}"
        self._headers = {
            "Authorization": f"token {settings.api_token}",
            "Content-Type": "application/json",
        }
        self._known, self._opened = Known(), ()  # type: tuple[Known, tuple[str, ...]]
        self._asked_at: float | None = None
        self._looked_at: float | None = None
        self._asking = asyncio.Lock()

    async def current(self, *, now: bool = False) -> Known:
        """Return what all servers told; the hub is asked every ten seconds at most.

        Args:
            now: ask it in any case.
        """
        if self._directory is None:
            return self._known
        async with self._asking:
            at = time.monotonic()
            if now or self._asked_at is None or at - self._asked_at >= _VALID_S:
                await self._ask(self._directory)
                self._asked_at = time.monotonic()
            return self._known

    async def elsewhere(self) -> dict[str, tuple[str, ...]]:
        """Return in whose editors the notebooks are open that are open here, too.

        The hub is asked only if one is open here: every open page of every server asks for this.
        """
        if self._directory is None:
            return {}
        async with self._asking:
            at = time.monotonic()
            if self._looked_at is None or at - self._looked_at >= _VALID_S:
                await self._look(self._directory)
        if not self._opened:
            return {}
        known = await self.current()
        return {path: names for path in self._opened if (names := known.opened.get(path))}

    async def _look(self, directory: Path) -> None:
        """See which notebooks of the team are open here."""
        found = (below_team(directory, path) for path in await self._running())
        self._opened = tuple(path for path in found if path)
        self._looked_at = time.monotonic()

    async def _ask(self, directory: Path) -> None:
        await self._look(directory)
        saved = await asyncio.to_thread(saves.read, self._saved)
        told = Told(dict(list(saved.items())[-MOST_NAMED:]), self._opened)
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        try:
            async with self._session.post(
                self._url, data=told_to_json(told), headers=self._headers, timeout=timeout
            ) as answer:
                answer.raise_for_status()
                self._known = known_from_json(await answer.text())
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return
