"""The hub's token, which a container has in its environment, reaches no file and no process."""

import json

import pytest

from tests.support import hostile_home
from tests.support.containers import Container, Containers
from tests.support.hostile_home import SECRET
from tests.support.images import ADA, HARDENED, USER, environment, inside
from tests.support.waiting import retry_until

pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("built")]

HOME = "/home/mosshub"
WRITE = """
import json, pathlib, sys
for name, text in json.load(sys.stdin).items():
    path = pathlib.Path.home() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
"""
# Looks into every process that the same user can read, as fast as it can.
WATCH = """
import os, pathlib, sys, time
secret, until = sys.argv[1].encode()[::-1], time.monotonic() + float(sys.argv[2])
seen, found = set(), set()
while time.monotonic() < until:
    for process in os.listdir("/proc"):
        if process.isdigit():
            try:
                environment = open(f"/proc/{process}/environ", "rb").read()
                name = open(f"/proc/{process}/comm").read().strip()
            except OSError:
                continue
            seen.add(process)
            if secret in environment:
                found.add(name)
print(len(seen), *found)
"""
READ = f"find {HOME}/told -type f -exec cat {{}} +"


@pytest.fixture
def server(containers: Containers) -> Container:
    """A server of a user whose files tell what they learn; Docker checks it every second."""
    volume = containers.volume()
    hostile = json.dumps(hostile_home.files(HOME, "3.13"))
    inside(USER, "python", "-c", WRITE, stdin=hostile, volume=f"{volume}:{HOME}")
    given = {**ADA, "JUPYTERHUB_API_TOKEN": SECRET}
    running = containers.run(
        *("--health-interval=1s", *HARDENED, *environment(given)), f"--volume={volume}:{HOME}", USER
    )
    retry_until(lambda: running.state("Health.Status") == "healthy", 90, "the server's health")
    return running


def test_the_health_check_tells_the_hubs_token_to_nobody(server: Container) -> None:
    # Docker gives every command in a container the container's environment.
    found = server.exec(
        *("env", "JUPYTERHUB_API_TOKEN=", "python", "-I", "-c", WATCH, SECRET[::-1], "15")
    )
    seen, *told = found.split()
    assert int(seen) > 1, "some processes can be read: marimo's, and those of the checks"
    assert told == []
    assert SECRET not in server.exec("ls", "-A", f"{HOME}/told")
    assert SECRET not in server.exec("sh", "-c", READ)

    # The nearest case that tells it: the same programs, started with the token by somebody.
    server.exec("curl", "--silent", "http://127.0.0.1:8888/")
    assert f"curl-{SECRET}" in server.exec("ls", f"{HOME}/told")
    server.exec("bash", "-lc", "true")
    assert SECRET in server.exec("sh", "-c", READ)
