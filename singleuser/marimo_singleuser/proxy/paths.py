"""Paths of requests: below which address they are, and which of marimo's stay closed. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

#: Files of marimo's page that have a hash of their content in their names.
ASSET = re.compile(r"assets/[^/]+-[\w-]{8}\.\w+")
# Paths of marimo that no browser needs, with all below them.
# - api/marimo: marimo's host API, by which programs on the same machine drive notebooks. It trusts
#   every request from this machine, and this proxy's requests come from there.
# - auth: marimo's own sign-in, and marimo's token, which only this proxy has.
_CLOSED = ("api/marimo", "auth")
# The hub adds it to an address at the end of a start, and again each time the browser comes back.
_REDIRECT_COUNT = re.compile(r"(?:^|&)redirects=\d$")


def below(base_url: str, path: str) -> str | None:
    """Return the part of a request's path below the base URL, percent-encoded as it came.

    A browser may write a name in another way than the hub, such as `o'brien` for `o%27brien`.

    Args:
        base_url: the server's base URL, percent-encoded, with a slash at both ends.
        path: the request's path, percent-encoded.

    Returns:
        The path without a slash at its start; None if the request is for another address.
    """
    wanted = base_url.rstrip("/").split("/")
    given = path.split("/", len(wanted))
    if len(given) == len(wanted):
        given.append("")
    *start, rest = given
    if [unquote(part) for part in start] != [unquote(part) for part in wanted]:
        return None
    return rest


def is_closed(path: str) -> bool:
    """Return whether no browser may reach this path of marimo.

    Args:
        path: the path below the base URL, decoded once, as marimo reads it.
    """
    # An empty part is no route of marimo, but a later version may read it as none.
    plain = "/".join(part for part in path.split("/") if part)
    return any(plain == closed or plain.startswith(f"{closed}/") for closed in _CLOSED)


def without_redirect_count(query: str) -> str:
    """Return a query string without the count that the hub puts at its end.

    Args:
        query: the request's query string, percent-encoded, without `?`.
    """
    return _REDIRECT_COUNT.sub("", query)
