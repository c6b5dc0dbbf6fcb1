"""Several proxies with the same routes: a cluster keeps one where a node with another is lost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from jupyterhub.proxy import ConfigurableHTTPProxy

T = TypeVar("T")

#: Seconds that a replica may answer later than the first. One that is gone answers never.
GRACE_S = 1.0


class ProxyReplicas(ConfigurableHTTPProxy):
    """Sends each route to every configurable-http-proxy behind a name.

    The name of `api_url` has an address for each replica, also for one that is not ready yet. What
    a replica misses while it is away it gets as soon as it asks for its routes, at its start, or
    when the hub looks after them.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._replicas: dict[str, ConfigurableHTTPProxy] = {}

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
        """Return a client for each replica.

        Raises:
            OSError: the name has no address.
        """
        parts = urlsplit(self.api_url)
        found = await asyncio.get_running_loop().getaddrinfo(
            parts.hostname, parts.port, type=socket.SOCK_STREAM
        )
        hosts = sorted({str(address[0]) for *_, address in found})
        self._replicas = {host: self._replicas.get(host) or self._client(host) for host in hosts}
        return list(self._replicas.values())

    def _client(self, host: str) -> ConfigurableHTTPProxy:
        parts = urlsplit(self.api_url)
        return ConfigurableHTTPProxy(
            parent=self.parent,
            db_factory=self.db_factory,
            app=self.app,
            hub=self.hub,
            host_routing=self.host_routing,
            public_url=self.public_url,
            should_start=False,
            auth_token=self.auth_token,
            api_url=parts._replace(netloc=f"{host}:{parts.port}").geturl(),
        )
