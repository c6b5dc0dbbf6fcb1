"""A user who has broken their home gets an editor, keeps what was there, and is told."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
import requests

from tests.support import broken_homes
from tests.support.host_names import ALL_FILES
from tests.support.singleuser import Hub, Person

DIRECTORIES = ["notebooks", ".venv", ".config", ".local", ".cache"]
FILES = [".marimo.toml", ".bashrc", "pyproject.toml"]
# Root, as whom some of us test, opens what has mode 000: the tests with Docker do that.
KINDS = [kind for kind in broken_homes.KINDS if kind != "mode 000"]


@pytest.fixture
def mia(hub: Hub) -> Iterator[Person]:
    """Mia, whose home is not there yet."""
    person = Person(hub, "mia")
    yield person
    for notebook in list(person.notebooks):
        notebook.close()
    person.stop()
    person.home.rename(hub.dir / f"home-{len(list(hub.dir.iterdir()))}")


def works(person: Person) -> None:
    """A notebook runs, and so does a terminal."""
    assert person.notebook().run("print(6 * 7)").strip() == "42"
    with person.websocket("terminal/ws") as terminal:
        terminal.send("echo $((6 * 7))\n")
        said = ""
        while "42" not in said:
            said += str(terminal.recv(timeout=30))


def notice_text(person: Person, path: str = "") -> str:
    """What a page of the editor says about the home."""
    page = unescape(person.get(path).text).replace("<code>", "`").replace("</code>", "`")
    return page.partition('id="mosshub-notices-title"')[2]


@pytest.mark.parametrize(
    "kind", [KINDS[0], *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS[1:])]
)
def test_something_else_in_every_place_is_put_aside(mia: Person, kind: str) -> None:
    before = {d: broken_homes.break_directory(mia.home / d, kind) for d in DIRECTORIES}
    other = "directory" if kind == "file" else kind
    before |= {f: broken_homes.break_file(mia.home / f, other) for f in FILES}
    mia.start()
    works(mia)
    for page in ("", ALL_FILES, "?file=first.py"):
        text = notice_text(mia, page)
        assert "Your home was repaired" in text
        for place in before:
            said = f"`~/{place}` could not be used. It is now `~/{place}.unusable`, unchanged."
            assert said in text, place
    kept = {place: broken_homes.content(mia.home / f"{place}.unusable") for place in before}
    assert kept == before


WRONG = {
    ".config/marimo/marimo.toml": "display = 3",
    "pyproject.toml": "[tool.marimo]\nruntime = 3",
    ".local/share/mosshub/templates.json": "[[[",
    ".local/state/marimo/recent_files.toml": "files = 3",
    ".local/state/marimo/state.toml": "last_checked_at = []",
    ".venv/pyvenv.cfg": "home = /nowhere\nversion = 3",
    ".venv/bin/python": "no program",
    "notebooks/__marimo__/session/first.py.json": "[[[",
    "notebooks/.env": "\x00\x01=\n===",
    "notebooks/random.py": "raise SystemExit",
    "notebooks/marimo.py": "raise SystemExit",
}


def write(home: Path, files: dict[str, str]) -> None:
    """Write text files into a home."""
    for place, text in files.items():
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        (home / place).write_text(text)


@pytest.mark.slow
def test_wrong_content_everywhere_stops_no_editor(mia: Person) -> None:
    write(mia.home, WRONG)
    mia.start()
    assert "<marimo-" in mia.get("?file=first.py").text
    text = notice_text(mia)
    for place in (".config/marimo/marimo.toml", "pyproject.toml"):
        assert f"`~/{place}` could not be used (" in text
        assert (mia.home / f"{place}.unusable").read_text() == WRONG[place]
    for place in ("notebooks/marimo.py", "notebooks/random.py"):  # a user's own are left alone
        (mia.home / place).unlink()
    works(mia)


@pytest.mark.slow
def test_only_the_owner_is_told(hub: Hub, mia: Person) -> None:
    write(mia.home, {".config": "mine"})
    mia.start()
    assert "`~/.config.unusable`" in notice_text(mia)
    token = hub.api("POST", "users/mia/tokens", json={}).json()["token"]
    own = {"Authorization": f"token {token}", "Accept": "text/html"}
    service = {"Authorization": f"token {hub.api_token}", "Accept": "text/html"}
    for address, there in ((mia.base, "mia's notebooks"), (mia.base + ALL_FILES, "<marimo-")):
        assert "mosshub-notices" in mia.session.get(address, headers=own, timeout=60).text
        page = requests.get(address, headers=service, timeout=60)
        assert page.status_code == 200 and there in unescape(page.text)
        assert "mosshub-notices" not in page.text
