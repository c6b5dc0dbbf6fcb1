"""Accidents in a person's container stay there."""

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import requests
from websockets.exceptions import ConnectionClosed

from tests.standins.engine import docker
from tests.support.kernels import Notebook
from tests.support.members import Team, TeamMember
from tests.support.stack import Stack
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1500)


MAX_SLOWDOWN = 40  # times; a hub or an editor that hangs is slower than that


MAX_ANSWER_S = 5.0


# The kernel counts a process that joins from outside, and refuses only the next fork: the health
# check's `runc init` and `docker exec` have some threads each while they join.
MAX_PIDS = 1024 + 32


@pytest.fixture
def ada(team: Team) -> Iterator[TeamMember]:
    """Ada, whose container has the accident. What is left of it ends with her server."""
    member = team.member("ada")
    member.start()
    yield member
    member.stop()


def latencies(member: TeamMember, times: int = 15) -> dict[str, float]:
    """Return the median seconds to the hub's page and to the member's editor."""
    out = {}
    for name, address in {"hub": f"{member.stack.url}/hub/home", "editor": member.base}.items():
        seconds = []
        for _ in range(times):
            began = time.monotonic()
            answer = member.session.get(address, timeout=60)
            seconds.append(time.monotonic() - began)
            assert answer.status_code == 200, (address, answer.status_code, answer.text[:500])
        out[name] = statistics.median(seconds)
    return out


def undisturbed(before: dict[str, float], during: dict[str, float], report: Callable) -> None:
    """Assert that the other person's pages still answer in good time."""
    for page, seconds in during.items():
        ratio = seconds / before[page]
        report(
            f"{page}: {before[page] * 1e3:.0f} ms before, {seconds * 1e3:.0f} during, x{ratio:.1f}"
        )
        assert ratio < MAX_SLOWDOWN, page
        assert seconds < MAX_ANSWER_S, page


# One person's container


def test_a_fork_bomb_stays_in_its_container(stack, ada, linus, report):
    before = latencies(linus)
    notebook = ada.notebook()
    bomb = (
        "import os, time\nwhile True:\n    try: child = os.fork()\n    except OSError: continue\n"
    )
    notebook.send(bomb)
    counted = ("stats", "--no-stream", "--format", "{{.PIDs}}", ada.container)
    retry_until(lambda: int(docker(*counted)) >= 1000, 60, "the container is full of processes")
    during = latencies(linus)
    assert linus.notebook().run("print(6 * 7)").strip() == "42"
    assert int(docker(*counted)) <= MAX_PIDS
    undisturbed(before, during, report)
    # Ada ends it herself: with the hub's button that stops her server.
    ada.stop()
    ada.start()
    assert ada.notebook().run("print('back')").strip() == "back"


def test_a_memory_bomb_stays_in_its_container_and_the_person_is_told(stack, ada, linus, report):
    before = latencies(linus)
    notebook = ada.notebook()
    ada.inside("sh", "-c", "echo kept > ~/notebooks/kept.txt")
    began = time.monotonic()
    notebook.send("bomb = [bytearray(b'x') * 2**26 for _ in range(400)]  # 25 GB")
    said = told(notebook, 120)
    report(f"after {time.monotonic() - began:.1f} s the person is told: {said}")
    undisturbed(before, latencies(linus), report)
    assert "The kernel was stopped unexpectedly. Click Restart" in said
    # What the banner's button does: the same server, files kept, a kernel again.
    again = ("api/kernel/restart_session", {})
    retry_until(lambda: notebook.post(*again).ok, 180, "the kernel starts again")
    notebook.reconnect()
    notebook.until("kernel-ready", 90)
    assert ada.notebook().run("print('back')").strip() == "back"
    assert ada.inside("cat", "/home/mosshub/notebooks/kept.txt").strip() == "kept"


def told(notebook: Notebook, seconds: float) -> str:
    """Return what the open page is told when its kernel is gone."""
    deadline = time.monotonic() + seconds
    seen: list[str] = []
    while (left := deadline - time.monotonic()) > 0:
        try:
            message = json.loads(notebook.socket.recv(timeout=left))
        except ConnectionClosed as closed:
            return f"{closed.rcvd}"
        except TimeoutError:
            break
        seen.append(json.dumps(message)[:300])
        if message["op"] in ("alert", "banner", "kernel-startup-error"):
            return json.dumps(message["data"])
    raise AssertionError(f"the page tells nothing; it got {seen[-10:]}")


def kill_server(member: TeamMember) -> None:
    """Kill the container's first process, as a lack of memory does."""
    with suppress(RuntimeError):  # it is not there any more
        pid = json.loads(docker("inspect", member.container))[0]["State"]["Pid"]
        if pid:
            subprocess.run(["kill", "-9", str(pid)], check=True)


def test_a_server_that_died_is_back_by_itself(stack, ada):
    ada.inside("sh", "-c", "echo kept > ~/notebooks/kept.txt")
    before = stack.servers()
    kill_server(ada)
    retry_until(lambda: ada.inside("cat", "/home/mosshub/notebooks/kept.txt"), 30, "it runs again")
    ada.open()
    ada.notebooks.clear()
    assert ada.notebook().run("print('back')").strip() == "back"
    assert stack.servers() == before


def test_a_server_that_dies_again_and_again_says_so_on_its_page(stack, ada):
    def page() -> str:
        kill_server(ada)
        answer = ada.session.get(ada.base, timeout=20)
        return answer.text if answer.status_code == 424 else ""

    text = retry_until(page, 120, "the page says that the server is not running")
    assert "Your editor stopped: it ended by itself (exit code 137)." in text
    assert "Your files are safe" in text
    found = ("ps", "--all", "--quiet", "--filter", f"name=^{ada.container}$")
    retry_until(lambda: docker(*found) == "", 30, "nothing is left of it")
    ada.start()
    assert ada.notebook().run("print('back')").strip() == "back"


# A full volume


@pytest.fixture
def small(stack: Stack, team: Team) -> Iterator[TeamMember]:
    """Grace, on a volume of 64 MB that was there before her first start."""
    member = team.member("grace")
    member.stop()
    volume = f"{stack.name}_home_grace"
    with suppress(RuntimeError):
        docker("volume", "rm", "-f", volume)
    options = ("type=tmpfs", "device=tmpfs", "o=size=64m,uid=1000,gid=1000,mode=0700")
    docker("volume", "create", *(f"--opt={o}" for o in options), volume)
    yield member
    member.stop()
    docker("volume", "rm", "-f", volume)


def test_a_full_volume_is_said_and_loses_nothing(stack, small, linus):
    small.start()
    notebook = small.notebook()
    path = "/home/mosshub/notebooks/image_class.py"
    before = small.inside("cat", path)
    saved = save(notebook, before)
    assert saved.status_code == 200, saved.text
    kept = small.inside("cat", path)
    full = small.attempt("cat /dev/zero > ~/filling; true")
    assert "No space left" in full.stderr

    refused = save(notebook, "import marimo\n" + "# a line more\n" * 20_000)
    assert refused.status_code == 507, refused.text
    assert "Not saved: your disk is full." in refused.json()["detail"]
    assert small.inside("cat", path) == kept, "what was saved before is still there"
    assert requests.get(f"{stack.url}/hub/health", timeout=20).ok
    assert small.session.get(f"{stack.url}/hub/home", timeout=60).ok
    assert linus.notebook().run("print(6 * 7)").strip() == "42"

    small.inside("rm", "/home/mosshub/filling")
    assert save(notebook, kept).status_code == 200


def save(notebook: Notebook, code: str) -> requests.Response:
    """Save a cell with this code, as the page's own save does."""
    return notebook.post(
        "api/kernel/save",
        {
            "cellIds": ["only"], "codes": [code], "names": ["_"], "configs": [{}],
            "filename": notebook.name, "persist": True,
        },
    )  # fmt: skip


def people(stack: Stack) -> set[str]:
    """People's containers, running or not, by id."""
    filters = ("--filter", f"network={stack.name}-users", "--filter", "name=--")
    return set(docker("ps", "--all", "--no-trunc", "--quiet", *filters).split())
