"""Apps in containers: what their code sees of the viewer, of the author, and on the broker."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from pathlib import Path

import pytest
from mosshub_contract.apps import server_name
from websockets.exceptions import ConnectionClosed

from hub.signin.names import safe_name
from tests.standins.engine import docker
from tests.support.apps import (
    NAME,
    PEEK,
    SLUG,
    TOPICS,
    app_url,
    assert_nothing_of_the_viewer,
    open_app,
    publish,
    seen_by_code,
    server_url,
    socket,
    unpublish,
)
from tests.support.members import Team, TeamMember
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

pytestmark = pytest.mark.timeout(1800)

WRITE = (
    "import pathlib, sys\n"
    "home = pathlib.Path.home() / 'notebooks'\n"
    "(home / 'peek.py').write_text(sys.argv[1])\n"
    "(home / 'numbers.csv').write_text('1,2,3')\n"
    "(home / 'private.csv').write_text('not for others')\n"
)


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


def exists(container: str) -> bool:
    return docker("ps", "--all", "--quiet", "--filter", f"name=^{container}$") != ""


def test_an_apps_code_sees_its_snapshot_its_topics_and_nothing_else(
    published: str, ada: TeamMember, linus: TeamMember
) -> None:
    page = open_app(linus, ada)
    assert page.url.startswith(server_url(ada))
    seen = seen_by_code(linus, ada)
    assert_nothing_of_the_viewer(seen, linus)
    assert seen["data"] == "1,2,3"
    files = {Path(path).name for path in seen["home"]}
    assert {NAME, "numbers.csv"} <= files
    assert not {"private.csv", "image_class.py"} & files
    assert seen["topics"]["ada.open"] == ["a message in open"]
    assert seen["topics"]["ada.secret"] in ([], "TopicAuthorizationFailedError")
    # The hub's token is in no environment that the code can read.
    text = json.dumps([seen["environment"], seen["processes"]])
    assert "JUPYTERHUB_API_TOKEN" not in text
    about = json.loads(docker("inspect", published))[0]
    assert not [mount for mount in about["Mounts"] if mount["Type"] != "tmpfs"]
    assert about["HostConfig"]["Binds"] in (None, [])
    assert about["HostConfig"]["Memory"] == 2 * 2**30
    assert about["HostConfig"]["CapDrop"] == ["ALL"]
    # Who may no longer open it loses it, at its server's address, too.
    status = f"{server_url(ada)}_mosshub/status"
    assert linus.session.get(status, timeout=60).json() == {"viewer": "linus"}
    assert publish(ada, audience="ada").status_code == 200
    wait_until(lambda: linus.session.get(status, timeout=60).status_code == 403, 20, "the loss")
    refused = linus.session.get(app_url(ada), timeout=60)
    assert refused.status_code == 403
    assert "ada has not opened this app to you" in unescape(refused.text)


def test_an_apps_token_gets_nothing_of_its_authors(
    published: str, ada: TeamMember, linus: TeamMember
) -> None:
    open_app(linus, ada)
    environment = json.loads(docker("inspect", published))[0]["Config"]["Env"]
    variables = dict(line.split("=", 1) for line in environment)
    asking = (
        "import json, sys, urllib.request, urllib.error\n"
        "found = {}\n"
        "for path in json.loads(sys.argv[2]):\n"
        "    request = urllib.request.Request(sys.argv[1] + path,\n"
        "        headers={'Authorization': 'token ' + sys.argv[3]})\n"
        "    try:\n"
        "        answer = urllib.request.urlopen(request, timeout=30)\n"
        "        found[path] = [answer.status, answer.read(3000).decode(errors='replace')]\n"
        "    except urllib.error.HTTPError as error:\n"
        "        found[path] = [error.code, '']\n"
        "print(json.dumps(found))\n"
    )
    paths = ["/mosshub/broker-account", "/mosshub/messages", "/mosshub/apps", "/users"]
    url, token = variables["JUPYTERHUB_API_URL"], variables["JUPYTERHUB_API_TOKEN"]
    found = json.loads(ada.inside("python3", "-c", asking, url, json.dumps(paths), token))
    assert json.loads(found["/mosshub/broker-account"][1])["username"] == "app.ada.peek"
    assert {found[path][0] for path in paths[1:]} == {403}


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
    names = team.stack.in_hub(
        "from hub.accounts import make_reconciler\n"
        "from hub.settings import load_settings\n"
        "print(*make_reconciler(load_settings(), list)._kafka.account_names())"
    )
    assert "app.ada.peek" not in names.split()


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
