"""The hub's side of publishing, as a user's server asks for it with its own token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp
from mosshub_contract.apps import API_PATH
from mosshub_contract.snapshots import Snapshot, pack

from ..settings import Settings

_ASK_TIMEOUT_S = 5.0
_SEND_TIMEOUT_S = 120.0


class NotPublished(Exception):
    """The hub did not do it; the message is a sentence for the user."""


@dataclass(frozen=True)
class Published:
    """What the hub says of a user's apps.

    Attributes:
        apps: the apps, as the hub describes them.
        groups: the user's groups.
        no_sharing: why nobody else can open an app here; empty if they can.
        is_laptop: whether all servers are processes of one operating-system user.
        has_accounts: whether apps have accounts on the broker.
    """

    apps: list[dict[str, Any]]
    groups: list[str]
    no_sharing: str
    is_laptop: bool
    has_accounts: bool


class HubApps:
    """Asks the hub.

    Args:
        settings: what the hub told this server.
        session: HTTP client for requests to the hub.
    """

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._url = f"{settings.api_url}{API_PATH}"
        self._token = settings.api_token
        self._session = session

    async def published(self) -> Published:
        """Return the user's apps.

        Raises:
            NotPublished: the hub does not say.
        """
        return Published(**await self._ask("GET", "", _ASK_TIMEOUT_S))

    async def publish(self, snapshot: Snapshot, *, keeps_audience: bool = False) -> dict[str, Any]:
        """Send a snapshot; return the app as the hub describes it.

        Args:
            snapshot: what the app is to show.
            keeps_audience: whether those may open it who may now, whomever the snapshot names.

        Raises:
            NotPublished: the hub refuses it, or does not answer.
            BadSnapshot: it is too large.
        """
        query = "?audience=kept" if keeps_audience else ""
        return await self._ask("PUT", query, _SEND_TIMEOUT_S, pack(snapshot))

    async def unpublish(self, slug: str) -> None:
        """End an app.

        Raises:
            NotPublished: the hub refuses it, or does not answer.
        """
        await self._ask("DELETE", f"/{slug}", _SEND_TIMEOUT_S)

    async def _ask(self, method: str, path: str, timeout_s: float, body: bytes = b"") -> Any:
        headers = {
            "Authorization": f"token {self._token}",
            "Content-Type": "application/x-tar",
            "Accept": "application/json",
        }
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._session.request(
                method, self._url + path, data=body or None, headers=headers, timeout=timeout
            ) as answer:
                if answer.status == 204:
                    return None
                found = await answer.json(content_type=None)
                if answer.status >= 400:
                    raise NotPublished(str(found.get("message") or "The hub refuses it."))
                return found
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError):
            raise NotPublished("The hub does not answer. Try again in a minute.") from None
