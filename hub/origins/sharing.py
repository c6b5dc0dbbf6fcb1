"""No user opens another's server where all pages share one origin.

Each server lets in its owner alone. So the hub makes no share, and does not ask whether another
user's server may be opened: it says why not. Shares of before can still be listed and revoked.
"""

from collections.abc import Iterable

from jupyterhub import orm
from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
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


_OTHERS_SERVER = (
    "Only {owner} may open this editor, and you are signed in as {viewer}. All pages of this "
    "platform share one origin, so a page of {owner} could act as you, even as an admin "
    "(SUBDOMAINS=no)."
)


class _OwnServerOnly(OAuthAuthorizeHandler):
    """Asks nobody whether another user's server may learn who they are: it would refuse them."""

    async def prepare(self) -> None:
        await super().prepare()
        if self._finished or not self.current_user:
            return
        name = self.get_argument("client_id", "")
        client = self.db.query(orm.OAuthClient).filter_by(identifier=name).one_or_none()
        if client is None or client.spawner is None:
            return
        owner, viewer = client.spawner.user.name, self.current_user.name
        if owner != viewer:
            raise web.HTTPError(403, _OTHERS_SERVER.format(owner=owner, viewer=viewer))


def without_sharing(handlers: Iterable[tuple]) -> list[tuple]:
    """Return the hub's handlers; those of shares refuse to make one, and nobody opens another's.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
    """
    return [(pattern, _refusing(pattern, cls), *rest) for pattern, cls, *rest in handlers]


def _refusing(pattern: str, cls: type[web.RequestHandler]) -> type[web.RequestHandler]:
    if issubclass(cls, OAuthAuthorizeHandler):
        return _OwnServerOnly
    if "share" not in pattern:
        return cls
    return type(cls.__name__, (_NoSharing, cls), {"__module__": cls.__module__})
