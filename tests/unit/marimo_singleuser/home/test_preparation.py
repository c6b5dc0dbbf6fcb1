"""A home that its user has broken is repaired, nothing is lost, and the user is told."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from marimo_singleuser.errors import StartError
from marimo_singleuser.home.preparation import Home
from marimo_singleuser.settings import Settings

from tests.support import broken_homes
from tests.support.permissions import SOMEBODY_ELSE, with_permissions
from tests.support.singleuser_settings import settings_in


def prepared(settings: Settings) -> list[str]:
    """Return the notices of a preparation that runs with the owner's rights and not with root's."""

    def prepare() -> list[str]:
        home = Home(settings)
        home.prepare()
        return home.notices

    return with_permissions(prepare)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with one notebook and its outputs as the platform's templates."""
    home, templates = tmp_path / "home", tmp_path / "templates"
    home.mkdir()
    (templates / "__marimo__" / "session").mkdir(parents=True)
    (templates / "first.py").write_text("1")
    (templates / "__marimo__" / "session" / "first.py.json").write_text("{}")
    return settings_in(home, MOSSHUB_NOTEBOOKS=str(templates))


@pytest.mark.parametrize("place", broken_homes.DIRECTORIES)
@pytest.mark.parametrize("kind", broken_homes.KINDS)
def test_a_directory_that_cannot_be_used_is_put_aside(
    settings: Settings, place: str, kind: str
) -> None:
    path = settings.home / place
    before = broken_homes.break_directory(path, kind)
    notices = prepared(settings)
    assert (settings.notebooks / "first.py").read_text() == "1"
    assert (settings.venv / "bin/python").resolve(strict=True).is_file()
    assert any(f"`~/{place}` " in notice for notice in notices), notices
    after = path if kind == "mode 000" else path.with_name(f"{path.name}.unusable")
    assert broken_homes.content(after) == before
    assert prepared(settings) == []


@pytest.mark.parametrize("kind", ["gone", *broken_homes.KINDS[:-1]])
def test_the_platforms_notebooks_come_back_with_their_directory(
    settings: Settings, kind: str
) -> None:
    prepared(settings)
    settings.notebooks.rename(settings.home / "old")
    if kind != "gone":
        broken_homes.break_directory(settings.notebooks, kind)
    prepared(settings)
    assert (settings.notebooks / "first.py").read_text() == "1"
    # One that the user deleted stays deleted.
    (settings.notebooks / "first.py").unlink()
    prepared(settings)
    assert not (settings.notebooks / "first.py").exists()


@pytest.mark.parametrize("kind", broken_homes.FILE_KINDS)
def test_files_that_cannot_be_read_are_put_aside(settings: Settings, kind: str) -> None:
    files = [".config/marimo/marimo.toml", "notebooks/.marimo.toml", ".marimo.toml"]
    files += ["notebooks/pyproject.toml", "pyproject.toml"]
    if kind != "no text":  # the others may hold what they will
        files += [".bashrc", ".profile", ".inputrc", "notebooks/.env"]
        files += [f".local/state/marimo/{name}.toml" for name in ("recent_files", "state")]
    before = {p: broken_homes.break_file(settings.home / p, kind) for p in files}
    notices = prepared(settings)
    assert prepared(settings) == []
    for place, content in before.items():
        path = settings.home / place
        if kind == "mode 000":
            assert "# mine" in path.read_text(), "it stays where it is, and can be read"
        elif os.path.lexists(path.with_name(f"{path.name}.unusable")):
            assert broken_homes.content(path.with_name(f"{path.name}.unusable")) == content
        else:  # marimo reads the nearest of its settings only
            assert kind == "no text" and broken_homes.content(path) == content
    assert len(notices) >= (3 if kind == "no text" else len(files)), notices


@pytest.mark.parametrize("kind", broken_homes.FILE_KINDS)
@pytest.mark.parametrize("place", [".local/share/mosshub/templates.json", ".venv/pyvenv.cfg"])
def test_files_of_the_platform_are_written_again(settings: Settings, place: str, kind: str) -> None:
    prepared(settings)
    (settings.home / place).unlink()
    broken_homes.break_file(settings.home / place, kind)
    prepared(settings)
    assert (settings.home / place).read_text()
    assert subprocess.run([settings.venv / "bin/pip", "--version"]).returncode == 0
    assert prepared(settings) == []


@pytest.mark.parametrize("kind", [kind for kind in broken_homes.FILE_KINDS if kind != "no text"])
def test_pip_is_the_users_own_again(settings: Settings, kind: str) -> None:
    prepared(settings)
    (settings.venv / "bin/pip").unlink()
    broken_homes.break_file(settings.venv / "bin/pip", kind)
    prepared(settings)
    assert subprocess.run([settings.venv / "bin/pip", "--version"]).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        *("[language_servers]\npylsp = 3", "language_servers = 3"),
        *("[[[", "venv = 3", 'display = "x"', "keymap = []", "runtime = true", "[venv]\npath = 5"),
        *("[package_management]\nmanager = 5", "[package_management]\nmanager = []"),
    ],
)
def test_settings_that_would_stop_marimo_are_put_aside_or_corrected(
    settings: Settings, text: str
) -> None:
    file = settings.home / ".config" / "marimo" / "marimo.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    notices = prepared(settings)
    new = file.read_text()
    assert f'path = "{settings.venv}"' in new and 'manager = "pip"' in new
    aside = file.with_name("marimo.toml.unusable")
    assert aside.exists() == bool(notices)
    if notices:
        assert aside.read_text() == text
        assert "marimo.toml.unusable" in notices[0]


@pytest.mark.parametrize("place", ["pyproject.toml", "notebooks/pyproject.toml"])
@pytest.mark.parametrize(
    "text",
    [
        *("[tool]\nmarimo = 3", "[tool.marimo]\ndisplay = 3", "[tool.marimo]\nvenv = 3"),
        "[tool.marimo.language_servers]\npylsp = 3",
    ],
)
def test_a_project_file_that_would_stop_marimo_is_put_aside(
    settings: Settings, place: str, text: str
) -> None:
    file = settings.home / place
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    (notice,) = prepared(settings)
    assert f"`~/{place}` could not be used" in notice and "pyproject.toml.unusable" in notice
    assert file.with_name("pyproject.toml.unusable").read_text() == text
    assert prepared(settings) == []


@pytest.mark.parametrize("text", ["[[[", "[tool]\nother = 3", "tool = 3", "[tool.marimo.display]"])
def test_a_project_file_that_does_not_stop_marimo_stays(settings: Settings, text: str) -> None:
    (settings.home / "pyproject.toml").write_text(text)
    assert prepared(settings) == []
    assert (settings.home / "pyproject.toml").read_text() == text


@pytest.mark.parametrize("place", ["bin", "bin/python", "lib", "lib64", "include"])
@pytest.mark.parametrize("kind", broken_homes.KINDS)
def test_an_environment_that_is_broken_inside_works_again(
    settings: Settings, place: str, kind: str
) -> None:
    prepared(settings)
    path = settings.venv / place
    path.rename(path.with_name("moved")) if not path.is_symlink() else path.unlink()
    broken_homes.break_directory(path, kind)
    prepared(settings)
    done = subprocess.run([settings.venv / "bin/python", "-c", "import tornado, pip"])
    assert done.returncode == 0


def test_a_notebook_that_cannot_be_written_stops_nothing(settings: Settings) -> None:
    (settings.notebooks / "first.py").mkdir(parents=True)
    (settings.notebooks / "first.py" / "mine.txt").write_text("mine")
    assert prepared(settings) == []
    assert (settings.notebooks / "first.py" / "mine.txt").read_text() == "mine"
    assert (settings.notebooks / "first.new.py").read_text() == "1"


def test_a_notebook_that_cannot_be_read_is_left_alone(settings: Settings) -> None:
    prepared(settings)
    own = settings.notebooks / "first.py"
    own.chmod(0)
    assert settings.templates
    (settings.templates / "first.py").write_text("2")
    assert prepared(settings) == []
    assert (settings.notebooks / "first.new.py").read_text() == "2"
    own.chmod(0o600)
    assert own.read_text() == "1"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_home_without_room_is_said_and_prepared_when_there_is_some(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    before = sorted(settings.home.rglob("*"))
    home = Home(settings)
    with monkeypatch.context() as without_room:
        without_room.setattr("os.fsync", full)
        home.prepare()
        assert sorted(settings.home.rglob("*")) == before, "nothing half is left"
        assert home.current_notices() == home.notices
    (notice,) = home.notices
    if number == errno.EROFS:
        assert "cannot be written (Read-only file system)" in notice
    else:
        assert "Your disk is full" in notice and "Delete files" in notice
    assert home.start_directory() == settings.home
    assert home.current_notices() == []
    assert (settings.notebooks / "first.py").read_text() == "1"
    assert home.start_directory() == settings.notebooks


def test_a_full_home_is_repaired_all_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    broken_homes.break_file(settings.home / ".config/marimo/marimo.toml", "pipe")
    home = Home(settings)
    with monkeypatch.context() as without_room:
        without_room.setattr("os.fsync", full)
        home.prepare()
    assert [notice.split(".")[0] for notice in home.notices] == ["Your disk is full", "`~/"]
    assert home.headline == "Nothing can be saved"
    (notice,) = home.current_notices()
    assert "`~/.config/marimo/marimo.toml.unusable`" in notice, "it is still said"
    assert home.headline == "Your home was repaired"


def test_a_disk_that_fills_up_while_it_is_prepared(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[[int], None] = os.fsync
    calls: list[int] = []

    def fills_up(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    home = Home(settings)
    with monkeypatch.context() as without_room:
        without_room.setattr("os.fsync", fills_up)
        home.prepare()
    assert "Your disk is full" in home.notices[0]
    assert home.current_notices() == []
    assert (settings.venv / "bin" / "python").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a directory to somebody else")
def test_a_home_of_somebody_else_is_said(settings: Settings) -> None:
    os.chown(settings.home, SOMEBODY_ELSE, SOMEBODY_ELSE)
    (notice,) = prepared(settings)
    assert "cannot be written (Permission denied)" in notice and str(settings.home) in notice


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a directory to somebody else")
@pytest.mark.parametrize("place", broken_homes.DIRECTORIES)
def test_a_directory_of_somebody_else_is_put_aside(settings: Settings, place: str) -> None:
    path = settings.home / place
    path.mkdir(parents=True)
    (path / "mine").write_text("mine")
    path.chmod(0o700)
    os.chown(path, SOMEBODY_ELSE, SOMEBODY_ELSE)
    notices = prepared(settings)
    assert any(f"`~/{place}` " in notice for notice in notices), notices
    assert (settings.notebooks / "first.py").read_text() == "1"
    assert (path.with_name(f"{path.name}.unusable") / "mine").read_text() == "mine"


def test_a_home_with_mode_000_is_opened(settings: Settings) -> None:
    settings.home.chmod(0)
    assert prepared(settings) == []
    assert (settings.notebooks / "first.py").read_text() == "1"


def test_without_a_home_there_is_no_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="is no directory and cannot be written"):
        Home(settings_in(tmp_path / "file" / "home")).prepare()
