"""marimo's own saves, with the versions that are kept of them."""

import os
from pathlib import Path

import pytest
from marimo._session.notebook.file_manager import AppFileManager
from marimo_singleuser.history.store import FILE_VARIABLE, History, session_file
from marimo_singleuser.marimo_patches import kept_versions
from mosshub_contract.team_folder import DIRECTORY_VARIABLE

NOTEBOOK = "import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    x = {}\n    return\n"


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(AppFileManager, "_save_file", kept_versions.save_and_keep)
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "history.sqlite"))
    directory = tmp_path / "notebooks"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def save(file: Path) -> str:
    """Save a notebook as marimo does after its configuration has changed."""
    manager = AppFileManager(str(file))
    return manager.save_app_config({"width": "full"})


def test_what_a_save_replaces_is_kept(notebooks: Path, tmp_path: Path) -> None:
    file = notebooks / "below" / "mine.py"
    file.parent.mkdir()
    file.write_text(NOTEBOOK.format(1))
    os.utime(file, (1_700_000_000, 1_700_000_000))  # another program wrote it
    saved = save(file)
    assert file.read_text() == saved != NOTEBOOK.format(1)
    history = History(tmp_path / "history.sqlite")
    versions = history.versions("below/mine.py")
    texts = [found[1] for one in versions if (found := history.read(one.id))]
    assert texts == [saved, NOTEBOOK.format(1)]
    assert versions[1].at == 1_700_000_000


def test_the_outputs_of_what_a_save_replaces_are_kept(notebooks: Path, tmp_path: Path) -> None:
    file = notebooks / "mine.py"
    file.write_text(NOTEBOOK.format(1))
    os.utime(file, (1_700_000_000, 1_700_000_000))
    saved = session_file(file)
    saved.parent.mkdir(parents=True)
    saved.write_text("what it showed")
    save(file)
    history = History(tmp_path / "history.sqlite")
    assert [history.outputs(one.id) for one in history.versions("mine.py")] == [
        "",
        "what it showed",
    ]


def test_a_save_works_without_versions(notebooks: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "history.sqlite"
    damaged.write_text("not a database " * 100)
    inside, outside = notebooks / "mine.py", tmp_path / "elsewhere.py"
    for file in (inside, outside):
        file.write_text(NOTEBOOK.format(2))
        assert 'width="full"' in save(file)
        assert file.read_text().count('width="full"') == 1


def test_a_notebook_of_the_team_has_versions_by_its_whole_path(
    notebooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "team"))
    file = tmp_path / "team" / "lab" / "ours.py"
    file.parent.mkdir(parents=True)
    file.write_text(NOTEBOOK.format(3))
    saved = save(file)
    history = History(tmp_path / "history.sqlite")
    texts = [found[1] for one in history.versions(str(file)) if (found := history.read(one.id))]
    assert texts == [saved, NOTEBOOK.format(3)]
