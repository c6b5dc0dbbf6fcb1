"""The user's account on the broker: read from the hub, kept in a file for the kernels.

The account is in no environment and no argument, which other processes could read. It is not in the
home directory either, because backups of the home outlive the right to the account.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import aiohttp
from mosshub_contract.broker_account import API_PATH, BrokerAccount
from mosshub_contract.files import write_atomically

from .settings import Settings

log = logging.getLogger("marimo_singleuser")

_REFRESH_INTERVAL_S = 25.0  # the password may have changed, or the account may be revoked
_RETRY_INTERVAL_S = 5.0  # the same, while there is no account yet or the broker is away
_REQUEST_TIMEOUT_S = 10.0
_MEMORY = Path("/dev/shm")  # noqa: S108  the file is in a new directory below it

# By these the hub says that there is no account for this server, or no longer one.
_REFUSALS = (401, 403, 404)


class BrokerAccountFile:
    """The file that holds the account, as the hub last gave it.

    The file is in a new directory that only its owner may enter. The directory is in memory where
    the system has a place for that. While the hub does not answer, the file stays as it is.

    Attributes:
        path: the file; it exists while the user has an account.
        refused: the hub said that there is no account for this server.
    """

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        in_memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        self._directory = Path(tempfile.mkdtemp(prefix="mosshub-", dir=in_memory))
        self.path = self._directory / "broker-account.json"
        self.refused = False
        self._url = f"{settings.api_url}{API_PATH}"
        self._headers = {"Authorization": f"token {settings.api_token}"}
        self._session = session
        self._ready = False

    async def refresh(self) -> None:
        """Ask the hub once, and write or delete the file as it answers."""
        try:
            async with self._session.get(
                self._url,
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=_REQUEST_TIMEOUT_S),
            ) as answer:
                if answer.status in _REFUSALS:
                    self._refuse(answer.status)
                    return
                answer.raise_for_status()
                account = BrokerAccount.from_json(await answer.text())
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return  # the hub does not answer: the last account stays valid
        self.refused = False
        self._ready = not account.away
        if account.authority:
            authority = self.path.with_name("authority.pem")
            self._write(authority, account.authority)
            account = replace(account, authority=None, cafile=str(authority))
        self._write(self.path, account.to_json())

    async def run(self) -> None:
        """Refresh the file again and again, until cancelled."""
        while True:
            settled = self._ready or self.refused
            await asyncio.sleep(_REFRESH_INTERVAL_S if settled else _RETRY_INTERVAL_S)
            await self.refresh()

    def remove(self) -> None:
        """Delete the file and its directory."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _refuse(self, status: int) -> None:
        if self.path.exists():
            log.warning("the hub gives this server no broker account any more (status %d)", status)
        self.path.unlink(missing_ok=True)
        self.refused, self._ready = True, False

    def _write(self, path: Path, text: str) -> None:
        if path.exists() and path.read_text() == text:
            return
        write_atomically(path, text, mode=0o600)
