"""docs/deploy.md on a machine that has nothing: its commands, in their order, with what they show.

The machine is Debian 12 with systemd and an engine of its own. What differs from a rented one:

- The hosts file of the machine has the names that the DNS would have, and Caddy's own authority
  signs (`TLS=internal`): Let's Encrypt gives a test no certificate.
- The images come from this host's engine, and are not built again (`BUILD=no`): tests/docker/images
  looks at that.
- The commands for Ubuntu 24.04 are not run. The new host, to which the platform moves, is the old
  one after everything was removed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import requests

from tests.standins import ensure
from tests.standins.engine import docker
from tests.support.containers import Containers
from tests.support.deploy_page import Command, blocks
from tests.support.host_names import pointed
from tests.support.oidc_provider import CLIENT_SECRET, OidcProvider, browser, sign_in
from tests.support.paths import ROOT
from tests.support.people import Person
from tests.support.vps import Vps
from tests.support.waiting import retry_until

DOMAIN = "moss.example.org"
URL = f"https://{DOMAIN}"
CLONE = "/opt/mosshub"
REPOSITORY = "/srv/mosshub.git"
IMAGES = ("mosshub/hub:local", "mosshub/user:cpu", "mosshub/backup:local")
OTHERS = ("caddy:2.6.2", "haproxy:3.0.11", "apache/kafka:4.3.1")
NEW_VERSION = "A newer version"
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

    def reached(self):
        """Find the machine's names on this host; a reboot may change the address."""
        return pointed(DOMAIN, self.vps.address)

    def reads_home_file(self) -> str:
        return self.output(f"docker exec mosshub_ada-- cat {HOME_FILE}")

    def server_runs(self, person: Person) -> None:
        """Start the person's editor, as their browser does."""
        with self.reached():
            person.wait = retry_until
            page = person.start()
            assert page.ok


@pytest.fixture
def deployment(containers: Containers, tmp_path: Path) -> Iterator[Deployment]:
    ensure(*OTHERS)
    subprocess.run(["make", "images", "backup-image"], cwd=ROOT, check=True, timeout=1200)
    # The names that the DNS has for the machine.
    vps = Vps(containers, DOMAIN, f"ada.{DOMAIN}", f"check--mosshub.{DOMAIN}")
    provider = OidcProvider(URL, tmp_path / "provider.log", vps.gateway)
    give_repository(vps, tmp_path / "mosshub.git")
    yield Deployment(vps, provider, tmp_path)
    provider.stop()


def give_repository(vps: Vps, bare: Path) -> None:
    """Copy what is committed here to the machine, as a repository with the branch main."""
    git = ["git", "-C", str(bare)]
    for command in (
        ["git", "clone", "-q", "--bare", "--depth=1", f"file://{ROOT}", str(bare)],
        [*git, "update-ref", "refs/heads/main", "HEAD"],
        [*git, "symbolic-ref", "HEAD", "refs/heads/main"],
    ):
        subprocess.run(command, check=True)
    docker("cp", bare, f"{vps.box.name}:{REPOSITORY}")


def install(deployment: Deployment) -> Person:
    """From the bare machine to a user whose editor runs."""
    for command in deployment.follow("From a bare VPS"):
        if command.line.startswith("docker compose version"):
            deployment.vps.load(*IMAGES, *OTHERS)
        elif command.line == "make configure":
            deployment.output("sed -i 's/^TLS=.*/TLS=internal/' docker/.env")
        elif command.line == "make up" and "make up" not in deployment.done[:-1]:
            deployment.trust()
            ada = deployment.signed_in("ada")
            deployment.server_runs(ada)
            deployment.output(f"docker exec mosshub_ada-- sh -c 'echo {MINE} > {HOME_FILE}'")
            save_token(deployment, ada)
        elif command.line == "systemctl reboot":
            check_reboot(deployment, ada)
    return ada


def save_token(deployment: Deployment, person: Person) -> None:
    with deployment.reached():
        made = person.api("POST", f"users/{person.name}/tokens", json={"note": "smoke"})
    deployment.vps.write(f"{CLONE}/token", made.json()["token"])


def check_reboot(deployment: Deployment, ada: Person) -> None:
    """Nobody did anything, and the editor runs, with the file of before."""
    with deployment.reached():
        retry_until(lambda: ada.open().ok, 300, "ada's editor answers after the reboot")
    assert deployment.reads_home_file() == MINE
    # Users' servers do not reach the cloud's metadata service.
    assert "prohibit" in deployment.output("ip rule")


def upgrade(deployment: Deployment, ada: Person) -> None:
    """A new version, with a drain, and back to the old one."""
    old = deployment.output("git log -1 --format=%s")
    author = "git -c user.name=test -c user.email=test@example.org"
    commit = f"{author} commit -q --allow-empty -m '{NEW_VERSION}' && git push -q"
    deployment.output(f"git clone -q {REPOSITORY} /srv/new && cd /srv/new && {commit}")
    server = deployment.output("docker inspect --format '{{.Id}}' mosshub_ada--")
    for command in deployment.follow("A new version"):
        if command.line == "git pull":
            assert deployment.output("git log -1 --format=%s") == NEW_VERSION
        elif command.line.startswith("docker ps "):
            assert deployment.output("docker inspect --format '{{.Id}}' mosshub_ada--") == server
            grace = deployment.signed_in("grace")
            with deployment.reached():
                refused = grace.api("POST", "users/grace/server")
                home = grace.session.get(f"{URL}/hub/home", timeout=60).text
            assert refused.status_code == 429
            assert "The host gets a new disk until 18:00." in refused.text
            assert "No editor starts at the moment: The host gets a new disk" in home
        elif command.line == "make down":
            assert deployment.output("docker ps --all --quiet") == ""
    assert deployment.output("git log -1 --format=%s") == old
    deployment.server_runs(ada)
    assert deployment.reads_home_file() == MINE


def renew_secrets(deployment: Deployment, ada: Person) -> Person:
    """All sign in again, and nothing else is lost."""
    server = deployment.output("docker inspect --format '{{.Id}}' mosshub_ada--")
    list(deployment.follow("New secrets"))
    with deployment.reached():
        page = ada.session.get(f"{URL}/hub/home", timeout=60, allow_redirects=False)
    assert page.is_redirect, "a cookie under the old secret is still taken"
    ada = deployment.signed_in("ada")
    with deployment.reached():
        retry_until(lambda: ada.open().ok, 120, "ada's editor answers after new secrets")
    assert deployment.output("docker inspect --format '{{.Id}}' mosshub_ada--") == server
    return ada


def move(deployment: Deployment) -> None:
    """To a host where nothing is, which is this one after everything was removed."""
    list(deployment.follow("To another host", block=0))
    deployment.output("cp docker/secrets/backup_passphrase /var/backups/passphrase")
    list(deployment.follow("To remove it"))
    left = "docker ps --all --quiet; docker volume ls --quiet; ls -d /opt/mosshub* || true"
    assert "mosshub_" not in deployment.output(left, directory="/")
    assert "No such file" in deployment.output(left, directory="/")
    list(deployment.follow("To another host", block=1))
    deployment.trust()
    ada = deployment.signed_in("ada")
    deployment.server_runs(ada)
    assert deployment.reads_home_file() == MINE
    assert deployment.output("systemctl is-active mosshub") == "active"


@pytest.mark.timeout(3000)
def test_the_page_leads_from_a_bare_machine_to_a_team_and_further(deployment: Deployment) -> None:
    ada = install(deployment)
    upgrade(deployment, ada)
    renew_secrets(deployment, ada)
    move(deployment)
