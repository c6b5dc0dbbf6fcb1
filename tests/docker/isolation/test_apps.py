"""Apps in containers: what their code sees of the viewer, of the author, and on the broker."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from html import unescape

import pytest
from mosshub_contract.apps import server_name
from playwright.sync_api import Page, expect
from websockets.exceptions import ConnectionClosed

from hub.signin.names import safe_name
from tests.cases.apps import *  # noqa: F403
from tests.standins.engine import docker
from tests.support.app_scripts import apps_of, attack_a_viewer
from tests.support.apps import (
    NAME,
    PEEK,
    SLUG,
    TOPICS,
    WRITE,
    app_url,
    assert_nothing_of_the_viewer,
    assert_snapshot_and_open_topic,
    open_app,
    publish,
    seen_by_code,
    server_url,
    socket,
    unpublish,
)
from tests.support.members import Team, TeamMember
from tests.support.stack import Stack
from tests.support.team_pages import wait_for_files
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

pytestmark = pytest.mark.timeout(1800)

TOKEN = "JUPYTERHUB_API_TOKEN"


@pytest.fixture
def published(ada: TeamMember, linus: TeamMember) -> Iterator[str]:
    """Ada's app, for linus, whom the hub knows; the name of its container."""
    ada.inside("python3", "-c", WRITE, PEEK.replace("AUTHOR", "ada"))
    ada.with_account(TOPICS, "ada")
    page = publish(ada, audience="linus", topics="ada.open")
    assert page.status_code == 200, page.text
    assert "operating-system user" not in page.text  # a laptop's words
    yield ada.container + safe_name(server_name(SLUG))
    unpublish(ada)
    ada.inside("rm", "-f", f"/home/mosshub/notebooks/{NAME}")


def variables_of(container: str) -> dict[str, str]:
    """Return the variables of a server, of which one is its token for the hub."""
    environment = json.loads(docker("inspect", container))[0]["Config"]["Env"]
    return dict(line.split("=", 1) for line in environment)


@pytest.fixture
def read_variables(published: str) -> Callable[[], dict[str, str]]:
    return lambda: variables_of(published)


def secrets_of(member: TeamMember) -> set[str]:
    """Return what opens a door as somebody: cookies, the editor's token, the broker's password."""
    cookies = {str(c.value) for c in member.session.cookies if len(c.value or "") > 8}
    program = "from imageclass.kafka.credentials import find_account as f; print(f().settings)"
    password = re.search(r"'sasl_plain_password': '([^']+)'", member.with_account(program))
    assert password
    return {*cookies, variables_of(member.container)[TOKEN], password[1]}


def found_in(container: str, text: str) -> list[str]:
    """Return the files of a container, of its processes too, in which its programs find a text."""
    script = (
        "exec env -i grep -rlaF -f /dev/stdin /home /tmp /run /dev/shm /srv /mnt /var /etc"
        " /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null"
    )
    command = ["docker", "exec", "-i", "--user", "1000", container, "bash", "-c", script]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1, 2), done.stderr  # 2: some files cannot be read
    return done.stdout.split()


def exists(container: str) -> bool:
    return docker("ps", "--all", "--quiet", "--filter", f"name=^{container}$") != ""


def test_an_apps_code_sees_its_snapshot_its_topics_and_nothing_else(
    published: str, ada: TeamMember, linus: TeamMember
) -> None:
    page = open_app(linus, ada)
    assert page.url.startswith(server_url(ada))
    seen = seen_by_code(linus, ada)
    assert_nothing_of_the_viewer(seen, linus)
    assert_snapshot_and_open_topic(seen, ada)
    # The hub's token is in no environment that the code can read.
    text = json.dumps([seen["environment"], seen["processes"]])
    assert "JUPYTERHUB_API_TOKEN" not in text
    about = json.loads(docker("inspect", published))[0]
    assert "/home/mosshub/notebooks/numbers.csv" in found_in(published, "1,2,3")
    for secret in (
        *secrets_of(linus),
        *secrets_of(ada),
        variables_of(published)[TOKEN],
        "not for others",
    ):
        assert found_in(published, secret) == []
    assert not [mount for mount in about["Mounts"] if mount["Type"] != "tmpfs"]
    assert about["HostConfig"]["Binds"] in (None, [])
    assert about["HostConfig"]["Memory"] == 2 * 2**30
    assert about["HostConfig"]["CapDrop"] == ["ALL"]
    # Who may no longer open it loses it, at its server's address, too.
    status = f"{server_url(ada)}_mosshub/status"
    assert linus.session.get(status, timeout=60).ok
    assert publish(ada, audience="ada").status_code == 200
    wait_until(lambda: linus.session.get(status, timeout=60).status_code == 403, 20, "the loss")
    refused = linus.session.get(app_url(ada), timeout=60)
    assert refused.status_code == 403
    assert "ada has not opened this app to you" in unescape(refused.text)


@pytest.mark.browser
def test_apps_of_two_authors_get_nothing_of_their_viewer(
    stack: Stack, ada: TeamMember, linus: TeamMember, team: Team, enter: Callable[..., Page]
) -> None:
    page = enter("grace")  # an admin
    expect(page).to_have_url(f"{stack.url}/hub/admin")
    page.goto(f"{stack.url}/hub/spawn")
    wait_for_files(page)
    with apps_of((ada, linus), "grace"):
        attack_a_viewer(page, team.member("grace"), (ada, linus))


def test_unpublished_its_container_and_its_account_are_gone(
    published: str, ada: TeamMember, linus: TeamMember, team: Team
) -> None:
    open_app(linus, ada)
    stranger = team.member(
        "grace"
    )  # an admin may open every server, and sees no list of others' files
    assert stranger.session.get(app_url(ada), timeout=60).status_code == 200
    with socket(linus, ada) as connection:
        connection.recv(timeout=60)
        assert "Peek is unpublished" in unescape(unpublish(ada).text)
        began = time.monotonic()
        with suppress(ConnectionClosed):
            while True:
                connection.recv(timeout=60)
        assert time.monotonic() - began < 20 * TIMEOUT_FACTOR
    assert linus.session.get(app_url(ada), timeout=60).status_code == 404
    wait_until(lambda: not exists(published), 60, "the container is gone")

    def account_is_gone() -> bool:
        names = team.stack.in_hub(
            "from hub.accounts import make_reconciler\n"
            "from hub.settings import load_settings\n"
            "print(*make_reconciler(load_settings(), list)._kafka.account_names())"
        )
        return "app.ada.peek" not in names.split()

    wait_until(account_is_gone, 60, "its account is gone")


def test_the_command_publishes_from_a_terminal(ada: TeamMember, linus: TeamMember) -> None:
    ada.inside("python3", "-c", WRITE, PEEK.replace("AUTHOR", "ada"))
    script = (
        "export MOSSHUB_PUBLISH=$(echo /tmp/mosshub-run.*/publish); "
        "mosshub publish ~/notebooks/peek.py --to linus --title Peek"
    )
    done = ada.attempt(script)
    assert done.returncode == 0, done.stderr
    assert app_url(ada) in done.stdout
    try:
        assert linus.session.get(app_url(ada), timeout=60).status_code == 200
    finally:
        gone = ada.attempt(
            "export MOSSHUB_PUBLISH=$(echo /tmp/mosshub-run.*/publish); mosshub unpublish peek"
        )
    assert gone.returncode == 0, gone.stderr
    assert linus.session.get(app_url(ada), timeout=60).status_code == 404


def test_no_other_server_with_a_name_is_started(ada: TeamMember) -> None:
    refused = ada.api("POST", "users/ada/servers/second", json={})
    assert refused.status_code == 403
    assert "Each user has one editor here" in refused.json()["message"]
    assert subprocess.run(
        ["docker", "inspect", f"{ada.container}second"], capture_output=True
    ).returncode
