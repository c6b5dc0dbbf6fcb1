"""Which headers pass between browser and marimo. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_plus, urlsplit, urlunsplit

#: Cache-Control of a file whose address changes with its content. A browser keeps what it has: the
#: next page asks for fewer files, and fewer can fail.
FOR_EVER = "private, max-age=31536000, immutable"

# These are for one hop only (RFC 9110, 7.6.1), or each hop writes its own.
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
# The hub's credentials: marimo shows every header of a request to notebook code.
_CREDENTIALS = frozenset({"cookie", "authorization", "x-xsrftoken", "x-csrftoken"})
# Parameters of an address: the hub's, and marimo's.
_TOKENS = frozenset({"token", "access_token"})


def without_token(url: str) -> str:
    """Return an address without its parameters `token` and `access_token`.

    Args:
        url: a whole address, or its path and query.
    """
    if "token" not in url and "%" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit(parts._replace(query=query_without_token(parts.query)))


def query_without_token(query: str) -> str:
    """Return a query string without the parameters that hold a token of the hub or of marimo.

    Their name may be percent-encoded. marimo refuses a request with a wrong `access_token`,
    whatever else it has.
    """
    kept = [p for p in query.split("&") if unquote_plus(p.partition("=")[0]) not in _TOKENS]
    return "&".join(kept)


def to_marimo(headers: Iterable[tuple[str, str]], marimo_token: str) -> list[tuple[str, str]]:
    """Return the headers of a request for marimo.

    They have none of the hub's credentials and no hop-by-hop headers. marimo's token is added: by
    it marimo lets in only this proxy, and no web page or other user of the machine that finds the
    port.

    Args:
        headers: name and value of each header that the browser sent.
        marimo_token: marimo's own token.
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
            continue  # the connection to marimo has its own
        out.append((key, without_token(value) if low == "referer" else value))
    out.append(("Authorization", f"Bearer {marimo_token}"))
    return out


def to_browser(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers of an answer for the browser.

    Set-Cookie is dropped: cookies never reach marimo, and a cookie from here could replace the
    hub's on the shared address.

    Args:
        headers: name and value of each header that marimo sent.
    """
    skip = _HOP_BY_HOP | {"set-cookie", "server", "date"}
    return [(key, value) for key, value in headers if key.lower() not in skip]
