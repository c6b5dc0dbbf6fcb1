"""The app's snapshot: fetched from the hub, unpacked in this server's own home."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable

import aiohttp
from mosshub_contract.apps import NUMBER_HEADER, SNAPSHOT_PATH, AppCard
from mosshub_contract.snapshots import BadSnapshot, Snapshot, unpack, write_files

from ..errors import StartError
from ..settings import Settings

log = logging.getLogger("marimo_singleuser")

_TIMEOUT_S = 60.0


class SnapshotSource:
    """Fetches the snapshot whenever the hub has a newer one.

    Args:
        settings: what the hub told this server.
        session: HTTP client for requests to the hub.

    Attributes:
        card: what the author says about the app.
        requirements: the packages that the author had installed, a requirement a line.
        install: installs other packages before a later snapshot is shown; None at the start.
    """

    card: AppCard
    install: Callable[[str], Awaitable[object]] | None = None

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self.requirements = ""
        self._settings, self._session = settings, session
        self._url = f"{settings.api_url}{SNAPSHOT_PATH}"
        self._number = ""
        self._fetching = asyncio.Lock()

    async def begin(self) -> None:
        """Fetch the snapshot for the first time.

        Raises:
            StartError: the hub gives none.
        """
        try:
            await self.refresh()
        except (aiohttp.ClientError, TimeoutError, BadSnapshot, OSError) as error:
            raise StartError(f"The hub gives this app no snapshot ({error}).") from error

    async def refresh(self) -> bool:
        """Fetch the snapshot if it is another than before; return whether it was.

        Raises:
            ClientError: the hub does not answer, or this app is gone.
            BadSnapshot: the hub's answer is none.
            OSError: it cannot be written.
        """
        async with self._fetching:
            headers = {
                "Authorization": f"token {self._settings.api_token}",
                NUMBER_HEADER: self._number,
            }
            timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
            async with self._session.get(self._url, headers=headers, timeout=timeout) as answer:
                answer.raise_for_status()
                if answer.status == 204:
                    return False
                snapshot = await asyncio.to_thread(unpack, await answer.read())
                number = answer.headers.get(NUMBER_HEADER, "")
            if self.install and snapshot.requirements != self.requirements:
                await self.install(snapshot.requirements)
            await asyncio.to_thread(self._write, snapshot)
            self.card, self.requirements = snapshot.card, snapshot.requirements
            self._number = number
            log.warning("this app shows snapshot %s", number)
            return True

    def _write(self, snapshot: Snapshot) -> None:
        """Write the files of a snapshot, and remove those that are not in it."""
        directory = self._settings.notebooks
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.iterdir():
            if path.name not in snapshot.files:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
        write_files(snapshot, directory)
