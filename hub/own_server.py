"""What the hub tells a user's own server, and nobody else."""

from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.user import User
from mosshub_contract.apps import SERVER_PREFIX
from tornado import web


class OwnServerHandler(APIHandler):
    """A request of a user's server with its own token.

    It takes neither a page's cookie, nor the token by which another user's server knows who its
    visitor is. A server of an app has a token of its author's, too, and is told less.
    """

    async def refresh_auth(self, user: User, force: bool = False) -> Any:
        """Ask the provider about the user, but not for an app: it runs also while they are away."""
        token = self.get_token()
        of_app = f"access:servers!server={user.name}/{SERVER_PREFIX}"
        if token is not None and any(scope.startswith(of_app) for scope in token.scopes):
            return user
        return await super().refresh_auth(user, force)

    def owner(self) -> User:
        """Return the user whose editor asks.

        Raises:
            HTTPError: 403, somebody else asks, such as an app of that user.
        """
        user, name = self.server()
        if name:
            raise web.HTTPError(403, "Only a user's own editor may read this.")
        return user

    def server(self) -> tuple[User, str]:
        """Return the user whose server asks, and the server's name: empty for the editor.

        Raises:
            HTTPError: 403, no server asks.
        """
        user = self.current_user
        own = isinstance(user, User) and self.get_token() is not None
        if own and self.has_scope(f"users:activity!user={user.name}"):
            for name in sorted(user.orm_spawners):  # the editor, whose name is empty, is the first
                if self.has_scope(f"access:servers!server={user.name}/{name}"):
                    return user, name
        raise web.HTTPError(403, "Only a user's own server may read this.")
