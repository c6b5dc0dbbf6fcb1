"""What the hub tells a user's own server, and nobody else."""

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.user import User
from tornado import web


class OwnServerHandler(APIHandler):
    """A request of a user's server with its own token.

    It takes neither a page's cookie, nor the token by which another user's server knows who its
    visitor is.
    """

    def owner(self) -> User:
        """Return the user whose server asks.

        Raises:
            HTTPError: 403, somebody else asks.
        """
        user = self.current_user
        own = isinstance(user, User) and self.get_token() is not None
        if not own or not self.has_scope(f"users:activity!user={user.name}"):
            raise web.HTTPError(403, "Only a user's own server may read this.")
        return user
