"""Secrets that notebook code, other processes and the log must not have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mosshub_contract.ports import free_port

from tests.support import hostile_home
from tests.support.singleuser import HUB_ENV, Hub, Person
from tests.support.waiting import wait_until


def test_hub_credentials_are_hidden_from_notebook_code(ada: Person) -> None:
    notebook = ada.notebook()
    env = notebook.run("import os; print(dict(os.environ))")
    assert "'JUPYTERHUB_USER': 'ada'" in env
    assert "'KAFKA_BOOTSTRAP_SERVERS': '127.0.0.1:9092'" in env
    assert "'MOSSHUB_TOPIC_PREFIX': 'ada.'" in env
    shown = set(re.findall(r"'((?:JUPYTERHUB|JPY|CONFIGPROXY)_\w+)'", env))
    assert shown == {"JUPYTERHUB_USER", "JUPYTERHUB_SERVER_NAME"}

    # This request carries all that a browser has.
    headers = {
        "Marimo-Session-Id": notebook.id,
        "X-XSRFToken": "hub-xsrf",
        "Authorization": "token hub-token",
        "Referer": ada.base + "?token=hub-token&file=first.py",
    }
    code = (
        "import marimo as mo; r = mo.app_meta().request\n"
        "print(r.headers, r.cookies, r.query_params, r.url, 'the' + 'end')"
    )
    answer = ada.post(
        "api/kernel/run?token=hub-token&kept=1",
        {"cellIds": ["meta"], "codes": [code]},
        headers=headers,
    )
    assert answer.ok
    printed = ""
    while "theend" not in printed:
        printed += str(notebook.socket.recv(timeout=30))
    assert "referer" in printed and "kept" in printed
    assert "hub-token" not in printed and "hub-xsrf" not in printed
    for cookie in ada.session.cookies:
        assert cookie.value and cookie.value not in printed, cookie.name
    notebook.close()


def test_the_proxys_memory_is_hidden_from_the_same_user(tmp_path: Path) -> None:
    # Root reads everything through its capabilities, so all three processes run without them.
    plain = ["setpriv", "--bounding-set=-all", "--"] if os.getuid() == 0 else []
    url = f"http://127.0.0.1:{free_port()}/user/ada/"
    env = {
        **HUB_ENV,
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "JUPYTERHUB_SERVICE_URL": url,
    }
    server = [*plain, sys.executable, "-m", "marimo_singleuser"]
    other = [*plain, sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    with (tmp_path / "log").open("w") as log:
        hidden = subprocess.Popen(server, env=env, stdout=log, stderr=log, cwd=tmp_path)
    control = subprocess.Popen(other, env=env, stdout=subprocess.PIPE)
    try:
        assert control.stdout and control.stdout.readline()
        log_file = tmp_path / "log"
        wait_until(lambda: "serving" in log_file.read_text(), 60, "the server")

        def read(process: subprocess.Popen[bytes]) -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                [*plain, "cat", f"/proc/{process.pid}/environ"], capture_output=True
            )

        assert b"JUPYTERHUB_API_TOKEN=t" in read(control).stdout
        refused = read(hidden)
        assert refused.returncode != 0 and b"JUPYTERHUB" not in refused.stdout
    finally:
        control.kill()
        control.wait()
        hidden.terminate()
        hidden.wait(30)


@pytest.mark.slow
def test_nothing_in_a_home_learns_the_servers_token(hub: Hub) -> None:
    """No program that has the token reads a file of the user, from the start to a kernel."""
    eve = Person(hub, "eve")
    hostile_home.write(eve.home, f"{sys.version_info.major}.{sys.version_info.minor}")
    eve.start()
    notebook = eve.notebook()
    notebook.run("1")
    eve.websocket("terminal/ws").close()
    notebook.close()
    eve.stop()
    told = hostile_home.told(eve.home)
    assert any("sitecustomize" in name for name in told), "the kernel's Python tells something"
    assert {name: said for name, said in told.items() if said not in ("", "no token")} == {}


@pytest.mark.last  # all other tests have then written to the log
def test_log_is_quiet_and_keeps_secrets(ada: Person) -> None:
    lines = [line for line in ada.hub.log().splitlines() if "marimo_singleuser" in line]
    allowed = (
        "serving ",
        "marimo ended",
        "marimo runs again",
        "was edited here",
        "Spawning",
        "cannot be used",
        "is damaged; a new one is written",
        "nowhere.png",  # test_error_pages
    )
    assert lines
    assert [line[-300:] for line in lines if not any(a in line for a in allowed)] == []
    ours = "\n".join(lines)
    assert "token=" not in ours and "hub-token" not in ours
