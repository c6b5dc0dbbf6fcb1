"""No sharing between users where all pages share one origin.

A share would open nothing: each server lets in its owner alone. So the hub refuses to make one, and
says why. Shares of before can still be listed and revoked.
"""

from collections.abc import Iterable

from tornado import web

_REASON = (
    "Users cannot share their servers here: all pages of this platform have one origin, so a page "
    "of one user could act as whoever opened it (SUBDOMAINS=no)."
)


class _NoSharing(web.RequestHandler):
    """Mixed in before the hub's handlers that make or accept a share."""

    async def prepare(self) -> None:
        if self.request.method == "POST":
            raise web.HTTPError(403, _REASON)
        if preparing := super().prepare():
            await preparing


def without_sharing(handlers: Iterable[tuple]) -> list[tuple]:
    """Return the hub's handlers; those of shares refuse to make one.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
    """
    return [
        (pattern, _refusing(cls) if "share" in pattern else cls, *rest)
        for pattern, cls, *rest in handlers
    ]


def _refusing(cls: type[web.RequestHandler]) -> type[web.RequestHandler]:
    return type(cls.__name__, (_NoSharing, cls), {"__module__": cls.__module__})
