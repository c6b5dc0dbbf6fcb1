"""What of a request and an answer passes between browser and marimo. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_plus, urlsplit, urlunsplit

# Meant for one hop only (RFC 9110, 7.6.1), and what each hop writes anew.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
    }
)
# The hub's credentials; marimo shows every header of a request to notebook code.
_CREDENTIALS = frozenset({"cookie", "authorization", "x-xsrftoken", "x-csrftoken"})


def without_token(url: str) -> str:
    """`url` (or its path and query) without a `token=` parameter, the rest unchanged."""
    if "token" not in url and "%" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit(parts._replace(query=query_without_token(parts.query)))


def query_without_token(query: str) -> str:
    """The query string without `token` parameters, however their name is percent-encoded."""
    kept = [p for p in query.split("&") if unquote_plus(p.partition("=")[0]) != "token"]
    return "&".join(kept)


def to_marimo(headers: Iterable[tuple[str, str]], marimo_token: str) -> list[tuple[str, str]]:
    """The request headers for marimo: no hub credentials, no hop-by-hop headers.

    `marimo_token` is marimo's own; with it, only this proxy (and not a web page that found the
    port, nor another person of the machine) is let in.
    """
    headers = list(headers)
    named = {
        name.strip().lower()
        for key, value in headers
        if key.lower() == "connection"
        for name in value.split(",")
    }
    out = []
    for key, value in headers:
        low = key.lower()
        if low in _HOP_BY_HOP or low in _CREDENTIALS or low in named:
            continue
        if low.startswith("sec-websocket-") or low == "content-length":
            continue  # negotiated, or computed, anew with marimo
        out.append((key, without_token(value) if low == "referer" else value))
    out.append(("Authorization", f"Bearer {marimo_token}"))
    return out


def to_browser(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The answer's headers for the browser.

    Set-Cookie stays behind: cookies never reach marimo, and one set here could stand in for the
    hub's own on the shared address.
    """
    skip = _HOP_BY_HOP | {"set-cookie", "server", "date"}
    return [(key, value) for key, value in headers if key.lower() not in skip]
