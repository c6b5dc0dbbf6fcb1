"""What goes wrong in one person's container stays there, and what is killed is back by itself."""

import json
import os
import signal
import statistics
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import requests
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.standins.engine import docker
from tests.support.kernels import Notebook
from tests.support.members import TeamMember
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1500)

SLOWER = 40  # times; a hub or an editor that hangs is slower than that
HANGS = 5.0  # seconds


@pytest.fixture(scope="module")
def linus(stack: Stack) -> Iterator[TeamMember]:
    """Who has nothing to do with the accidents, and notices nothing."""
    member = TeamMember(stack, "linus")
    member.start()
    yield member
    member.stop()


@pytest.fixture
def ada(stack: Stack) -> Iterator[TeamMember]:
    """Whose container has the accident."""
    member = TeamMember(stack, "ada")
    member.start()
    yield member
    member.stop()


def latencies(member: TeamMember, times: int = 15) -> dict[str, float]:
    """Median seconds to the hub's page and to the member's own editor; each must answer."""
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
    """The others' pages answer as they did, only slower."""
    for page, seconds in during.items():
        ratio = seconds / before[page]
        report(
            f"{page}: {before[page] * 1e3:.0f} ms before, {seconds * 1e3:.0f} during, x{ratio:.1f}"
        )
        assert ratio < SLOWER, page
        assert seconds < HANGS, page


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n  {text}", end="", flush=True)

    return say


# One person's container


def test_a_fork_bomb_stays_in_its_container(stack, ada, linus, report):
    before = latencies(linus)
    notebook = ada.notebook()
    bomb = (
        "import os, time\nwhile True:\n    try: child = os.fork()\n    except OSError: continue\n"
    )
    notebook.send(bomb)
    counted = ("stats", "--no-stream", "--format", "{{.PIDs}}", ada.container)
    retry_until(lambda: int(docker(*counted)) >= 1000, 60, "the bomb has gone off")
    during = latencies(linus)
    assert linus.notebook().run("print(6 * 7)").strip() == "42"
    assert int(docker(*counted)) <= 1024
    undisturbed(before, during, report)
    # Ada gets rid of it herself: at the hub, with the button that stops her server.
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
    """What the open page is told when its kernel is gone."""
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
    raise AssertionError(f"the person is told nothing; the page got {seen[-10:]}")


def kill_server(member: TeamMember) -> None:
    """All of the container dies, as when its first process uses up the memory."""
    with suppress(RuntimeError):  # it is not there any more
        pid = json.loads(docker("inspect", member.container))[0]["State"]["Pid"]
        if pid:
            subprocess.run(["kill", "-9", str(pid)], check=True)


def test_a_server_that_died_is_back_by_itself(stack, ada):
    ada.inside("sh", "-c", "echo kept > ~/notebooks/kept.txt")
    before = people(stack)
    kill_server(ada)
    retry_until(lambda: ada.inside("cat", "/home/mosshub/notebooks/kept.txt"), 30, "it runs again")
    ada.open()
    ada.notebooks.clear()
    assert ada.notebook().run("print('back')").strip() == "back"
    assert people(stack) == before


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
def small(stack: Stack) -> Iterator[TeamMember]:
    """Grace, on a volume of 64 MB that was there before her first start."""
    member = TeamMember(stack, "grace")
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


# The platform's own parts


def remembered(notebook: Notebook, name: str) -> str:
    """The kernel's value from before, asked through a connection made anew if need be."""

    def ask() -> str:
        try:
            return notebook.run(f"print({name})", 20)
        except Exception:
            notebook.reconnect()
            raise

    return retry_until(ask, 90, "the kernel answers").strip()


def still_open(notebook: Notebook) -> bool:
    try:
        notebook.socket.ping().wait(10)
        return notebook.run("print(1)", 20).strip() == "1"
    except (WebSocketException, AssertionError, OSError):
        return False


def kill(stack: Stack, service: str) -> None:
    """kill -9, and wait until the engine has noticed."""
    before = stack.started()[service]
    stack.kill(service)
    retry_until(lambda: stack.started()[service] != before, 60, f"{service} is started again")


@contextmanager
def lost_nothing(stack: Stack, *members: TeamMember) -> Iterator[dict[str, Notebook]]:
    """Kernels keep their memory and containers stay the same over what happens within."""
    notebooks = {}
    value = f"v{uuid.uuid4().hex}"
    for member in members:
        notebooks[member.name] = member.notebook()
        notebooks[member.name].run(f"{value} = {member.name!r}")
    containers = people(stack)
    yield notebooks
    retry_until(
        lambda: requests.get(f"{stack.url}/hub/health", timeout=5).ok, 120, "the hub answers"
    )
    assert people(stack) == containers, "no server lost, none more"
    for member in members:
        member.open(120)
        assert remembered(notebooks[member.name], value) == member.name
    shown = members[0].api("GET", f"users/{members[0].name}").json()
    assert shown["server"], "the hub knows of the server"


def people(stack: Stack) -> set[str]:
    """People's containers, running or not, by id."""
    filters = ("--filter", f"network={stack.name}-users", "--filter", "name=--")
    return set(docker("ps", "--all", "--no-trunc", "--quiet", *filters).split())


def test_a_restart_of_the_hub_cuts_nobody_off(stack, ada, linus):
    with lost_nothing(stack, ada, linus) as notebooks:
        stack.compose("restart", "hub")
        assert still_open(notebooks["ada"]), "the same WebSocket, without connecting anew"
        retry_until(lambda: stack.health("hub") == "healthy", 120, "the hub is healthy")


@pytest.mark.parametrize(("service", "cut"), [("hub", False), ("proxy", True), ("caddy", True)])
def test_a_killed_part_is_back_and_nobody_lost_anything(stack, ada, linus, service, cut, report):
    with lost_nothing(stack, ada, linus) as notebooks:
        began = time.monotonic()
        kill(stack, service)
        if not cut:
            assert still_open(notebooks["ada"]), "the same WebSocket, without connecting anew"
        retry_until(lambda: editor_answers(ada), 120, "the editor answers")
        report(f"kill -9 of {service}: the editor answers after {time.monotonic() - began:.1f} s")
        retry_until(lambda: stack.health(service) == "healthy", 120, f"{service} is healthy")


def editor_answers(member: TeamMember) -> bool:
    page = member.session.get(member.base, timeout=5)
    return page.status_code == 200 and "<marimo-" in page.text


def asked(member: TeamMember) -> None:
    with suppress(requests.RequestException):
        member.api("POST", f"users/{member.name}/server")


def test_a_hub_killed_while_a_server_starts_leaves_no_orphan(stack, linus):
    grace = TeamMember(stack, "grace")
    try:
        # Nobody waits for the answer: the hub is gone before it can give one.
        asking = threading.Thread(target=asked, args=(grace,), daemon=True)
        asking.start()
        found = ("ps", "--quiet", "--filter", f"name=^{grace.container}")
        retry_until(lambda: docker(*found), 30, "the container is there, the server not yet")
        kill(stack, "hub")
        asking.join(60)
        retry_until(lambda: stack.health("hub") == "healthy", 120, "the hub is healthy")
        # Where the container had begun, the hub goes on with it; else it starts one now.
        retry_until(lambda: grace.start(), 120, "grace's editor")
        running = docker("ps", "--quiet", "--filter", f"name=^{grace.container}").split()
        assert len(running) == 1
    finally:
        grace.stop()
    assert grace.container not in docker("ps", "--all", "--format", "{{.Names}}").split()


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


def test_a_restart_of_the_engine_brings_everything_back(stack, ada, linus, report):
    """Kernels end with their containers; nobody signs in again, and no server is lost."""
    names = docker("ps", "--format", "{{.Names}}").split()
    if others := [name for name in names if not name.startswith(stack.name)]:
        pytest.skip(f"the engine would not be restarted with somebody else's containers: {others}")
    ada.inside("sh", "-c", "echo kept > ~/notebooks/kept.txt")
    before = people(stack)
    began = time.monotonic()
    restart_engine()
    retry_until(lambda: docker("version"), 120, "the engine answers")
    for service in SERVICES:
        retry_until(lambda s=service: stack.health(s) == "healthy", 240, f"{service} is healthy")
    report(f"everything is healthy again after {time.monotonic() - began:.0f} s")
    for member in (ada, linus):
        member.open()
        member.notebooks.clear()
        assert member.notebook().run("print('back')").strip() == "back"
    assert ada.inside("cat", "/home/mosshub/notebooks/kept.txt").strip() == "kept"
    assert people(stack) == before, "no server lost, none more"
    shown = ada.api("GET", "users/ada").json()["servers"][""]
    assert shown["ready"]


# An upgrade


def test_up_over_a_running_older_version_keeps_everything(stack, ada, linus):
    """Another hub image under the same name; a message in the broker, files, a running kernel."""
    image = f"mosshub/hub:{uuid.uuid4().hex[:8]}"
    topic = f"ada.{uuid.uuid4().hex[:8]}"
    ada.with_account(WRITE, topic)
    ada.inside("sh", "-c", "echo kept > ~/notebooks/kept.txt")
    known = {u["name"] for u in TeamMember(stack, "grace").api("GET", "users").json()}
    before = stack.started()
    build = subprocess.run(
        ["docker", "build", "-q", "-t", image, "-"],
        input=f"FROM {stack.inspect('hub')['Config']['Image']}\nLABEL org.mosshub.test=newer\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert build.returncode == 0, build.stderr
    try:
        with lost_nothing(stack, ada, linus) as notebooks:
            up = stack.script("up", BUILD="no", HUB_IMAGE=image)
            assert up.returncode == 0, up.stdout[-6000:]
            assert stack.inspect("hub")["Config"]["Image"] == image
            anew = {s for s in SERVICES if stack.started()[s] != before[s]}
            assert anew >= {"hub", "proxy", "firewall"}, "what has a new image started anew"
            assert not anew & {"kafka", "engine", "keycloak"}, "nothing else but the edge did"
            assert notebooks
        assert ada.with_account(READ, topic).strip() == "kept"
        assert ada.inside("cat", "/home/mosshub/notebooks/kept.txt").strip() == "kept"
        assert {u["name"] for u in TeamMember(stack, "grace").api("GET", "users").json()} >= known
        assert ada.session.get(f"{stack.url}/hub/home", timeout=60).url.endswith("/hub/home")
    finally:
        back = stack.script("up", BUILD="no")
        docker("image", "rm", "-f", image)
    assert back.returncode == 0, back.stdout[-6000:]


WRITE = """
import sys
from imageclass.account import find_account
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
known = {"bootstrap_servers": "kafka:9092", **find_account().settings}
with KafkaAdminClient(**known) as admin:
    admin.create_topics({sys.argv[1]: {"num_partitions": 1, "replication_factor": 1}})
with KafkaProducer(**known) as producer:
    producer.send(sys.argv[1], b"kept").get(30)
"""
READ = """
import sys
from imageclass.account import find_account
from kafka import KafkaConsumer
with KafkaConsumer(
    sys.argv[1], bootstrap_servers="kafka:9092", auto_offset_reset="earliest",
    consumer_timeout_ms=30000, **find_account().settings,
) as consumer:
    print(next(iter(consumer)).value.decode())
"""
