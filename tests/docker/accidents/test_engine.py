"""A restart of the Docker engine brings everything back."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.standins.engine import docker
from tests.support.apps import an_app_stays
from tests.support.containers import PREFIX
from tests.support.sharing import what_is_shared_stays
from tests.support.stack import SERVICES
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1500)


def restart_engine() -> None:
    """Restart Docker's engine, as its upgrade does."""
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "restart", "docker"], check=True, timeout=120)
        return
    pid = int(Path("/var/run/docker.pid").read_text())
    command = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    os.kill(pid, signal.SIGTERM)
    retry_until(lambda: not psutil.pid_exists(pid), 120, "the engine has ended")
    with Path("/var/log/mosshub-dockerd.log").open("ab") as log:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def unhealthy() -> list[str]:
    """Return containers of the tests that have a health check and are not healthy."""
    said = docker("ps", "--all", "--filter", f"name={PREFIX}", "--format", "{{.Names}} {{.Status}}")
    return [line for line in said.splitlines() if "starting)" in line or "unhealthy)" in line]


@pytest.mark.engine_alone
def test_a_restart_of_the_engine_brings_everything_back(stack, ada, linus, report):
    """Kernels end with their containers. Nobody signs in again; no server, app or copy is lost."""
    names = docker("ps", "--format", "{{.Names}}").split()
    if others := [name for name in names if not name.startswith(PREFIX)]:
        pytest.skip(f"the engine is not restarted under the containers of others: {others}")
    ada.inside("sh", "-c", "echo kept > ~/notebooks/kept.txt")
    with an_app_stays(ada, linus), what_is_shared_stays(ada, linus):
        before = stack.servers()
        began = time.monotonic()
        restart_engine()
        retry_until(lambda: docker("version"), 120, "the engine answers")
        for service in SERVICES:
            retry_until(
                lambda s=service: stack.health(s) == "healthy", 480, f"{service} is healthy"
            )
        # Also the services of another stack of this run.
        retry_until(lambda: unhealthy() == [], 240, "every service of the tests is healthy")
        report(f"everything is healthy again after {time.monotonic() - began:.0f} s")
        for member in (ada, linus):
            member.open()
            member.notebooks.clear()
            assert member.notebook().run("print('back')").strip() == "back"
        assert ada.inside("cat", "/home/mosshub/notebooks/kept.txt").strip() == "kept"
        assert stack.servers() == before, "the same servers as before"
        shown = ada.api("GET", "users/ada").json()["servers"][""]
        assert shown["ready"]
