"""What all handlers share."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from ..activity import Activity
from ..copies.hub import CopiesHub
from ..copies.taken import Taken
from ..disk import Disk
from ..home.preparation import Home
from ..hub_report import HubReport
from ..marimo_process import Marimo
from ..settings import Settings
from ..team.listing import TeamDisk
from ..team.record import TeamRecord
from ..team_messages import TeamMessages


@dataclass(frozen=True)
class Services:
    """The parts of the program that request handlers use.

    Attributes:
        settings: what the hub told this server.
        home: the user's home, and what the user should know about it.
        marimo: the marimo process behind the proxy.
        activity: notes what the user does.
        messages: what admins tell the user.
        disk: what the user's files take.
        report: tells the hub about this server.
        team: what happens in the team's folder.
        team_disk: what that folder takes.
        copies: gives and takes copies of notebooks.
        taken: which notebooks the user took.
        session: HTTP client for requests to marimo.
    """

    settings: Settings
    home: Home
    marimo: Marimo
    activity: Activity
    messages: TeamMessages
    disk: Disk
    report: HubReport
    team: TeamRecord
    team_disk: TeamDisk
    copies: CopiesHub
    taken: Taken
    session: aiohttp.ClientSession
