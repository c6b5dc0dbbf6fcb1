"""May this request come from where it says it comes from? Pure functions over headers."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD"})
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
    """Whether `origin` (the Origin header) is the address the browser was asked for.

    The address is Host, or X-Forwarded-Host where a proxy in front rewrote Host: no web page can
    make a browser send either of them with a value of its own choice, so both can be believed for
    this question. X-Forwarded-Proto can only make the answer stricter: where the outermost proxy
    says https, a page that came over plain http (and may be an attacker's on the same network) is
    refused.
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


def refused(method: str, headers: Mapping[str, str], *, websocket: bool) -> str | None:
    """Why a request must not be answered because of where it comes from, or None if it may.

    A request without Origin and without Sec-Fetch-Site is not a browser's; sign-in decides then.
    """
    origin = headers.get("Origin") or headers.get("Sec-WebSocket-Origin")
    if origin is not None and not same_origin(origin, headers):
        return f"it comes from another website ({origin})"
    if headers.get("Sec-Fetch-Site", "").lower() == "cross-site":
        if websocket or method not in SAFE_METHODS:
            return "it comes from another website"
        # A link may lead here; embedding this server's answers in a foreign page may not.
        if headers.get("Sec-Fetch-Mode", "").lower() != "navigate":
            return "another website asks for it"
    return None


def is_page(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks for a page to show (and not a script, picture or API call)."""
    if method not in SAFE_METHODS:
        return False
    mode = headers.get("Sec-Fetch-Mode", "").lower()
    if mode:
        return mode == "navigate"
    return "text/html" in headers.get("Accept", "").lower()
