"""The platform as a person starts it, for tests that use it: one for the whole session.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
import requests
from mosshub_contract.broker_admin import admin_client_settings

from hub.launcher import free_port

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout: float, what: str) -> T:
    """Return the first truthy value of `condition`; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout:.0f} s in vain for {what}")
        time.sleep(0.1)


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
        return f"http://127.0.0.1:{self.port}"

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
        path = self.data_dir / "logs" / "hub.log"
        return path.read_text(errors="replace") if path.exists() else "(no log)"

    def broker_admin(self) -> dict[str, str]:
        """What kafka-python's clients need to see everything on the broker."""
        secret = (self.data_dir / "hub" / "broker_secret").read_text().strip()
        address = (self.data_dir / "kafka" / "admin.address").read_text()
        return {"bootstrap_servers": address, **admin_client_settings(secret)}

    def launch(self) -> "RunningPlatform":
        """Start it without waiting; what it prints is gathered in `output`."""
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
        """The broker answers nobody meanwhile."""
        broker = next(process for process in self.processes() if process.name() == "java")
        broker.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            broker.send_signal(signal.SIGCONT)

    def processes(self) -> list[psutil.Process]:
        """Return all living processes below the launcher."""
        assert self.process
        return psutil.Process(self.process.pid).children(recursive=True)


class Person:
    """Somebody with a browser's cookies, without the browser."""

    def __init__(self, platform: RunningPlatform, name: str, password: str | None = None) -> None:
        self.platform, self.name = platform, name
        self.session = requests.Session()
        self.session.headers["Sec-Fetch-Mode"] = "navigate"
        page = self.session.get(f"{platform.url}/hub/login", timeout=30)
        self.login = self.session.post(
            f"{platform.url}/hub/login",
            data={
                "username": name,
                "password": platform.password if password is None else password,
                "_xsrf": self.session.cookies.get("_xsrf", path="/hub/"),
            },
            headers={"Referer": page.url},
            timeout=60,
        )

    def api(self, method: str, path: str, **options: object) -> requests.Response:
        """Call the hub's API as the page's own scripts do."""
        return self.session.request(
            method,
            f"{self.platform.url}/hub/api/{path}",
            headers={
                "X-XSRFToken": self.session.cookies.get("_xsrf", path="/hub/"),
                "Referer": f"{self.platform.url}/hub/home",
                "Sec-Fetch-Mode": "cors",
            },
            timeout=60,
            **options,
        )

    def consent(self, url: str) -> requests.Response:
        """Open somebody else's server, saying yes to JupyterHub's question; return its page."""
        question = self.session.get(url, timeout=60)
        assert "Authorize" in question.text, question.text
        self.session.post(
            question.url,
            data={
                "_xsrf": self.session.cookies.get("_xsrf", path="/hub/"),
                "scopes": re.findall(r'name="scopes"[^>]*value="([^"]+)"', question.text),
            },
            headers={"Referer": question.url},
            timeout=60,
        )
        return self._marimo(url)

    def editor(self, path: str = "", timeout: float = 90) -> requests.Response:
        """Open the person's editor, waiting for the server to start; the reply is marimo's."""
        self.session.get(f"{self.platform.url}/hub/spawn", timeout=60)
        return self._marimo(f"{self.platform.url}/user/{self.name}/{path}", timeout)

    def _marimo(self, url: str, timeout: float = 90) -> requests.Response:
        def opened() -> requests.Response | None:
            reply = self.session.get(url, timeout=60)
            at_home = reply.url.startswith(f"{self.platform.url}/user/")
            return reply if reply.ok and at_home and "marimo" in reply.text else None

        return wait_until(opened, timeout, f"{url}:\n{self.platform.log[-4000:]}")


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """The running platform that tests share: do not stop it, take people of your own."""
    running = RunningPlatform(tmp_path_factory.mktemp("platform"))
    print(f"\nplatform ready after {running.start():.1f} s")
    yield running
    running.stop()
