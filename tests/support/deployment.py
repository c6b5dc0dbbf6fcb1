"""Somebody follows docs/deploy.md on a machine that has nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path

import requests

from tests.support.deploy_page import Command, blocks
from tests.support.host_names import pointed
from tests.support.oidc_provider import CLIENT_SECRET, OidcProvider, browser, sign_in
from tests.support.people import Person
from tests.support.vps import Vps
from tests.support.waiting import retry_until

DOMAIN = "moss.example.org"
URL = f"https://{DOMAIN}"
CLONE = "/opt/mosshub"
REPOSITORY = "/srv/mosshub.git"
HOME_FILE = "/home/mosshub/notebooks/mine.txt"
MINE = "this is mine"


class Deployment:
    """Somebody with the page in front of them, and the machine.

    Args:
        vps: the machine.
        provider: the identity provider.
        directory: where files of this host go.
    """

    def __init__(self, vps: Vps, provider: OidcProvider, directory: Path) -> None:
        self.vps, self.provider, self.directory = vps, provider, directory
        self.done: list[str] = []  # what was typed
        self._at = "/root"

    def follow(self, title: str, block: int | None = None) -> Iterator[Command]:
        """Type a section's commands, or those of one of its blocks; yield each afterwards."""
        found = blocks(title)
        assert found, f"docs/deploy.md has no commands below {title!r}"
        for command in chain(*(found if block is None else [found[block]])):
            self.type(command)
            yield command

    def type(self, command: Command) -> None:
        """Type a command and see that it shows what the page says."""
        line = command.line.replace("…", REPOSITORY)
        if line == "systemctl reboot":
            self.vps.reboot()
        elif line.startswith("cd "):
            self._at = line.removeprefix("cd ")
        else:
            script = f"export BUILD=no CA=root.crt DEBIAN_FRONTEND=noninteractive\n{line}"
            done = self.vps.shell(script, stdin=self.answers(line), directory=self._at)
            assert done.returncode == 0, f"{line}\n{done.stdout[-4000:]}"
            assert command.shows in done.stdout, f"{line}\n{done.stdout[-4000:]}"
        self.done.append(command.line)

    def answers(self, line: str) -> str:
        """Return what somebody answers a command."""
        if line != "make configure":
            return ""
        people = ["grace", "", "ada"]  # admins, groups, users
        provider = ["oidc", self.provider.issuer, "mosshub"]
        written = [DOMAIN, *provider, *people, "1G", "4", "no", "y", CLIENT_SECRET]
        return "".join(f"{answer}\n" for answer in written)

    def output(self, script: str, directory: str = CLONE) -> str:
        """Return what a command of the test shows, which the page does not have."""
        done = self.vps.shell(script, directory=directory)
        assert done.returncode == 0, f"{script}\n{done.stdout[-4000:]}"
        return done.stdout.strip()

    def trust(self) -> None:
        """Trust the platform's own authority, on this host and in `make smoke`."""
        authority = "/data/caddy/pki/authorities/local/root.crt"
        self.output(f"docker/compose exec -T caddy cat {authority} > root.crt")
        (self.directory / "root.crt").write_text(self.output("cat root.crt") + "\n")

    def session(self) -> requests.Session:
        session = browser()
        session.verify, session.trust_env = str(self.directory / "root.crt"), False
        return session

    def signed_in(self, name: str) -> Person:
        """Sign somebody in, as a browser of this host."""
        with self.reached():
            page, _ = sign_in(session := self.session(), URL, name, next="/hub/home")
            assert page.url == f"{URL}/hub/home", page.text[-3000:]
            return Person(URL, name, session)

    def reached(self) -> AbstractContextManager[None]:
        """Find the machine's names on this host; a reboot may change the address."""
        return pointed(DOMAIN, self.vps.address)

    def services(self) -> list[str]:
        """Return the names of the platform's services that run."""
        return sorted(self.output("docker/compose ps --services").split())

    def reads_home_file(self) -> str:
        return self.output(f"docker exec mosshub_ada-- cat {HOME_FILE}")

    def writes_home_file(self, text: str, path: str = HOME_FILE) -> None:
        written = shlex.quote(f"echo {shlex.quote(text)} > {path}")
        self.output(f"docker exec mosshub_ada-- sh -c {written}")

    def server_runs(self, person: Person) -> None:
        """Start the person's editor, as their browser does."""
        with self.reached():
            person.wait = retry_until
            page = person.start()
            assert page.ok
