"""What all handlers share."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from ..activity import Activity
from ..marimo_process import Marimo
from ..settings import Settings


@dataclass(frozen=True)
class Services:
    """The parts of the program that request handlers use.

    Attributes:
        settings: what the hub told this server.
        marimo: the marimo process behind the proxy.
        activity: notes what the user does.
        session: HTTP client for requests to marimo.
    """

    settings: Settings
    marimo: Marimo
    activity: Activity
    session: aiohttp.ClientSession
