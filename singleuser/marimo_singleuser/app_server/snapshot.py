"""The app's snapshot: fetched from the hub, unpacked in this server's own home."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
from mosshub_contract.apps import NUMBER_HEADER, SNAPSHOT_PATH, AppCard
from mosshub_contract.snapshots import BadSnapshot, Snapshot, unpack, write_files

from ..errors import StartError
from ..publishing.problems import code_problem, missing_packages, missing_words
from ..settings import Settings

log = logging.getLogger("marimo_singleuser")

_TIMEOUT_S = 60.0
_INTERVAL_S = 1.0


class SnapshotSource:
    """Fetches the snapshot whenever the hub has a newer one.

    Args:
        settings: what the hub told this server.
        session: HTTP client for requests to the hub.

    Attributes:
        card: what the author says about the app.
        requirements: the packages that the author had installed, a requirement a line.
        install: installs packages, a requirement a line; None until there is an environment.
        problem: why the app cannot run, a sentence; empty if it can.
    """

    card: AppCard
    install: Callable[[str], Awaitable[object]] | None = None
    problem = ""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self.requirements = ""
        self._settings, self._session = settings, session
        self._url = f"{settings.api_url}{SNAPSHOT_PATH}"
        self._number = ""
        self._task: asyncio.Task[None] | None = None
        self._environment: tuple[Path, Mapping[str, str]] | None = None
        self._asked_again = False

    async def begin(self) -> None:
        """Fetch the snapshot for the first time.

        Raises:
            StartError: the hub gives none.
        """
        try:
            await self.refresh()
        except (aiohttp.ClientError, TimeoutError, BadSnapshot, OSError) as error:
            raise StartError(f"The hub gives this app no snapshot ({error}).") from error

    def refresh_soon(self) -> None:
        """Fetch a newer snapshot, if there is one: once a second at most, whoever wants that."""
        self._asked_again = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._refresh_soon())

    async def _refresh_soon(self) -> None:
        while self._asked_again:
            self._asked_again = False
            # The hub is away, or the app is gone: then the hub stops this server.
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, BadSnapshot, OSError):
                await self.refresh()
            await asyncio.sleep(_INTERVAL_S)

    async def refresh(self) -> None:
        """Fetch the snapshot if it is another than before.

        Raises:
            ClientError: the hub does not answer, or this app is gone.
            BadSnapshot: the hub's answer is none.
            OSError: it cannot be written.
        """
        headers = {
            "Authorization": f"token {self._settings.api_token}",
            NUMBER_HEADER: self._number,
        }
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with self._session.get(self._url, headers=headers, timeout=timeout) as answer:
            answer.raise_for_status()
            if answer.status == 204:
                return
            snapshot = await asyncio.to_thread(unpack, await answer.read())
            number = answer.headers.get(NUMBER_HEADER, "")
        if self.install and snapshot.requirements != self.requirements:
            await self.install(snapshot.requirements)
        await asyncio.to_thread(self._write, snapshot)
        self.card, self.requirements = snapshot.card, snapshot.requirements
        self._number = number
        await self._look()
        log.warning("this app shows snapshot %s", number)

    async def prepare(self, python: Path, env: Mapping[str, str]) -> None:
        """Install what the snapshot needs, and see whether it can run.

        Args:
            python: the interpreter of the app's environment.
            env: environment variables for it.
        """
        self._environment = python, env
        if self.install:
            await self.install(self.requirements)
        await self._look()

    async def _look(self) -> None:
        directory = self._settings.notebooks
        file = directory / self.card.notebook
        code = await asyncio.to_thread(file.read_text, "utf-8", "replace")
        problem = code_problem(code)
        if self._environment and not problem:
            problem = missing_words(await missing_packages(code, directory, *self._environment))
        self.problem = problem

    def _write(self, snapshot: Snapshot) -> None:
        """Write the files of a snapshot, and remove those that are not in it."""
        directory = self._settings.notebooks
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.iterdir():
            if path.name not in snapshot.files:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
        write_files(snapshot, directory)
