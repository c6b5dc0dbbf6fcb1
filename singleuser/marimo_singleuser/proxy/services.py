"""What all handlers share."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from ..activity import Activity
from ..home.preparation import Home
from ..marimo_process import Marimo
from ..settings import Settings


@dataclass(frozen=True)
class Services:
    """The parts of the program that request handlers use.

    Attributes:
        settings: what the hub told this server.
        home: the user's home, and what the user should know about it.
        marimo: the marimo process behind the proxy.
        activity: notes what the user does.
        session: HTTP client for requests to marimo.
    """

    settings: Settings
    home: Home
    marimo: Marimo
    activity: Activity
    session: aiohttp.ClientSession
