"""Tells the hub what this server knows of itself, and learns whether a newer editor is ready."""

from __future__ import annotations

import time

import aiohttp
from mosshub_contract.server_report import API_PATH, ServerReport, to_json

from .activity import Activity
from .disk import Disk
from .settings import Settings

_TIMEOUT_S = 10.0


class HubReport:
    """Sends the report whenever the activity is looked at.

    Args:
        settings: what the hub told this server.
        activity: knows when this server was used.
        disk: knows what the user's files take.
        session: HTTP client for requests to the hub.

    Attributes:
        newer_editor: whether this server's image has a newer version, as the hub said last.
    """

    def __init__(
        self, settings: Settings, activity: Activity, disk: Disk, session: aiohttp.ClientSession
    ) -> None:
        self.newer_editor = False
        self._url = f"{settings.api_url}{API_PATH}"
        self._headers = {
            "Authorization": f"token {settings.api_token}",
            "Content-Type": "application/json",
        }
        self._activity, self._disk, self._session = activity, disk, session

    async def send(self) -> None:
        """Send the report; a hub that does not take it hears the next one."""
        use = self._disk.use
        report = ServerReport(
            last_used=self._activity.last.timestamp(),
            kept_until=self._activity.keep.until(time.time()),
            disk_bytes=use.used if use else None,
            disk_limit=use.limit if use else None,
        )
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        try:
            async with self._session.post(
                self._url, data=to_json(report), headers=self._headers, timeout=timeout
            ) as answer:
                answer.raise_for_status()
                self.newer_editor = bool((await answer.json())["newer_editor"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
            return
