"""What admins tell the user, as the hub says it."""

from __future__ import annotations

import asyncio
import time

import aiohttp
from mosshub_contract.team_messages import API_PATH, TeamMessage, from_json

from .settings import Settings

_VALID_S = 20.0  # every editor with an open page asks the hub
_REQUEST_TIMEOUT_S = 2.0  # a page waits for it


class TeamMessages:
    """The messages to this server's user. While the hub does not answer, the last ones stay.

    Args:
        settings: what the hub told this server.
        session: HTTP client for requests to the hub.
    """

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._url = f"{settings.api_url}{API_PATH}"
        self._headers = {"Authorization": f"token {settings.api_token}"}
        self._session = session
        self._messages: list[TeamMessage] = []
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    async def current(self) -> list[TeamMessage]:
        """Return the messages; the hub is asked every twenty seconds at most."""
        async with self._asking:
            now = time.monotonic()
            if self._asked_at is None or now - self._asked_at >= _VALID_S:
                await self._ask()
                self._asked_at = time.monotonic()
            return self._messages

    async def _ask(self) -> None:
        timeout = aiohttp.ClientTimeout(total=_REQUEST_TIMEOUT_S)
        try:
            async with self._session.get(
                self._url, headers=self._headers, timeout=timeout
            ) as answer:
                answer.raise_for_status()
                self._messages = from_json(await answer.text())
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return
