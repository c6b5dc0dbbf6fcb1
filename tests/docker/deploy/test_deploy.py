"""docs/deploy.md on a machine that has nothing: its commands, in their order, with what they show.

The machine is Debian 12 with systemd and an engine of its own. What differs from a rented one:

- The hosts file of the machine has the names that the DNS would have, and Caddy's own authority
  signs (`TLS=internal`): Let's Encrypt gives a test no certificate.
- The images come from this host's engine, and are not built again (`BUILD=no`): tests/docker/images
  looks at that.
- Nobody watches (`MONITORING=no`): there is no image of Grafana.
- The commands for Ubuntu 24.04 are not run. The new host, to which the platform moves, is the old
  one after everything was removed.
"""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins import ensure
from tests.standins.engine import docker
from tests.support.containers import Containers
from tests.support.deployment import CLONE, DOMAIN, MINE, REPOSITORY, URL, Deployment
from tests.support.oidc_provider import OidcProvider
from tests.support.paths import ROOT
from tests.support.people import Person
from tests.support.vps import Vps
from tests.support.waiting import TIMEOUT_FACTOR, retry_until

IMAGES = ("mosshub/hub:local", "mosshub/user:cpu", "mosshub/backup:local")
OTHERS = ("caddy:2.6.2", "haproxy:3.0.11", "apache/kafka:4.3.1")
NEW_VERSION = "A newer version"
NEW_FILE = "/home/mosshub/notebooks/new.txt"
CLOSED_PORT = 8888  # the page opens SSH, 80 and 443


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
            deployment.writes_home_file(MINE)
            save_token(deployment, ada)
        elif command.line == "make install-service":
            services = deployment.services()
            assert {"backup", "hub"} <= set(services)
        elif command.line == "systemctl reboot":
            check_reboot(deployment, ada)
            assert deployment.services() == services
            check_firewall(deployment.vps)
            check_unit(deployment)
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


def check_firewall(vps: Vps) -> None:
    """From outside, a program of the machine is not reached, and SSH is."""
    assert "Status: active" in vps.shell("ufw status").stdout
    vps.shell(f"systemd-run --unit=listener python3 -m http.server {CLOSED_PORT}")
    within = f"curl --silent --fail --output /dev/null http://127.0.0.1:{CLOSED_PORT}"
    retry_until(lambda: vps.shell(within).returncode == 0, 30, "the listener answers within")
    for port in (22, 443):
        socket.create_connection((vps.address, port), 10 * TIMEOUT_FACTOR).close()
    with pytest.raises(TimeoutError):
        socket.create_connection((vps.address, CLOSED_PORT), 3 * TIMEOUT_FACTOR)
    vps.shell("systemctl stop listener")


def check_unit(deployment: Deployment) -> None:
    """The unit's process is killed: another follows the log, in which somebody signs in."""

    def process() -> str:
        return deployment.output("systemctl show --property=MainPID --value mosshub")

    log = "journalctl --boot --unit=mosshub --output=cat"
    assert "User logged in: grace" not in deployment.output(log)
    killed = process()
    deployment.output(f"kill -KILL {killed}")
    state = "systemctl is-active mosshub || true"
    retry_until(
        lambda: deployment.output(state) == "active" and process() not in ("0", killed),
        300,
        "systemd restarts the unit",
    )
    deployment.signed_in("grace")
    retry_until(
        lambda: any(
            "hub-1" in line and "User logged in: grace" in line
            for line in deployment.output(log).splitlines()
        ),
        60,
        "the journal has the hub's line of a sign-in",
    )


def upgrade(deployment: Deployment, ada: Person) -> None:
    """A new version, with a drain, and back to the old one."""
    old = deployment.output("git log -1 --format=%s")
    author = "git -c user.name=test -c user.email=test@example.org"
    commit = f"{author} commit -q --allow-empty -m '{NEW_VERSION}' && git push -q"
    deployment.output(f"git clone -q {REPOSITORY} /srv/new && cd /srv/new && {commit}")
    server = deployment.output("docker inspect --format '{{.Id}}' mosshub_ada--")
    for block in range(4):
        for command in deployment.follow("A new version", block):
            check_upgrade(deployment, command.line, server)
    assert deployment.output("git log -1 --format=%s") == old
    deployment.server_runs(ada)
    assert deployment.reads_home_file() == MINE
    bring_backup_back(deployment, ada)


def check_upgrade(deployment: Deployment, line: str, server: str) -> None:
    """See what a command of the upgrade did to the machine, where ada's server has this id."""
    if line == "git pull":
        assert deployment.output("git log -1 --format=%s") == NEW_VERSION
    elif line.startswith("docker ps "):
        assert deployment.output("docker inspect --format '{{.Id}}' mosshub_ada--") == server
        grace = deployment.signed_in("grace")
        with deployment.reached():
            refused = grace.api("POST", "users/grace/server")
            home = grace.session.get(f"{URL}/hub/home", timeout=60).text
        assert refused.status_code == 429
        assert "The host gets a new disk until 18:00." in refused.text
        assert "No editor starts at the moment: The host gets a new disk" in home
    elif line == "make down":
        assert deployment.output("docker ps --all --quiet") == ""


def bring_backup_back(deployment: Deployment, ada: Person) -> None:
    """The hub does not start with its database, and the platform is as it was in the backup."""
    deployment.writes_home_file("changed later")
    deployment.writes_home_file("made later", NEW_FILE)
    database = "/srv/mosshub/data/hub/jupyterhub.sqlite"
    change = "UPDATE alembic_version SET version_num = 'of-a-newer-version'"
    connect = f"sqlite3.connect({database!r}, isolation_level=None)"
    python = f"import sqlite3; {connect}.execute({change!r})"
    deployment.output(f"docker/compose exec -T hub python -c {shlex.quote(python)}")
    deployment.output("docker/compose restart hub")
    log = "docker/compose logs hub"
    retry_until(
        lambda: "of-a-newer-version" in deployment.output(log), 120, "the hub refuses its database"
    )
    for command in deployment.follow("A new version", block=4):
        if command.line.startswith("make restore"):
            # systemd does not start by itself what `make down` stopped.
            assert deployment.services() == ["kafka"]
    asked = f"curl --silent --cacert root.crt {URL}/hub/api/user"
    user = deployment.output(f'{asked} --header "Authorization: token $(cat token)"')
    assert json.loads(user)["name"] == "ada", "a token of before the backup"
    deployment.server_runs(ada)
    assert deployment.reads_home_file() == MINE
    assert deployment.output(f"docker exec mosshub_ada-- cat {NEW_FILE}") == "made later"


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
