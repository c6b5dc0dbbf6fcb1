"""Which requests are for the start page and its buttons. All others are marimo's."""

from __future__ import annotations

import re
from typing import Any

from tornado import httputil, routing

from ..copies import handlers as copies
from ..frame.status import Status
from ..frame.views import Views
from ..history import handlers as history
from ..proxy.headers import query_without_token
from ..proxy.own_page import OWN
from ..proxy.paths import below
from ..proxy.services import Services
from ..publishing import handlers as publishing
from ..publishing.publisher import Publisher
from .download import DownloadFiles
from .handlers import ButtonReport, PageFile, RestoreOriginal, StartPage, StopNotebook
from .marimo_api import MarimoAPI


class IsStartPage(routing.Matcher):
    """Matches the server's root without a query. `?file=` opens a notebook, `?files=all` the list.

    marimo answers both, and what else there is at this address: WebSockets and other methods.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        """Return no arguments for the handler if the request is for it, else None."""
        is_ours = (
            request.method in ("GET", "HEAD")
            and "Upgrade" not in request.headers
            and below(self._base_url, request.path) == ""
            and query_without_token(request.query) == ""
        )
        return {} if is_ours else None


def rules(
    services: Services, views: Views, status: Status, publisher: Publisher
) -> list[routing.Rule | tuple]:
    """Return the rules of this room; they go before the rule for marimo.

    Args:
        services: what all handlers share.
        views: how each notebook opens.
        status: looks at the server.
        publisher: publishes the user's notebooks.
    """
    own = re.escape(services.settings.base_url + OWN)
    parts = {
        "services": services,
        "marimo_api": MarimoAPI(services.marimo, services.session),
        "report": ButtonReport(),
        "views": views,
        "status": status,
    }
    return [
        routing.Rule(IsStartPage(services.settings.base_url), StartPage, parts),
        (rf"{own}(home\.css|prefetch\.js)", PageFile, parts),
        (rf"{own}my-files\.zip", DownloadFiles, {"services": services}),
        (rf"{own}stop", StopNotebook, parts),
        (rf"{own}restore", RestoreOriginal, parts),
        *history.rules(services, parts),
        *publishing.rules(services, publisher, parts),
        *copies.rules(services, parts),
    ]
