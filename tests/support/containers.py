"""Containers of a test: started with `docker run`, removed at the end."""

import ipaddress
import json
import os
import secrets
import subprocess
import uuid

from tests.standins.engine import docker

# In the name of every container and volume: tests/run gives it to all its processes.
RUN = os.environ.get("MOSSHUB_TEST_RUN") or secrets.token_hex(2)
PREFIX = f"mosshub-test-{RUN}"


def gateway(network: str) -> str:
    """Return this machine's address in a network of the engine.

    An engine does not always name it: by default it is the first of the subnet.
    """
    (config,) = json.loads(docker("network", "inspect", network))[0]["IPAM"]["Config"]
    first = next(ipaddress.ip_network(config["Subnet"]).hosts())
    return config.get("Gateway") or str(first)


class Container:
    """One container, running or ended."""

    def __init__(self, name: str) -> None:
        self.name = name

    def address(self, port: int) -> str:
        """Return where this machine reaches a published port, as host:port."""
        return docker("port", self.name, str(port)).splitlines()[0]

    def exec(self, *command: str, user: str = "", timeout: float = 60) -> str:
        """Return standard output of a command in the container. Raises RuntimeError."""
        as_user = ["--user", user] if user else []
        return docker("exec", *as_user, self.name, *command, timeout=timeout)

    def logs(self) -> str:
        """Return both output streams, in the order in which they were written."""
        command = ["docker", "logs", self.name]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
        )
        return done.stdout

    def state(self, key: str) -> str:
        """Return a field of docker inspect's State, such as Status or ExitCode."""
        return docker("inspect", "--format", f"{{{{.State.{key}}}}}", self.name)


class Containers:
    """Make containers and volumes under names of their own and remove them together."""

    def __init__(self) -> None:
        self.started: list[Container] = []
        self.volumes: list[str] = []

    def run(self, *arguments: str) -> Container:
        """Start a container; arguments as of `docker run -d`, the image among them."""
        container = Container(self.new_name())
        self.started.append(container)
        docker("run", "-d", "--name", container.name, *arguments)
        return container

    def volume(self) -> str:
        """Make an empty volume; return its name."""
        self.volumes.append(self.new_name())
        return docker("volume", "create", self.volumes[-1])

    def remove_all(self) -> None:
        for container in self.started:
            docker("rm", "-f", "-v", container.name, timeout=300)  # some hold gigabytes
        for volume in self.volumes:
            docker("volume", "rm", "-f", volume)

    @staticmethod
    def new_name() -> str:
        return f"{PREFIX}-{uuid.uuid4().hex[:10]}"
