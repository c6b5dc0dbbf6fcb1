"""Which requests are for the frame. They go before the rule for marimo."""

from __future__ import annotations

import re

from tornado import routing

from ..proxy.own_page import OWN
from ..proxy.services import Services
from .handlers import AskHubAgain, ChooseView, FrameScript, KeepRunning, SignedIn, StatusHandler
from .seen import Seen
from .status import Status
from .views import Views


def rules(
    services: Services, status: Status, views: Views, seen: Seen
) -> list[routing.Rule | tuple]:
    """Return the rules of this room.

    Args:
        services: what all handlers share.
        status: looks at the server.
        views: how each notebook opens.
        seen: which pages are seen.
    """
    own = re.escape(services.settings.base_url + OWN)
    shared = {"services": services}
    return [
        (rf"{own}frame\.js", FrameScript, shared),
        (rf"{own}status", StatusHandler, {**shared, "status": status, "seen": seen}),
        (rf"{own}signed-in", SignedIn, shared),
        (rf"{own}view", ChooseView, {**shared, "views": views}),
        (rf"{own}keep", KeepRunning, shared),
        (rf"{own}ask-hub-again", AskHubAgain, shared),
    ]
