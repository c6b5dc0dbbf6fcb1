"""Paths of requests: below which address they are. Pure."""

from __future__ import annotations

from urllib.parse import unquote


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
