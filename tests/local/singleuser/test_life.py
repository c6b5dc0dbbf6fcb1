"""A server runs again after marimo ended, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any

import psutil
import pytest

from tests.support.singleuser import Person, ask, own_cookies
from tests.support.waiting import wait_until


def test_marimo_killed_is_back_at_the_next_request(ada: Person) -> None:
    killed = ada.marimo
    notebook = ada.notebook()
    kernel = int(notebook.run("import os; print(os.getpid())"))
    killed.kill()
    answer = ask(ada, "GET", "api/status", own_cookies(ada))
    assert answer.status_code == 200 and answer.json()["status"] == "healthy"
    assert ada.marimo.pid != killed.pid
    wait_until(lambda: not psutil.pid_exists(kernel), 60, "the end of the kernel without a server")


def _running(person: Person) -> list[dict[str, Any]]:
    """Return the notebooks that have a kernel, as marimo's list of files shows them."""
    return person.post("api/home/running_notebooks").json()["files"]


@pytest.mark.slow
def test_a_killed_kernel_leaves_the_other_notebooks_alone(ada: Person) -> None:
    """A kernel may use up the memory. The page is told, and the same server starts it again."""
    marimo = ada.marimo.pid
    notebook = ada.notebook()
    os.kill(int(notebook.run("import os; print(os.getpid())")), signal.SIGKILL)
    assert notebook.until("banner", 60)["title"] == "Kernel stopped"
    # The server closes the session and goes on answering.
    wait_until(lambda: not _running(ada), 60, "the session's end")
    again = ada.notebook()
    assert again.run("print(6 * 7)").strip() == "42"
    assert ada.marimo.pid == marimo


@pytest.mark.slow
def test_marimo_shut_down_from_its_page_is_back_at_the_next_request(ada: Person) -> None:
    before = ada.marimo
    assert ada.post("api/kernel/shutdown").ok
    psutil.wait_procs([before], timeout=20)
    assert not before.is_running()
    assert ada.open().status_code == 200
    assert ada.marimo.pid != before.pid


_STRAY = """
import subprocess, sys
p = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(p.pid)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stopped by the hub", "killed"])
def test_nothing_is_left_of_a_server(ada: Person, how: str) -> None:
    ada.notebook().run(_STRAY)
    ada.websocket("terminal/ws").close()
    server = ada.process
    family = [server, *server.children(recursive=True)]
    assert len(family) >= 4
    if how == "killed":
        server.send_signal(signal.SIGKILL)
        # marimo ends with its parent, and its kernels end with it. A process that notebook code
        # has started in another session cannot be reached then.
        family = [p for p in family if "time.sleep(600)" not in " ".join(_line(p))]
    else:
        ada.stop()
    wait_until(lambda: not [p for p in family if _alive(p)], 30, f"the end of {family}")
    for stray in psutil.process_iter():
        if "import time; time.sleep(600)" in _line(stray):
            stray.kill()
    ada.stop()  # the hub may not have noticed yet
    ada.start()


def _alive(process: psutil.Process) -> bool:
    """Return whether a process runs; a killed server is a zombie until the hub reaps it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _line(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []
