"""Where a request comes from, judged by its headers. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from mosshub_contract.page_loads import SAFE_METHODS, fills_the_window

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def _first(value: str | None) -> str:
    return (value or "").split(",")[0].strip()


def _host_port(netloc: str, scheme: str) -> tuple[str, int | None] | None:
    try:
        parts = urlsplit(f"//{netloc}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or "@" in netloc:
        return None
    return parts.hostname.lower(), port or _DEFAULT_PORTS.get(scheme)


def same_origin(origin: str, headers: Mapping[str, str]) -> bool:
    """Return whether a page's origin is the address that the request was sent to.

    That address is Host, or X-Forwarded-Host where a proxy in front rewrote Host. No web page can
    choose what a browser sends in either of them, so both are trusted here. X-Forwarded-Proto only
    makes the answer stricter: where the outermost proxy says https, a page that came over plain
    http is refused, since an attacker on the same network may have sent it.

    Args:
        origin: value of the Origin header.
        headers: the request's headers.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.netloc:
        return False  # includes the opaque "null"
    if _first(headers.get("X-Forwarded-Proto")).lower() in ("https", "wss") and scheme != "https":
        return False
    asked = _host_port(parts.netloc, scheme)
    if asked is None:
        return False
    hosts = (_first(headers.get("Host")), _first(headers.get("X-Forwarded-Host")))
    return any(host and _host_port(host, scheme) == asked for host in hosts)


def origin_error(method: str, headers: Mapping[str, str], *, websocket: bool) -> str | None:
    """Return why a request is refused because of where it comes from.

    A browser sends Origin or Sec-Fetch-Site. Without both, the sign-in alone decides.

    Args:
        method: the request's HTTP method.
        headers: the request's headers.
        websocket: the request opens a WebSocket.

    Returns:
        One clause for the user; None if the request may be answered.
    """
    origin = headers.get("Origin") or headers.get("Sec-WebSocket-Origin")
    if origin is not None and not same_origin(origin, headers):
        return f"the request comes from another website ({origin})"
    # Another user's page is same-site: its host has the same domain.
    if headers.get("Sec-Fetch-Site", "").lower() in ("cross-site", "same-site"):
        if websocket or method not in SAFE_METHODS:
            return "the request comes from another website"
        # A link on a foreign page may lead here. A foreign page may not embed or read the answers.
        if not fills_the_window(headers):
            return "the request comes from a page of another website"
    return None
