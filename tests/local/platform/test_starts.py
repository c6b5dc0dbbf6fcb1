"""A start, as the browser that waits for it sees it; the servers are light ones."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.light_hub import LightHub
from tests.support.people import LocalPerson
from tests.support.waiting import wait_until

# JupyterHub holds the browser for this long.
HELD_S = 1.0


@pytest.fixture(scope="module")
def slow_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightHub]:
    """A hub whose servers take longer to start than a test lasts."""
    with LightHub(tmp_path_factory.mktemp("hub") / "data", start_seconds=100) as running:
        yield running


@pytest.mark.slow
def test_the_page_that_waits_comes_at_once(slow_hub: LightHub) -> None:
    held = []
    for name in ("ada", "bob", "cleo"):
        login = LocalPerson(slow_hub, name).login
        assert "Your editor is starting" in login.text
        (spawn,) = (r for r in login.history if r.url.endswith("/hub/spawn"))
        held.append(spawn.elapsed.total_seconds())
    # On a busy machine some other work may take a second, too; not each time.
    assert min(held) < HELD_S, held


@pytest.mark.slow
def test_a_server_that_ends_while_it_starts_is_explained_at_once(tmp_path: Path) -> None:
    with LightHub(tmp_path / "data", LIGHT_COMMAND="/bin/false") as hub:
        person = LocalPerson(hub, "ada")

        def page() -> str:
            return person.session.get(f"{hub.url}/hub/spawn-pending/ada", timeout=60).text

        # JupyterHub asks for 10 s whether it answers before it asks whether it is there.
        wait_until(lambda: "ended while it started (exit code 1)" in page(), 5, "the reason")
        assert "Traceback" not in hub.log


# Another program took the port a moment earlier: it is no child of the server.
TAKEN = f"""#!/bin/sh
port=${{JUPYTERHUB_SERVICE_URL##*:}}
sh -c "timeout 60 {sys.executable} -m http.server --bind 127.0.0.1 ${{port%%/*}} &"
sleep 3
echo Address already in use
exit 1
"""


@pytest.mark.slow
def test_another_program_on_the_port_is_not_taken_for_the_server(tmp_path: Path) -> None:
    command = tmp_path / "server"
    command.write_text(TAKEN)
    command.chmod(0o755)
    with LightHub(tmp_path / "data", LIGHT_COMMAND=str(command)) as hub:
        person = LocalPerson(hub, "ada")

        def page() -> str:
            return person.session.get(f"{hub.url}/hub/spawn-pending/ada", timeout=60).text

        wait_until(lambda: "ended while it started (exit code 1)" in page(), 20, "the reason")
