"""Named servers are for apps alone: nobody starts, creates or renames another one."""

from collections.abc import Iterable
from typing import Any

from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.handlers.base import UserUrlHandler
from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.utils import url_path_join
from mosshub_contract.apps import slug_of_server
from tornado import web

from hub.handlers import with_mixin

#: Path of the pages of apps, below the hub's.
PATH = "/apps"
_REFUSED = (
    "Each user has one editor here. Servers with a name are apps: publish a notebook in your "
    "editor, and open it on the page Apps."
)


class _OnlyApps(web.RequestHandler):
    """Mixed in before JupyterHub's handlers that start, create or rename a server."""

    async def _check_named_server_request(self, *_: Any, **__: Any) -> None:
        raise web.HTTPError(403, _REFUSED)


class _ToTheApp(UserUrlHandler):
    """Mixed in before JupyterHub's handler of an address whose server does not run."""

    def get(self, user_name: str, user_path: str) -> Any:
        """Lead from the address of an app's server to the app's page.

        Returns:
            What JupyterHub's handler does: something to wait for, or None after a redirect.
        """
        slug = slug_of_server((user_path or "").lstrip("/").partition("/")[0])
        if slug:
            self.redirect(url_path_join(self.hub.base_url, PATH, user_name, slug))
            return None
        return super().get(user_name, user_path)


def with_apps_only(handlers: Iterable[tuple]) -> list[tuple]:
    """Return the hub's handlers; named servers are apps for all of them.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
    """
    for base in (SpawnHandler, UserServerAPIHandler):
        handlers = with_mixin(handlers, base, _OnlyApps)
    return with_mixin(handlers, UserUrlHandler, _ToTheApp)
