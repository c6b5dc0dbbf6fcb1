"""Questions to marimo: which notebooks run, and the end of one."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import urlencode

import aiohttp

from ..marimo_process import Marimo
from .content import file_query

log = logging.getLogger("marimo_singleuser")

_LIST_TIMEOUT_S = 1.0  # the page is shown without marimo's answer
_STOP_TIMEOUT_S = 10.0
_SERVER_TOKEN = re.compile(r'"serverToken":\s*"([^"]+)"')


class MarimoSilent(Exception):
    """marimo did not do what it was asked."""


@dataclass(frozen=True)
class Running:
    """A notebook that has a kernel.

    Attributes:
        name: its file's name, or what marimo calls a notebook without a file.
        path: its path as the address has it; for a notebook without a file its session's id.
        session_id: marimo's id of the session.
        query: the query string of the notebook's address, without `?`.
    """

    name: str
    path: str
    session_id: str
    query: str


class MarimoAPI:
    """Asks marimo as its own page does."""

    def __init__(self, marimo: Marimo, session: aiohttp.ClientSession) -> None:
        self._marimo, self._session = marimo, session
        self._server_token: tuple[int | None, str] = (None, "")  # of the marimo with this pid

    async def running(self) -> list[Running]:
        """Return the notebooks that run; none if marimo does not answer at once."""
        if not self._marimo.ready:
            return []
        try:
            answer = await self._post("api/home/running_notebooks", {}, _LIST_TIMEOUT_S)
            return [_running(file) for file in answer["files"]]
        except (MarimoSilent, KeyError, TypeError):
            return []

    async def running_paths(self) -> list[str]:
        """Return the paths of the notebooks that run, as in `Running`."""
        return [running.path for running in await self.running()]

    async def stop(self, session_id: str) -> None:
        """End a notebook's kernel.

        Args:
            session_id: as in `Running`; one that is not there is no error.

        Raises:
            MarimoSilent: marimo did not do it.
        """
        if self._marimo.ready:  # without marimo there is no kernel
            body = {"sessionId": session_id}
            await self._post("api/home/shutdown_session", body, _STOP_TIMEOUT_S)

    async def stop_notebook(self, path: str) -> None:
        """End the kernels of a notebook.

        Args:
            path: the notebook's path below the directory that marimo opens.

        Raises:
            MarimoSilent: marimo did not do it.
        """
        for running in await self.running():
            if PurePath(running.path) == PurePath(path):
                await self.stop(running.session_id)

    async def _post(self, path: str, body: dict[str, Any], timeout_s: float) -> Any:
        """Send a POST and return the answer's JSON.

        Raises:
            MarimoSilent: there is no good answer in time.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            headers = {
                "Authorization": f"Bearer {self._marimo.token}",
                "Marimo-Server-Token": await self._token(timeout_s),
            }
            url = f"{self._marimo.url}/{path}"
            async with self._session.post(
                url, json=body, headers=headers, timeout=timeout
            ) as answer:
                if answer.status != 200:
                    raise MarimoSilent(f"{path}: {answer.status}")
                return await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as e:
            raise MarimoSilent(f"{path}: {type(e).__name__}") from e

    async def _token(self, timeout_s: float) -> str:
        """Return the token that marimo wants with each POST: it is in its page."""
        pid, token = self._server_token
        if token and pid == self._marimo.pid:
            return token
        pid = self._marimo.pid
        headers = {"Authorization": f"Bearer {self._marimo.token}"}
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        url = f"{self._marimo.url}/"
        async with self._session.get(url, headers=headers, timeout=timeout) as answer:
            found = _SERVER_TOKEN.search(await answer.text())
        if found is None:
            raise MarimoSilent("marimo's page has no token")
        self._server_token = (pid, found[1])
        return found[1]


def _running(file: dict[str, Any]) -> Running:
    """Return a notebook as the page shows it, from marimo's words about it."""
    path, session_id = str(file["path"]), str(file["sessionId"])
    if path == session_id:  # it was never saved
        key = file.get("initializationId") or path
        query = urlencode({"file": key, "session_id": session_id})
    else:
        query = file_query(path)
    return Running(str(file["name"]), path, session_id, query)
