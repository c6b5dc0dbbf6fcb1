"""People of a running stack, and their containers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from hub.signin.names import safe_name
from tests.standins.engine import docker
from tests.support.keycloak import sign_in
from tests.support.people import ContainerPerson
from tests.support.stack import Stack
from tests.support.waiting import retry_until


class TeamMember(ContainerPerson):
    """A person of the demo, signed in through Keycloak.

    Attributes:
        landed: where the hub sent them after the sign-in, as the hub wrote it.
    """

    def __init__(
        self, stack: Stack, name: str, next: str = "/hub/home", password: str = ""
    ) -> None:
        session, back = sign_in(stack, name, password or stack.secret(name), next)
        super().__init__(stack.url, name, session)
        self.stack = stack
        self.provider = f"{stack.url}/auth/realms/"
        self.container = f"{stack.name}_{safe_name(name)}--"
        assert back.is_redirect, back.text
        self.landed = back.headers["Location"]
        assert self.is_signed_in()

    # -- the container

    def enter(self) -> list[str]:
        return ["docker", "exec", "--user", "1000", self.container]

    def has_container(self) -> bool:
        return docker("ps", "--all", "--quiet", "--filter", f"name=^{self.container}$") != ""

    @property
    def address(self) -> str:
        """The container's IP address on the network of people's servers."""
        found = json.loads(docker("inspect", self.container))[0]["NetworkSettings"]["Networks"]
        return found[f"{self.stack.name}-users"]["IPAddress"]


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
        with self.member(name).at_work() as member:
            yield member
