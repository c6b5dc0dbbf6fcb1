"""Two real proxies behind one name have the same routes, and one of them is enough."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent

from hub import proxy_replicas
from hub.proxy import proxy_command
from hub.proxy_replicas import ProxyReplicas
from hub.settings import Settings
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow
HOSTS = ("127.0.0.1", "127.0.0.2")
TOKEN = "a-token-of-the-tests"
ROUTE, TARGET = "ada.localhost/user/ada/", "http://127.0.0.1:9"


class Replicas:
    """The proxies, whose API has the same port on different addresses."""

    def __init__(self) -> None:
        with socket.socket() as probe:  # free at every address, and not at 127.0.0.1 alone
            probe.bind(("", 0))
            self.port = probe.getsockname()[1]
        self._running: dict[str, subprocess.Popen] = {}
        self.gone: list[str] = []

    def start(self, host: str) -> None:
        settings = Settings(_env_file=None)
        self._running[host] = subprocess.Popen(
            [
                *proxy_command(settings),
                *(f"--ip={host}", f"--port={free_port()}", "--host-routing"),
                *(f"--api-ip={host}", f"--api-port={self.port}", "--log-level=error"),
            ],
            env={"CONFIGPROXY_AUTH_TOKEN": TOKEN},
            preexec_fn=die_with_parent(),
        )
        wait_until(lambda: self.routes(host) is not None, 30, "the proxy answers")

    def kill(self, host: str) -> None:
        running = self._running.pop(host)
        running.kill()
        running.wait()

    def routes(self, host: str) -> dict[str, Any] | None:
        """Return the table of one; None if it does not answer."""
        headers = {"Authorization": f"token {TOKEN}"}
        try:
            url = f"http://{host}:{self.port}/api/routes"
            return requests.get(url, headers=headers, timeout=5).json()
        except (requests.ConnectionError, requests.JSONDecodeError):
            return None

    def stop(self) -> None:
        for host in list(self._running):
            self.kill(host)


@pytest.fixture
def replicas() -> Iterator[Replicas]:
    made = Replicas()
    try:
        for host in HOSTS:
            made.start(host)
        yield made
    finally:
        made.stop()


def proxy(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...] = HOSTS
) -> ProxyReplicas:
    """Return what the hub has; the name leads to both addresses, as a headless service does."""
    made = ProxyReplicas(
        public_url="http://127.0.0.1:8000",
        app=SimpleNamespace(internal_ssl=False, subdomain_host="x"),
        host_routing=True,
        should_start=False,
        auth_token=TOKEN,
        api_url=f"http://replicas.test:{replicas.port}",
    )
    loop = asyncio.get_running_loop()

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[tuple]:
        return [(2, 1, 6, "", (one, port)) for one in named]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    return made


def test_all_replicas_have_every_route(replicas: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    async def use() -> None:
        both = proxy(replicas, monkeypatch)
        await both.add_route(ROUTE, TARGET, {"user": "ada"})
        for host in HOSTS:
            (route,) = (replicas.routes(host) or {}).values()
            assert (route["target"], route["user"]) == (TARGET, "ada")
        assert (await both.get_all_routes())[ROUTE]["target"] == TARGET
        await both.delete_route(ROUTE)
        assert [replicas.routes(host) for host in HOSTS] == [{}, {}]
        await both.delete_route(ROUTE)  # as one proxy does: it is gone, which is the goal

    asyncio.run(use())


def test_one_replica_is_enough_and_a_new_one_is_found_out(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use() -> None:
        both = proxy(replicas, monkeypatch)
        replicas.kill(HOSTS[1])
        began = time.monotonic()
        await both.add_route(ROUTE, TARGET, {"user": "ada"})
        assert (await both.get_all_routes())[ROUTE]["target"] == TARGET
        assert time.monotonic() - began < 15, "nobody waits for the one that is gone"
        for waiting in asyncio.all_tasks() - {asyncio.current_task()}:
            waiting.cancel()  # the hub would try for half a minute
        replicas.start(HOSTS[1])
        assert (await both.get_all_routes())[ROUTE]["target"] == "", "so the hub sends it again"
        await both.add_route(ROUTE, TARGET, {"user": "ada"})
        assert (await both.get_all_routes())[ROUTE]["target"] == TARGET

    asyncio.run(use())


def test_a_replica_that_says_where_it_is_gets_routes_before_the_name_has_it(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use() -> None:
        both = proxy(replicas, monkeypatch, named=HOSTS[:1])
        both.know(HOSTS[1])
        await both.add_route(ROUTE, TARGET, {"user": "ada"})
        for host in HOSTS:
            (route,) = (replicas.routes(host) or {}).values()
            assert route["target"] == TARGET
        monkeypatch.setattr(proxy_replicas, "NAMED_S", 0.0)
        await both.delete_route(ROUTE)
        left = [len(replicas.routes(host) or {}) for host in HOSTS]
        assert left == [0, 1], "the name alone counts after a while"

    asyncio.run(use())


def test_a_name_without_an_answer_is_asked_again_and_known_ones_are_used(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_replicas, "FIND_S", 2.0)

    async def use() -> None:
        both = proxy(replicas, monkeypatch)
        known = asyncio.get_running_loop().getaddrinfo
        asked: list[str] = []

        async def no_answer(host: str, port: int, **_: Any) -> list[tuple]:
            asked.append(host)
            raise socket.gaierror("Temporary failure in name resolution")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_answer)
        with pytest.raises(TimeoutError, match="has no address"):
            await both.add_route(ROUTE, TARGET, {})
        assert len(asked) > 1
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", known)
        await both.add_route(ROUTE, TARGET, {})
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_answer)
        await both.delete_route(ROUTE)
        assert [replicas.routes(host) for host in HOSTS] == [{}, {}]

    asyncio.run(use())
