"""What a browser wants by a request: to show a whole page, or something else. Pure functions.

Hub and users' servers decide by the same rules, so no request is a page to one of them only.
"""

from __future__ import annotations

from collections.abc import Mapping

SAFE_METHODS = frozenset({"GET", "HEAD"})
# A page shows these inside itself.
_FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})


def is_page_load(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a browser loads a page, and not a script, an image or an API's answer.

    Args:
        method: the request's HTTP method.
        headers: the request's headers.
    """
    if method not in SAFE_METHODS:
        return False
    mode = headers.get("Sec-Fetch-Mode", "").lower()
    if mode:
        return mode == "navigate"
    return "text/html" in headers.get("Accept", "").lower()


def fills_the_window(headers: Mapping[str, str]) -> bool:
    """Return whether a browser says that it goes to a page, and not to a frame within one.

    Args:
        headers: the request's headers.
    """
    navigates = headers.get("Sec-Fetch-Mode", "").lower() == "navigate"
    return navigates and headers.get("Sec-Fetch-Dest", "").lower() not in _FRAMES
