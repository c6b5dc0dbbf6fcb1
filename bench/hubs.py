"""A hub of the bench: starts and ends it, and speaks with its API."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
from docker.models.containers import Container
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent

import docker
from bench.subjects import ROOT
from tests.support.containers import gateway

CONFIG = Path(__file__).with_name("jupyterhub_config.py")
DEADLINE_S = 180.0
PAUSE_S = 0.02


class BenchError(Exception):
    """Something that is measured does not work; the message says what."""


class Hub:
    """A running hub.

    Args:
        kind: `plain` for JupyterHub as it comes, `mosshub` for Mosshub's.
        directory: for its state, empty.
    """

    def __init__(self, kind: str, directory: Path) -> None:
        self._token = secrets.token_hex(32)
        self._log = directory / "hub.log"
        self.instance = f"mosshub-bench-{kind}"
        port, hub_port = free_port(), free_port()
        self.url = f"http://localhost:{port}"
        host = gateway("bridge")
        self._api = f"http://{host}:{hub_port}/hub/api"
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "BENCH_HUB": kind,
            "BENCH_HUB_URL": f"http://{host}:{hub_port}",
            "BENCH_TOKEN": self._token,
            "INSTANCE": self.instance,
            "DATA_DIR": str(directory),
            "PORT": str(port),
            "PROXY_API_PORT": str(free_port()),
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",  # nobody is there
            "ACTIVE_SERVER_LIMIT": "100",
        }
        program = "hub" if kind == "mosshub" else "jupyterhub"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", program, "-f", str(CONFIG)],
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )
        self.wait("the hub answers", lambda: requests.get(f"{self.url}/hub/health", timeout=5).ok)

    def wait(self, what: str, condition: Callable[[], Any], pause_s: float = 0.1) -> Any:
        """Return the first truthy value of a condition; no connection means "not yet".

        Raises:
            BenchError: it took too long, or the hub ended.
        """
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                if value := condition():
                    return value
            time.sleep(pause_s)
        raise BenchError(f"this took too long: {what}. The hub's log ends with\n{self.log_tail()}")

    def log_tail(self) -> str:
        """Return the end of its log."""
        return self._log.read_text("utf-8", "replace")[-4000:]

    def _ask(self, method: str, path: str) -> requests.Response:
        headers = {"Authorization": f"token {self._token}"}
        return requests.request(method, self._api + path, headers=headers, timeout=60)

    def is_ready(self, user: str) -> bool:
        """Return whether a user's server runs."""
        answer = self._ask("GET", f"/users/{user}").json()
        return bool(answer.get("servers", {}).get("", {}).get("ready"))

    def add(self, user: str) -> None:
        """Add a user."""
        self._ask("POST", f"/users/{user}")

    def start(self, user: str) -> float:
        """Start a user's server and return the seconds until it was ready."""
        begin = time.perf_counter()
        answer = self._ask("POST", f"/users/{user}/server")
        if not answer.ok:
            raise BenchError(f"{user}'s server does not start: {answer.text}\n{self.log_tail()}")
        self.wait(f"{user}'s server is ready", lambda: self.is_ready(user), PAUSE_S)
        return time.perf_counter() - begin

    def stop(self, *users: str) -> None:
        """Stop users' servers side by side, and return when their containers are gone."""
        with ThreadPoolExecutor(len(users)) as pool:
            list(pool.map(lambda user: self._ask("DELETE", f"/users/{user}/server"), users))
        for user in users:
            address = f"/users/{user}"
            self.wait(
                f"{user}'s server is stopped",
                lambda address=address: not self._ask("GET", address).json().get("servers"),
            )

    def container(self, user: str) -> Container:
        """Return the container of a user's running server."""
        address = f"{self.instance}_{user}"
        found = docker.from_env().containers.list(filters={"name": f"^{address}(--)?$"})
        if len(found) != 1:
            raise BenchError(f"{user} has {len(found)} containers, expected one named {address}")
        return found[0]

    def close(self) -> None:
        """End it, and remove its containers and volumes."""
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(60)
        self._process.kill()
        engine = docker.from_env()
        for container in engine.containers.list(all=True, filters={"name": f"^{self.instance}_"}):
            container.remove(force=True)
        for volume in engine.volumes.list(filters={"name": f"{self.instance}_"}):
            volume.remove(force=True)


@contextlib.contextmanager
def hubs(*kinds: str) -> Iterator[dict[str, Hub]]:
    """Run hubs of these kinds, side by side."""
    with (
        tempfile.TemporaryDirectory(prefix="mosshub-bench-") as scratch,
        contextlib.ExitStack() as ends,
    ):
        running: dict[str, Hub] = {}
        for kind in kinds:
            directory = Path(scratch) / kind
            directory.mkdir()
            running[kind] = Hub(kind, directory)
            ends.callback(running[kind].close)
        yield running
