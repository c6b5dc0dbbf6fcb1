"""A hub and its proxy as they really are, with servers that cost almost nothing.

Real: `jupyterhub_config.py` with all that it imports, JupyterHub, configurable-http-proxy, the
sign-in, the spawner of a laptop. Not real: the server that a user gets (`server.py` answers every
request with one page), Kafka (there is none), and for a team Docker and Caddy.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import requests
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent

from hub.processes import INSTANCE_VARIABLE, end_processes, leftover_processes
from tests.support.logs import read_logs
from tests.support.paths import ROOT
from tests.support.waiting import TIMEOUT_FACTOR, retry_until

CONFIG = Path(__file__).parent / "config.py"


class LightHub:
    """A hub with light servers, below `data_dir`.

    Args:
        data_dir: an empty directory, or that of an earlier hub.
        start_seconds: seconds that a user's server takes until it answers.
        settings: settings of the platform. With SERVERS=containers it is a team's hub, which signs
            its users in with an identity provider.
    """

    def __init__(self, data_dir: Path, *, start_seconds: float = 0, **settings: str) -> None:
        self.data_dir = data_dir
        self.port, self.hub_port = free_port(), free_port()
        self.log_path = data_dir / "logs" / "hub.log"
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            INSTANCE_VARIABLE: str(data_dir),
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            "HUB_PORT": str(self.hub_port),
            "PROXY_API_PORT": str(free_port()),
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",  # nobody is there
            "LIGHT_SERVER_START_SECONDS": str(start_seconds),
            "LIGHT_SERVER_JOURNAL": str(data_dir / "journal"),
            **settings,
        }
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def subdomains(self) -> bool:
        """Whether each user has an origin of their own."""
        return self.environment.get("SUBDOMAINS", "yes") == "yes"

    @property
    def log(self) -> str:
        return read_logs(self.data_dir)

    @property
    def password(self) -> str:
        return self._passwords()["people"]

    @property
    def admin_password(self) -> str:
        return self._passwords()["admins"]

    def _passwords(self) -> dict[str, str]:
        return json.loads((self.data_dir / "hub" / "passwords.json").read_text())

    def start(self) -> LightHub:
        """Start it and wait until the hub answers through its proxy."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub", "-f", str(CONFIG)],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        retry_until(self.answers, 90, f"the hub to answer\n{self.log[-3000:]}")
        return self

    def __enter__(self) -> LightHub:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def answers(self) -> bool:
        """Return whether the hub answers through its proxy."""
        assert self.process
        assert self.process.poll() is None, self.log[-6000:]
        return requests.get(f"{self.url}/hub/health", timeout=5).ok

    def journal(self) -> list[tuple[str, str]]:
        """Return what users' servers did, in order: `starts` or `listens`, and the user."""
        path = self.data_dir / "journal"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(event, name) for _, event, name in sorted(line.split() for line in lines)]

    def hub_process(self) -> psutil.Process:
        """Return the process of JupyterHub itself."""
        assert self.process
        return psutil.Process(self.process.pid)

    def proxy_process(self) -> psutil.Process:
        """Return the process of configurable-http-proxy."""
        return next(
            p
            for p in self.hub_process().children(recursive=True)
            if "configurable-http-proxy" in " ".join(p.cmdline())
        )

    def stop(self) -> None:
        """End it and everything that it started."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 40 * TIMEOUT_FACTOR
            while self.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
        self.process.kill()
        self.process.wait()
        end_processes(leftover_processes(str(self.data_dir)), grace_s=1)
