"""The person's account on the broker: fetched from the hub, kept in a file for the kernels.

It is in no environment and no argument, which others could see, and not in the home, which is
backed up and outlives the right to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import tempfile
from pathlib import Path

import aiohttp

from .settings import Settings

log = logging.getLogger("marimo_singleuser")

VARIABLE = "MOSSHUB_BROKER_ACCOUNT"
_EVERY = 25.0  # seconds between two looks: whether the secret changed, whether it may be kept
_SOON = 5.0  # … while it is not there yet, or the broker is away
_MEMORY = Path("/dev/shm")  # noqa: S108  a directory of our own is made in it

# The hub's way of saying that there is no account for this server, or none any more.
_REFUSALS = (401, 403, 404)


class BrokerAccount:
    """Keeps the file as the hub says.

    `path` is in a new directory that only its owner may enter, in memory where the system has a
    place for that. While the hub is away it stays as it is.
    """

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        in_memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        self._directory = Path(tempfile.mkdtemp(prefix="mosshub-", dir=in_memory))
        self.path = self._directory / "broker-account.json"
        self.refused = False
        self._url = f"{settings.api_url}/mosshub/broker-account"
        self._headers = {"Authorization": f"token {settings.api_token}"}
        self._session = session
        self._ready = False

    async def look(self) -> None:
        """Ask the hub once, and write or delete the file if that is its answer."""
        timeout = aiohttp.ClientTimeout(total=10)
        try:
            async with self._session.get(
                self._url, headers=self._headers, timeout=timeout
            ) as answer:
                if answer.status in _REFUSALS:
                    self._refuse(answer.status)
                    return
                answer.raise_for_status()
                account = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return  # the hub is away: what is known stays true
        self.refused = False
        self._ready = account.get("broker") == "ready"
        self._write(json.dumps(account))

    def _refuse(self, status: int) -> None:
        if self.path.exists():
            log.warning("the hub gives no broker account any more (%d)", status)
        self.path.unlink(missing_ok=True)
        self.refused, self._ready = True, False

    def _write(self, text: str) -> None:
        if self.path.exists() and self.path.read_text() == text:
            return
        new = self.path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        new.replace(self.path)  # a kernel reads the old one or the new one

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY if self._ready or self.refused else _SOON)
            await self.look()

    def remove(self) -> None:
        """Delete the file and its directory."""
        shutil.rmtree(self._directory, ignore_errors=True)
