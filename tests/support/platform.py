"""The laptop's platform as a person starts it, one for the whole session.

A pytest plugin (see `addopts` in pyproject.toml), so that the tests in `local/` and in `browser/`
share one running platform.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from mosshub_contract.broker_admin import admin_client_settings
from mosshub_contract.ports import free_port

from tests.support.logs import read_logs
from tests.support.paths import ROOT
from tests.support.setup import needed
from tests.support.waiting import wait_until


class RunningPlatform:
    """`python -m hub.launcher`, what `make run` does after installing, on free ports."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.kafka_port = free_port()
        self.environment = {
            **os.environ,
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            "KAFKA_PORT": str(self.kafka_port),
            **environment,
        }
        self.output = ""
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def subdomains(self) -> bool:
        """Whether each user has an origin of their own."""
        return self.environment.get("SUBDOMAINS") != "no"

    @property
    def password(self) -> str:
        return self._printed(r"^People .*password (\S+)$")

    @property
    def admin_password(self) -> str:
        return self._printed(r"^Admins .*password (\S+)$")

    def _printed(self, pattern: str) -> str:
        match = re.search(pattern, self.output, re.MULTILINE)
        assert match, self.output
        return match[1]

    @property
    def log(self) -> str:
        return read_logs(self.data_dir) or "(no log)"

    def broker_admin(self) -> dict[str, str]:
        """Return settings with which kafka-python's clients see everything on the broker."""
        secret = (self.data_dir / "hub" / "broker_secret").read_text().strip()
        address = (self.data_dir / "kafka" / "admin.address").read_text()
        return {"bootstrap_servers": address, **admin_client_settings(secret)}

    def kafka_address(self) -> str:
        """Return `host:port` of the broker, as a running user's server knows it."""
        server = next(p for p in self.processes() if "marimo_singleuser" in p.cmdline())
        return server.environ()["KAFKA_BOOTSTRAP_SERVERS"]

    def launch(self) -> "RunningPlatform":
        """Start it without waiting; what it prints is collected in `output`."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hub.launcher"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        return self

    def _read(self, process: subprocess.Popen) -> None:
        assert process.stdout
        for line in process.stdout:
            self.output += line

    def start(self) -> float:
        """Start it and wait for its last line; return the seconds that took."""
        began = time.monotonic()
        self.launch()

        def ready() -> bool:
            assert self.process
            ended = self.process.poll() is not None
            if ended:
                self._reader.join()
                pytest.fail(f"the platform ended:\n{self.output}\n{self.log[-8000:]}")
            return "\nAdmins " in self.output

        wait_until(ready, 240, "the platform's last line")
        return time.monotonic() - began

    def wait(self, timeout: float = 60) -> int:
        """Wait for it to end by itself; return its exit status."""
        assert self.process
        status = self.process.wait(timeout)
        self._reader.join()
        return status

    def stop(self, sig: int = signal.SIGINT) -> int:
        """Send `sig` (Ctrl-C) and wait for the end; return the exit status."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.wait()

    @contextmanager
    def broker_paused(self) -> Iterator[None]:
        """Stop the broker's process within: it answers nobody."""
        broker = next(process for process in self.processes() if process.name() == "java")
        broker.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            broker.send_signal(signal.SIGCONT)

    @contextmanager
    def broker_away(self) -> Iterator[None]:
        """Kill the broker, which is started again only behind this block."""
        broker = next(process for process in self.processes() if process.name() == "java")
        keeper = broker.parent()
        assert keeper
        keeper.suspend()
        broker.kill()
        try:
            yield
        finally:
            keeper.resume()

    def processes(self) -> list[psutil.Process]:
        """Return all living processes below the launcher."""
        assert self.process
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop_servers(self) -> None:
        """Stop everybody's servers and apps.

        Twenty servers that nobody uses still take a third of a processor on a busy machine.
        """
        from tests.support.people import LocalPerson

        admin = LocalPerson(self, "admin", self.admin_password)
        for user in admin.api("GET", "users?state=active").json():
            for server in user["servers"]:
                where = f"servers/{quote(server, safe='')}" if server else "server"
                admin.api("DELETE", f"users/{quote(user['name'], safe='')}/{where}")


@pytest.fixture(scope="session")
def shared_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    # A module may have more people than a team of a laptop.
    running = RunningPlatform(tmp_path_factory.mktemp("platform"), ACTIVE_SERVER_LIMIT="100")
    with needed("the platform does not start"):
        print(f"\nplatform ready after {running.start():.1f} s")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def platform(shared_platform: RunningPlatform) -> Iterator[RunningPlatform]:
    """The running platform that tests share. A test does not stop it and has people of its own.

    Their servers are stopped at the end of the module.
    """
    yield shared_platform
    shared_platform.stop_servers()
