"""A person with a broken or full home gets an editor, is told, and loses nothing."""

from collections.abc import Iterator
from contextlib import suppress
from html import unescape

import pytest

from tests.standins.engine import docker
from tests.support.containers import Container, Containers
from tests.support.members import Team, TeamMember
from tests.support.stack import HUB_IMAGE, Stack

pytestmark = pytest.mark.timeout(1500)

HOME = "/home/mosshub"
BREAK = """
cd
mkdir -p .cache .local/state old
mv .venv notebooks .config old/
echo mine > .venv
ln -s /nowhere notebooks
mkfifo .config
chmod 0 .cache .local/state
rm -f .bashrc
mkdir .bashrc
echo 'exit 1' > .bashrc/mine
"""
ASIDE = (".venv", "notebooks", ".config", ".bashrc")
FILL = f"""
import contextlib, itertools, os, pathlib
filling = pathlib.Path("{HOME}", "filling")
filling.mkdir()
with contextlib.suppress(OSError):  # no file more
    for number in itertools.count():
        (filling / f"{{number}}.txt").touch()
(filling / "0.txt").unlink()
with contextlib.suppress(OSError), open(filling / "zeros", "wb", buffering=0) as zeros:
    while True:  # no byte more
        zeros.write(bytes(4096))
for path in [filling, *filling.iterdir()]:
    os.chown(path, 1000, 1000)
"""


@pytest.fixture
def grace(stack: Stack, team: Team) -> Iterator[TeamMember]:
    """Grace, who has no home yet; nobody has it after the test."""
    member, volume = team.member("grace"), f"{stack.name}_home_grace"
    member.stop()
    with suppress(RuntimeError):
        docker("volume", "rm", "-f", volume)
    yield member
    member.stop()
    docker("volume", "rm", "-f", volume)


def said(member: TeamMember) -> str:
    """Return what the first page of the editor tells about the home."""
    page = unescape(member.open().text).replace("<code>", "`").replace("</code>", "`")
    return page.partition('id="mosshub-notices-title"')[2].partition("</aside>")[0]


def in_terminal(member: TeamMember, command: str) -> str:
    """Return what a terminal of the editor shows, up to the end of the command."""
    shown = ""
    with member.websocket("terminal/ws", origin=member.origin) as terminal:
        terminal.send(f"{command}; echo do''ne\n")
        while "done" not in shown:
            shown += str(terminal.recv(timeout=60))
    return shown


def test_a_broken_home_is_put_aside_and_the_editor_starts(grace, report):
    grace.start()
    grace.inside("bash", "-c", BREAK)
    grace.stop()
    grace.start()
    text = said(grace)
    report(text)
    assert "Your home was repaired" in text
    for place in ASIDE:
        assert f"`~/{place}` could not be used. It is now `~/{place}.unusable`, unchanged." in text
    for place in (".cache", ".local/state"):
        assert f"`~/{place}` could not be opened. Its permissions were corrected." in text
    assert grace.notebook().run("print(6 * 7)").strip() == "42"
    shown = in_terminal(grace, "cat ~/.venv.unusable ~/.bashrc.unusable/mine; ls ~/old/notebooks")
    assert "mine" in shown and "exit 1" in shown and "image_class.py" in shown
    grace.leave_notebooks()
    grace.stop()
    grace.start()
    assert said(grace) == "", "it is said once"


@pytest.fixture
def full(stack: Stack, grace: TeamMember, containers: Containers) -> Container:
    """A container that has Grace's home, in which there is no room: neither bytes nor files."""
    options = ("type=tmpfs", "device=tmpfs", "o=size=64m,nr_inodes=9000,uid=1000,gid=1000")
    volume = f"{stack.name}_home_grace"
    docker("volume", "create", *(f"--opt={o}" for o in options), volume)
    # A volume in memory lives as long as a container has it.
    keeper = containers.run(
        *("--user=0", "--no-healthcheck", f"--volume={volume}:{HOME}", "--entrypoint=sleep"),
        *(HUB_IMAGE, "infinity"),
    )
    keeper.exec("python", "-c", FILL, timeout=300)
    return keeper


def test_a_full_home_starts_and_its_owner_makes_room_in_the_editor(
    stack, grace, full, report, smoke
):
    grace.start()
    text = said(grace)
    report(text)
    assert "Nothing can be saved" in text and "Your disk is full." in text
    assert full.exec("ls", "-A", HOME).split() == ["filling"], "nothing was laid down"
    assert "zeros" in in_terminal(grace, "ls ~/filling | tail -1")

    smoke.run(stack, grace)
    assert smoke.status == 1, smoke.said
    assert "does not work. disk: the editor saves no notebook: " in smoke.error

    # As the list of files does it.
    deleted = grace.post("api/files/delete", {"path": f"{HOME}/filling"})
    assert deleted.ok and deleted.json()["success"], deleted.text
    assert said(grace) == "", "what was missing is prepared without a restart"
    assert "image_class.py" in full.exec("ls", f"{HOME}/notebooks")
    grace.stop()
    grace.start()
    assert said(grace) == ""
    assert grace.notebook().run("print(6 * 7)").strip() == "42"
    assert full.exec("readlink", f"{HOME}/.venv/bin/python").strip()
