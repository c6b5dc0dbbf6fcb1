"""Gives copies to the hub, lists them, takes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from mosshub_contract.copies import (
    API_PATH,
    MAX_BYTES,
    Audience,
    Copy,
    Listed,
    copy_from_json,
    digest,
    listed_from_json,
    to_json,
)

from ..settings import Settings
from .bundle import NotCopied, read_notebook
from .taken import Taken

_VALID_S = 10.0
_LIST_TIMEOUT_S = 2.0  # a page waits for it
_TIMEOUT_S = 30.0


class Refused(Exception):
    """The hub did not do it.

    Attributes:
        status: an HTTP status for the page that says so.
    """

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True)
class Overview:
    """The copies that concern the user.

    Attributes:
        given: those that the user gives.
        waiting: those that somebody sent to the user.
        taken: those that the user took, as they are now.
    """

    given: tuple[Listed, ...] = ()
    waiting: tuple[Listed, ...] = ()
    taken: tuple[Listed, ...] = ()


@dataclass(frozen=True)
class Found:
    """A copy that somebody looks at or takes.

    Attributes:
        about: what lists say of it.
        copy: its content.
    """

    about: Listed
    copy: Copy


class CopiesHub:
    """Talks with the hub about copies. While it does not answer, the last list stays known.

    Args:
        settings: what the hub told this server.
        taken: which copies the user took.
        session: HTTP client for requests to the hub.
    """

    def __init__(self, settings: Settings, taken: Taken, session: aiohttp.ClientSession) -> None:
        self._url = f"{settings.api_url}{API_PATH}"
        self._headers = {"Authorization": f"token {settings.api_token}"}
        self._notebooks: Path = settings.notebooks
        self._taken, self._session = taken, session
        self._overview = Overview()
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    async def overview(self, *, now: bool = False) -> Overview:
        """Return the copies that concern the user; the hub is asked every ten seconds at most.

        Args:
            now: ask it in any case.
        """
        async with self._asking:
            at = time.monotonic()
            if now or self._asked_at is None or at - self._asked_at >= _VALID_S:
                with contextlib.suppress(Refused):  # the last list stays
                    await self._ask()
                self._asked_at = time.monotonic()
            return self._overview

    async def give(self, copy: Copy) -> Listed:
        """Give a copy.

        Raises:
            Refused: the hub does not take it.
        """
        return listed_from_json(await self._request("POST", "", to_json(copy)))

    async def find(self, id_: str) -> Found:
        """Return a copy.

        Raises:
            Refused: there is none that the user may have.
        """
        found = await self._request("GET", f"/{quote(id_, safe='')}")
        try:
            about = listed_from_json(found["about"])
            raw = {"notebook": about.notebook, "text": found["text"], "cells": found["cells"]}
            empty: dict[str, Any] = {"users": [], "groups": [], "link": False}
            return Found(about, copy_from_json(json.dumps({**raw, "audience": empty})))
        except (KeyError, TypeError, ValueError):
            raise Refused(502, "The hub's answer is no copy of a notebook") from None

    async def dismiss(self, id_: str) -> None:
        """Let a copy wait no longer."""
        await self._request("POST", f"/{quote(id_, safe='')}")

    async def take_back(self, id_: str) -> None:
        """Take back a copy that the user gives."""
        await self._request("DELETE", f"/{quote(id_, safe='')}")

    async def _ask(self) -> None:
        ids = ",".join(sorted({one.id for one in await asyncio.to_thread(self._taken.all)}))
        found = await self._request("GET", f"?taken={ids}", timeout_s=_LIST_TIMEOUT_S)
        try:
            self._overview = Overview(
                *(tuple(map(listed_from_json, found[k])) for k in ("given", "waiting", "taken"))
            )
        except (KeyError, TypeError, ValueError):
            return
        for one, mark in await asyncio.to_thread(self._changed, self._overview.given):
            await self._request("POST", f"/{one.id}", mark)

    def _changed(self, given: Iterable[Listed]) -> list[tuple[Listed, str]]:
        """Return the copies whose originals are otherwise than the hub knows, and how they are."""
        found = []
        for one in given:
            try:
                mark = digest(read_notebook(self._notebooks, one.notebook))
            except NotCopied:
                continue  # deleted, or given another name
            if mark != one.original:
                found.append((one, mark))
        return found

    async def _request(
        self, method: str, path: str, body: str | None = None, timeout_s: float = _TIMEOUT_S
    ) -> Any:
        """Return the hub's answer; None for one without content.

        Raises:
            Refused: the hub refuses, or does not answer.
        """
        if body is not None and len(body) > MAX_BYTES:
            raise Refused(413, "The notebook is too large for a copy")
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        headers = {**self._headers, "Content-Type": "application/json"}
        try:
            async with self._session.request(
                method, f"{self._url}{path}", data=body, headers=headers, timeout=timeout
            ) as answer:
                if answer.status == 204:
                    return None
                found = await answer.json()
                if answer.status == 200:
                    return found
                raise Refused(answer.status, str(found.get("message", answer.reason)))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise Refused(503, "The hub does not answer. Try again in a minute") from None


def audience(users: str, groups: str, *, link: bool) -> Audience:
    """Return an audience as a form has it.

    Args:
        users: names of users, separated by commas.
        groups: names of groups, separated by commas.
        link: whether everybody who is signed in may have it by its address.
    """
    names, teams = (
        tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
        for text in (users.lower(), groups)
    )
    return Audience(names, teams, link)
