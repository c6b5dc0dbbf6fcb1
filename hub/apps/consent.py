"""Whom the hub asks before an app learns who they are: only those whose name its code gets."""

from collections.abc import Iterable
from typing import Any

from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from mosshub_contract.apps import slug_of_server

from hub.handlers import with_mixin


class _AppsAskForNames(OAuthAuthorizeHandler):
    """Mixed in before JupyterHub's handler that asks whether a server may learn who somebody is."""

    def needs_oauth_confirm(self, user: Any, oauth_client: Any, requested_scopes: Any) -> bool:
        spawner = oauth_client.spawner
        slug = slug_of_server(spawner.name) if spawner else ""
        if slug:
            app = self.authenticator.store.get(spawner.user.name, slug)
            # This platform's program in front of the app learns the name, and tells nobody.
            if app and not app.card.tells_viewer:
                return False
        return super().needs_oauth_confirm(user, oauth_client, requested_scopes)


def with_consent(handlers: Iterable[tuple]) -> list[tuple]:
    """Return the hub's handlers; nobody is asked before an app that learns no names.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
    """
    return with_mixin(handlers, OAuthAuthorizeHandler, _AppsAskForNames)
