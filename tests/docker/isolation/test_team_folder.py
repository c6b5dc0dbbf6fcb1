"""The team's folder in containers: who may write where, and what a link in it can do."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases.team_folder import *  # noqa: F403
from tests.cases.team_folder import write
from tests.standins.engine import docker
from tests.support.members import Team, TeamMember
from tests.support.stack import Stack
from tests.support.team_pages import hub_settings
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1200)

NOTEBOOK = "import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    return\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of the host that its permissions let everybody write to."""
    directory = tmp_path_factory.mktemp("data")
    directory.chmod(0o777)
    (directory / "numbers.csv").write_text("1,2,3\n")
    (directory / "numbers.csv").chmod(0o666)
    return directory


@pytest.fixture(scope="module")
def shared(stack: Stack, team: Team, data: Path) -> Iterator[tuple[TeamMember, TeamMember]]:
    """Ada, who is in the group team, and grace, who is in team and in admins."""
    members = team.member("ada"), team.member("grace")
    with hub_settings(stack, f"TEAM_GROUPS=team,admins\nSHARED_DATA={data}\n"):
        for member in members:
            member.stop()
            member.start()
        yield members
        for member in members:
            member.stop()


def test_no_volume_is_written_where_it_gets_its_owner(shared) -> None:
    ada, _ = shared
    assert ada.attempt("touch /srv/mosshub/new/1/x || touch /srv/mosshub/new/2/x").returncode


def test_the_shared_data_is_read_by_all_and_written_by_nobody(
    shared: tuple[TeamMember, TeamMember], data: Path
) -> None:
    for member in shared:
        assert member.inside("cat", "/home/mosshub/data/numbers.csv") == "1,2,3"
        for attempt in (
            "touch ~/data/new",
            "echo 4 > ~/data/numbers.csv",
            "rm -f ~/data/numbers.csv",
            "mount -o remount,rw /srv/data && touch ~/data/new",
        ):
            done = member.attempt(attempt)
            assert done.returncode != 0, attempt
            assert "mount" in attempt or "Read-only file system" in done.stderr, done.stderr
        assert write(member, "~/team/everybody/new") == ""  # the nearest that they may
    assert [path.name for path in data.iterdir()] == ["numbers.csv"]
    assert (data / "numbers.csv").read_text() == "1,2,3\n"


def test_a_link_in_a_home_moves_no_mount(stack: Stack, shared, data: Path) -> None:
    ada, _ = shared
    ada.inside("sh", "-c", "rm ~/team && ln -s /opt/mosshub ~/team")
    ada.stop()
    ada.start()
    mounts = json.loads(docker("inspect", "--format", "{{json .Mounts}}", ada.container))
    assert {m["Destination"]: (m.get("Name", m["Source"]), m["RW"]) for m in mounts} == {
        "/home/mosshub": (f"{stack.name}_home_ada", True),
        "/srv/team/everybody": (f"{stack.name}_team", True),
        "/srv/team/admins": (f"{stack.name}_team_admins", False),
        "/srv/mosshub/new/1": (f"{stack.name}_team_admins", False),
        "/srv/team/team": (f"{stack.name}_team_team", True),
        "/srv/mosshub/new/2": (f"{stack.name}_team_team", False),
        "/srv/data": (str(data), False),
    }
    ada.inside("sh", "-c", "rm ~/team && ln -s /srv/team ~/team")


def test_a_notebook_of_the_team_is_saved_and_a_link_is_not_followed(shared) -> None:
    ada, grace = shared
    for place in ("team", "admins"):
        write(grace, f"/srv/team/{place}/x.py", NOTEBOOK)
    ada.inside("sh", "-c", "cp /srv/team/team/x.py ~/notebooks/own.py")
    grace.inside("ln", "-sf", "/home/mosshub/notebooks/own.py", "/srv/team/team/link.py")
    settings = {"config": {"width": "full"}}
    notebook = ada.notebook("/srv/team/team/x.py")
    assert notebook.post("api/kernel/save_app_config", settings).ok
    assert 'width="full"' in grace.inside("cat", "/srv/team/team/x.py")
    read_only = ada.notebook("/srv/team/admins/x.py")
    assert not read_only.post("api/kernel/save_app_config", settings).ok
    page = ada.session.get(f"{ada.base}?file=/srv/team/team/link.py", timeout=60)
    assert page.status_code == 403
    assert 'width="full"' not in ada.inside("cat", "/home/mosshub/notebooks/own.py")

    def said() -> bool:
        ada.session.get(ada.base, timeout=60)
        return "saved by ada," in grace.session.get(grace.base, timeout=60).text

    retry_until(said, 60, "grace's start page says that ada saved it")
    ada.end_kernels()
