"""People of a running stack, and their containers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

import requests

from hub.signin.names import safe_name
from tests.standins.engine import docker
from tests.support.keycloak import sign_in
from tests.support.people import Person
from tests.support.stack import Stack
from tests.support.waiting import retry_until


class TeamMember(Person):
    """A person of the demo, signed in through Keycloak.

    Attributes:
        landed: where the hub sent them after the sign-in, as the hub wrote it.
    """

    wait = staticmethod(retry_until)  # a container that starts refuses connections

    def __init__(
        self, stack: Stack, name: str, next: str = "/hub/home", password: str = ""
    ) -> None:
        session, back = sign_in(stack, name, password or stack.secret(name), next)
        super().__init__(stack.url, name, session)
        self.stack = stack
        self.container = f"{stack.name}_{safe_name(name)}--"
        assert back.is_redirect, back.text
        self.landed = back.headers["Location"]
        assert self.is_signed_in()

    def is_signed_in(self) -> bool:
        """Return whether the hub shows the person their page without a sign-in."""
        home = f"{self.url}/hub/home"
        page = self.session.get(home, timeout=60)
        return page.status_code == 200 and page.url == home

    def stop(self) -> None:
        """Stop the server and wait until its container is gone, and the hub knows it."""
        self.leave_notebooks()
        found = ("ps", "--all", "--quiet", "--filter", f"name=^{self.container}$")

        def gone() -> bool:
            asked = self.api("DELETE", f"users/{quote(self.name, safe='')}/server")
            return asked.status_code != 202 and docker(*found) == ""

        retry_until(gone, 90, f"{self.container} is gone")

    def leave_notebooks(self) -> None:
        """Close the pages of the notebooks that are open."""
        for notebook in self.notebooks:
            notebook.socket.close()
        self.notebooks.clear()

    def end_kernels(self) -> None:
        """Shut down the kernels of the notebooks that are open, as far as they still answer."""
        for notebook in self.notebooks:
            with suppress(requests.RequestException, AssertionError):
                notebook.post("api/home/shutdown_session", {"sessionId": notebook.id})
        self.leave_notebooks()

    # -- the container

    def attempt(self, script: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a shell script as the person, as their terminal would; it may fail."""
        command = ["docker", "exec", "--user", "1000", self.container, "bash", "-c", script]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout)

    def inside(self, *command: str, timeout: float = 300) -> str:
        """Return standard output of a command that runs as the person."""
        return docker("exec", "--user", "1000", self.container, *command, timeout=timeout)

    def with_account(self, program: str, *arguments: str, timeout: float = 300) -> str:
        """Return standard output of a Python program with the broker account of a kernel."""
        script = (
            "export MOSSHUB_BROKER_ACCOUNT=$(echo /dev/shm/mosshub-*/broker-account.json); "
            'exec python -c "$@"'
        )
        return self.inside("bash", "-c", script, "bash", program, *arguments, timeout=timeout)

    @property
    def address(self) -> str:
        """The container's IP address on the network of people's servers."""
        found = json.loads(docker("inspect", self.container))[0]["NetworkSettings"]["Networks"]
        return found[f"{self.stack.name}-users"]["IPAddress"]

    def listening(self) -> set[int]:
        """Return the TCP ports on which a program in the container listens."""
        rows = self.inside("cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines()
        cells = [row.split() for row in rows]
        return {int(c[1].rpartition(":")[2], 16) for c in cells if len(c) > 3 and c[3] == "0A"}


class Team:
    """The people of a running stack. Each signs in once and is then shared by the tests."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._members: dict[str, TeamMember] = {}

    def member(self, name: str) -> TeamMember:
        """Return a person with a valid sign-in; a removed one signs in again."""
        # A test that failed may have left the hub starting.
        retry_until(self.stack.answers, 300, "the hub answers")
        known = self._members.get(name)
        if known is None or not known.is_signed_in():
            known = self._members[name] = TeamMember(self.stack, name)
        return known

    @contextmanager
    def at_work(self, name: str) -> Iterator[TeamMember]:
        """A person whose server runs; it goes on running, the notebooks are closed."""
        member = self.member(name)
        member.start()
        try:
            yield member
        finally:
            member.end_kernels()
