"""Several proxies with the same routes: a cluster keeps one where a node with another is lost."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

from jupyterhub.apihandlers import APIHandler
from jupyterhub.proxy import ConfigurableHTTPProxy
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import exponential_backoff
from tornado import web

T = TypeVar("T")

#: Seconds that a replica may answer later than the first. One that is gone answers never.
GRACE_S = 1.0
#: Seconds to look for the name of the first one, as long as JupyterHub tries to reach a proxy.
FIND_S = 30.0
#: Seconds after which the name has the address of a new one: names are cached on their way.
NAMED_S = 60.0
PATH = "/api/mosshub/proxy"


def configure(c: Any) -> None:
    """Have the hub send its routes to several proxies.

    Args:
        c: JupyterHub's configuration (traitlets).
    """
    c.JupyterHub.proxy_class = ProxyReplicas
    c.JupyterHub.extra_handlers.append((PATH, ReplicaHandler))


class ProxyReplicas(ConfigurableHTTPProxy):
    """Sends each route to every configurable-http-proxy behind a name.

    The name of `api_url` has an address for each replica, also for one that is not ready yet. What
    a replica misses while it is away it gets as soon as it asks for its routes, at its start, or
    when the hub looks after them. It says its address then, which the name may not have yet.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._replicas: dict[str, ConfigurableHTTPProxy] = {}
        self._asked: dict[str, float] = {}

    def know(self, host: str) -> None:
        """Send routes to a replica at this address from now on, whether the name has it or not."""
        self._asked[host] = time.monotonic()

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Add a route to all replicas."""
        await self._each(lambda one: one.add_route(routespec, target, dict(data or {})))

    async def delete_route(self, routespec: str) -> None:
        """Delete a route from all replicas."""
        await self._each(lambda one: one.delete_route(routespec))

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """Return the routes of all replicas; one that not all have leads nowhere.

        JupyterHub sends a route again that leads elsewhere than it should.
        """
        tables = await self._each(lambda one: one.get_all_routes())
        routes = {spec: route for table in tables for spec, route in table.items()}
        for spec, route in routes.items():
            if any(table.get(spec, {}).get("target") != route["target"] for table in tables):
                route["target"] = ""
        return routes

    async def _each(self, call: Callable[[ConfigurableHTTPProxy], Awaitable[T]]) -> list[T]:
        """Return what the replicas answer, without those that are late.

        Raises:
            Exception: none answers; that of one of them.
        """
        replicas = await self._find()
        calls = [asyncio.ensure_future(call(one)) for one in replicas]
        waiting = set(calls)
        answers: list[T] = []
        errors: list[BaseException] = []
        while waiting:
            grace = GRACE_S if answers else None
            ended, waiting = await asyncio.wait(
                waiting, timeout=grace, return_when=asyncio.FIRST_COMPLETED
            )
            for one in ended:
                if error := one.exception():
                    errors.append(error)
                else:
                    answers.append(one.result())
            if not ended:
                break
        for late in waiting:  # it goes on, for as long as JupyterHub tries
            late.add_done_callback(self._note)
        for error in errors:
            self.log.warning("A proxy refuses its routes: %s", error)
        if not answers:
            raise errors[0]
        return answers

    def _note(self, late: asyncio.Future) -> None:
        if not late.cancelled() and (error := late.exception()):
            self.log.warning("A proxy did not answer: %s", error)

    async def _find(self) -> list[ConfigurableHTTPProxy]:
        """Return a client for each replica; those of before where the name has no answer.

        A node that is lost takes half of the cluster's DNS with it for a while.

        Raises:
            TimeoutError: the name has had no address for half a minute, and never before.
        """
        hosts: list[str] = []

        async def is_known() -> bool:
            after = time.monotonic() - NAMED_S
            self._asked = {host: asked for host, asked in self._asked.items() if asked > after}
            hosts[:] = {*(await self._hosts() or self._replicas), *self._asked}
            return bool(hosts)

        await exponential_backoff(is_known, f"{self.api_url} has no address", timeout=FIND_S)
        self._replicas = {host: self._replicas.get(host) or self._client(host) for host in hosts}
        return list(self._replicas.values())

    async def _hosts(self) -> list[str]:
        parts = urlsplit(self.api_url)
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
        except OSError as error:
            self.log.warning("Where are the proxies? %s: %s", self.api_url, error)
            return []
        return sorted({str(address[0]) for *_, address in found})

    def _client(self, host: str) -> ConfigurableHTTPProxy:
        parts = urlsplit(self.api_url)
        bracketed = f"[{host}]" if ":" in host else host
        return ConfigurableHTTPProxy(
            parent=self.parent,
            db_factory=self.db_factory,
            app=self.app,
            hub=self.hub,
            host_routing=self.host_routing,
            public_url=self.public_url,
            should_start=False,
            auth_token=self.auth_token,
            api_url=parts._replace(netloc=f"{bracketed}:{parts.port}").geturl(),
        )


class ReplicaHandler(APIHandler):
    """Sends all routes to a replica that has just started, and says where it is."""

    @needs_scope("proxy")
    async def post(self) -> None:
        """Return when the replica has its routes, as far as it answers."""
        try:
            host = str(ip_address(json.loads(self.request.body)["address"]))
        except (ValueError, TypeError, KeyError):
            raise web.HTTPError(400, 'Say your address: {"address": "10.0.0.1"}.') from None
        self.proxy.know(host)
        await self.proxy.check_routes(self.users, self.services)
