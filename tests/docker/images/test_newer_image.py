"""Docker's engine tells that the name of a running container's image stands for another image."""

import asyncio
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from docker import APIClient
from hub.spawners.images import has_newer_image
from tests.standins.engine import docker
from tests.support.containers import Container, Containers
from tests.support.stack import HUB_IMAGE

pytestmark = pytest.mark.timeout(600)


class Server:
    """What the hub asks the engine about a server, as DockerSpawner does."""

    def __init__(self, container: Container) -> None:
        self._engine = APIClient()
        self._name = container.name

    async def get_object(self) -> dict[str, Any]:
        return self._engine.inspect_container(self._name)

    async def docker(self, method: str, name: str) -> Any:
        return getattr(self._engine, method)(name)

    def has_newer(self) -> bool:
        return asyncio.run(has_newer_image(self))


@pytest.fixture
def name(built: None) -> Iterator[str]:
    """A name of the platform's image that no other test uses."""
    name = f"mosshub/newer:{uuid.uuid4().hex[:8]}"
    docker("tag", HUB_IMAGE, name)
    yield name
    docker("image", "rm", "-f", name)


def test_a_newer_image_is_seen_while_the_old_one_runs(name: str, containers: Containers) -> None:
    server = Server(containers.run("--no-healthcheck", name, "sleep", "infinity"))
    assert not server.has_newer()
    subprocess.run(
        ["docker", "build", "-q", "-t", name, "-"],
        input=f"FROM {HUB_IMAGE}\nLABEL org.mosshub.test=newer\n",
        text=True,
        check=True,
        timeout=120,
    )
    assert server.has_newer()
