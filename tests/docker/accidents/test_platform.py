"""Parts of the platform that are restarted or killed are back, and nobody loses anything."""

import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import requests
from websockets.exceptions import WebSocketException

from tests.standins.engine import docker
from tests.support.apps import an_app_stays
from tests.support.host_names import ALL_FILES
from tests.support.kernels import Notebook
from tests.support.members import TeamMember
from tests.support.sharing import what_is_shared_stays
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1500)


# The platform's own parts


def remembered(notebook: Notebook, name: str) -> str:
    """Return a kernel's variable, over a new connection if the old one is lost."""

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
    """Kill a service with SIGKILL and wait until the engine has started it again."""
    before = stack.started()[service]
    stack.kill(service)
    retry_until(lambda: stack.started()[service] != before, 180, f"{service} is started again")


@contextmanager
def lost_nothing(stack: Stack, *members: TeamMember) -> Iterator[dict[str, Notebook]]:
    """Assert that kernels keep their memory and containers stay the same within."""
    notebooks = {}
    value = f"v{uuid.uuid4().hex}"
    for member in members:
        notebooks[member.name] = member.notebook()
        notebooks[member.name].run(f"{value} = {member.name!r}")
    containers = stack.servers()
    yield notebooks
    retry_until(
        lambda: requests.get(f"{stack.url}/hub/health", timeout=5).ok, 120, "the hub answers"
    )
    assert stack.servers() == containers, "the same servers as before"
    for member in members:
        member.open(120)
        assert remembered(notebooks[member.name], value) == member.name
    shown = members[0].api("GET", f"users/{members[0].name}").json()
    assert shown["server"], "the hub knows of the server"


def test_a_restart_of_the_hub_cuts_nobody_off(stack, ada, linus):
    with what_is_shared_stays(ada, linus), lost_nothing(stack, ada, linus) as notebooks:
        stack.compose("restart", "hub")
        assert still_open(notebooks["ada"]), "the same WebSocket still works"
        retry_until(lambda: stack.health("hub") == "healthy", 120, "the hub is healthy")


@pytest.mark.parametrize(("service", "cut"), [("hub", False), ("proxy", True), ("caddy", True)])
def test_a_killed_part_is_back_and_nobody_lost_anything(stack, ada, linus, service, cut, report):
    with lost_nothing(stack, ada, linus) as notebooks:
        began = time.monotonic()
        kill(stack, service)
        if not cut:
            assert still_open(notebooks["ada"]), "the same WebSocket still works"
        retry_until(lambda: editor_answers(ada), 120, "the editor answers")
        report(f"kill -9 of {service}: the editor answers after {time.monotonic() - began:.1f} s")
        retry_until(lambda: stack.health(service) == "healthy", 120, f"{service} is healthy")


def editor_answers(member: TeamMember) -> bool:
    page = member.session.get(member.base + ALL_FILES, timeout=5)
    return page.status_code == 200 and "<marimo-" in page.text


def asked(member: TeamMember) -> None:
    with suppress(requests.RequestException):
        member.api("POST", f"users/{member.name}/server")


def test_a_hub_killed_while_a_server_starts_leaves_no_orphan(stack, team, linus):
    grace = team.member("grace")
    try:
        # Nothing waits for the answer: the hub is gone before it can give one.
        asking = threading.Thread(target=asked, args=(grace,), daemon=True)
        asking.start()
        found = ("ps", "--quiet", "--filter", f"name=^{grace.container}")
        retry_until(lambda: docker(*found), 30, "the container is there, the server not yet")
        kill(stack, "hub")
        asking.join(60)
        retry_until(lambda: stack.health("hub") == "healthy", 120, "the hub is healthy")
        # If the container had started, the hub goes on with it; otherwise it starts one now.
        retry_until(lambda: grace.start(), 120, "grace's editor")
        running = docker("ps", "--quiet", "--filter", f"name=^{grace.container}").split()
        assert len(running) == 1
    finally:
        grace.stop()
    assert grace.container not in docker("ps", "--all", "--format", "{{.Names}}").split()


# An upgrade


def test_up_over_a_running_older_version_keeps_everything(stack, team, ada, linus):
    """Another hub image; messages, files, what is shared and a running kernel stay."""
    image = f"mosshub/hub:{uuid.uuid4().hex[:8]}"
    topic = f"ada.{uuid.uuid4().hex[:8]}"
    ada.with_account(WRITE, topic)
    ada.inside("sh", "-c", "echo kept > ~/notebooks/kept.txt")
    known = {u["name"] for u in team.member("grace").api("GET", "users").json()}
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
        with (
            an_app_stays(ada, linus),
            what_is_shared_stays(ada, linus),
            lost_nothing(stack, ada, linus) as notebooks,
        ):
            up = stack.script("up", BUILD="no", HUB_IMAGE=image)
            assert up.returncode == 0, up.stdout[-6000:]
            assert stack.inspect("hub")["Config"]["Image"] == image
            restarted = {s for s in SERVICES if stack.started()[s] != before[s]}
            assert restarted >= {"hub", "proxy", "firewall"}, "these have the new image"
            assert not restarted & {"kafka", "engine", "keycloak"}, "these do not"
            assert notebooks
        assert ada.with_account(READ, topic).strip() == "kept"
        assert ada.inside("cat", "/home/mosshub/notebooks/kept.txt").strip() == "kept"
        assert {u["name"] for u in team.member("grace").api("GET", "users").json()} >= known
        assert ada.session.get(f"{stack.url}/hub/home", timeout=60).url.endswith("/hub/home")
    finally:
        back = stack.script("up", BUILD="no")
        docker("image", "rm", "-f", image)
    assert back.returncode == 0, back.stdout[-6000:]


WRITE = """
import sys
from imageclass.kafka.credentials import find_account
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
from imageclass.kafka.credentials import find_account
from kafka import KafkaConsumer
with KafkaConsumer(
    sys.argv[1], bootstrap_servers="kafka:9092", auto_offset_reset="earliest",
    consumer_timeout_ms=30000, **find_account().settings,
) as consumer:
    print(next(iter(consumer)).value.decode())
"""
