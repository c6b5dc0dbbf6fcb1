"""What marimo gets of a viewer's request. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from tornado.httputil import HTTPHeaders

#: Header with the viewer's name, percent-encoded; only this program sets it.
VIEWER_HEADER = "X-Mosshub-Viewer"
# What HTTP and WebSockets need, and marimo's page. None of these says who somebody is.
_KEPT = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "marimo-server-token",
        "marimo-session-id",
        "origin",
        "range",
        "transfer-encoding",
        "upgrade",
    }
)
# What a page in run mode asks of marimo. Everything else is the editor's.
_OPEN = re.compile(
    r"|ws|health|assets/.*|@file/.*|public/.*|public-files-sw\.js|favicon\.ico|manifest\.json"
    r"|logo\.png|apple-touch-icon\.png|android-chrome-(192x192|512x512)\.png|custom\.css"
    r"|api/kernel/(set_ui_element_value|set_model_value|function_call|instantiate)"
    r"|api/status/connections|api/version"
)


def is_open(path: str) -> bool:
    """Return whether a viewer's page may ask marimo for this.

    Args:
        path: the path below the base URL, decoded once, as marimo reads it.
    """
    return _OPEN.fullmatch(path) is not None and ".." not in path.split("/")


def headers_for_app(headers: Iterable[tuple[str, str]], viewer: str | None) -> HTTPHeaders:
    """Return the headers of a viewer's request that an app may see.

    Args:
        headers: name and value of each header that the browser sent.
        viewer: the viewer's name; None if the app does not learn it.
    """
    kept = HTTPHeaders()
    for name, value in headers:
        low = name.lower()
        if low in _KEPT or low.startswith("sec-websocket-"):
            kept.add(name, value)
    if viewer is not None:
        kept[VIEWER_HEADER] = quote(viewer, safe="")
    return kept
