"""Tells the pages of a user's server whether it is up, stopped or starting, and why."""

from typing import Any
from urllib.parse import unquote, urlsplit

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.spawner import Spawner
from jupyterhub.utils import url_path_join
from tornado import web

from hub.origins.addresses import HubAddress
from hub.origins.hosts import user_host
from hub.server_status.reasons import stop_reason

#: Path below the hub's.
PATH = "mosshub/server-status"


def parse_server(path: str, base_url: str) -> tuple[str, str] | None:
    """Return the user and the name of the server at a path; None if it is no server's.

    Args:
        path: such as `/user/ada/` or `/user/ada/second/`, percent-encoded.
        base_url: the platform's path, with a slash at both ends.
    """
    below = url_path_join(base_url, "user/")
    if not path.startswith(below):
        return None
    user, _, server = path.removeprefix(below).strip("/").partition("/")
    return (unquote(user), unquote(server)) if user else None


def may_ask(origin: str | None, owner_host: str, own_host: str) -> bool:
    """Return whether a page may ask about a server: only that server's own.

    Args:
        origin: value of the request's Origin header.
        owner_host: host of the pages of the server's owner; empty where all pages have one host.
        own_host: the request's Host.
    """
    if not owner_host:  # a browser sends no Origin to the page's own host
        return origin is None or urlsplit(origin).netloc == own_host
    return origin is not None and urlsplit(origin).hostname == owner_host


def describe(spawner: Spawner | None) -> dict[str, str | None]:
    """Return the state of a server, and why it is so.

    Args:
        spawner: the server's; None for one that never was.
    """
    if spawner is None or not (spawner.active or spawner.pending):
        return {"state": "stopped", "why": spawner and stop_reason(spawner)}
    if spawner.pending == "spawn":
        return {"state": "starting", "why": None}
    return {"state": "up" if spawner.ready else "stopped", "why": None}


class ServerStatusHandler(BaseHandler):
    """Answers without asking who it is. A user who does not exist has a server that is stopped."""

    async def prepare(self) -> None:
        """Read no cookie."""

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Vary", "Origin")

    def check_xsrf_cookie(self) -> None:
        """Nothing changes here."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.finish({})

    def get(self) -> None:
        server = parse_server(self.get_query_argument("server", ""), self.base_url)
        origin = self.request.headers.get("Origin")
        user = server and self.find_user(server[0])
        host = self._owner_host(server[0]) if server else ""
        if server is None or not may_ask(origin, host, self.request.host):
            raise web.HTTPError(403)
        if origin is not None:
            self.set_header("Access-Control-Allow-Origin", origin)
        spawner = user.spawners[server[1]] if user and server[1] in user.orm_spawners else None
        self.finish(describe(spawner))

    def _owner_host(self, name: str) -> str:
        """Return the host of a user's pages; empty where all pages have one host."""
        if not self.subdomain_host:
            return ""
        return user_host(name, HubAddress(self.subdomain_host).host, "user")
