"""marimo with the team's folder beside its own directory."""

from pathlib import Path

import pytest
from marimo._server.files.path_validator import PathValidator
from marimo._session.notebook.file_manager import AppFileManager
from marimo._utils.http import HTTPException
from marimo_singleuser.marimo_patches import team_folder
from marimo_singleuser.team import saves
from mosshub_contract.team_folder import DIRECTORY_VARIABLE

NOTEBOOK = "import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    x = 1\n    return\n"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for place in ("notebooks", "team/lab"):
        (tmp_path / place).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setattr(AppFileManager, "_save_file", AppFileManager._save_file)
    validate = PathValidator.validate_inside_directory
    monkeypatch.setattr(PathValidator, "validate_inside_directory", validate)
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "team"))
    monkeypatch.setenv(saves.FILE_VARIABLE, str(tmp_path / "saves"))
    return tmp_path / "team"


def allowed(path: Path, directory: Path | None = None) -> bool:
    try:
        PathValidator().validate_inside_directory(directory or Path.cwd(), path)
    except HTTPException:
        return False
    return True


def test_a_notebook_of_the_team_is_opened_and_its_save_written_down(
    team: Path, tmp_path: Path
) -> None:
    mine, theirs = tmp_path / "notebooks" / "mine.py", team / "lab" / "theirs.py"
    for file in (mine, theirs):
        file.write_text(NOTEBOOK)
    assert not allowed(theirs), "marimo opens it itself: the work-around is not needed any more"
    team_folder.install()
    assert allowed(theirs)
    assert allowed(mine)
    assert not allowed(tmp_path / "saves")
    assert not allowed(theirs, tmp_path / "notebooks" / "public"), "a notebook's public files"
    for file in (mine, theirs):
        AppFileManager(str(file)).save_app_config({"width": "full"})
        assert 'width="full"' in file.read_text()
    assert list(saves.read(tmp_path / "saves")) == ["lab/theirs.py"]


def test_a_link_in_the_teams_folder_is_neither_opened_nor_saved_through(
    team: Path, tmp_path: Path
) -> None:
    mine, link = tmp_path / "notebooks" / "mine.py", team / "lab" / "link.py"
    mine.write_text(NOTEBOOK)
    link.symlink_to(mine)
    team_folder.install()
    assert not allowed(link)
    manager = AppFileManager(str(link))  # it became a link when it was open
    with pytest.raises(Exception, match="leads out of the team's folder"):
        manager.save_app_config({"width": "full"})
    assert mine.read_text() == NOTEBOOK
