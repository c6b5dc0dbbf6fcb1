"""Notebooks of the team's folder can be opened, and it is written down who saves them.

WORKAROUND(marimo 0.25.2): it lists further folders (`[file_browser] folders`), and opens no
notebook in them. Here those below the team's folder are opened. None is opened or saved through a
link that leads elsewhere: whoever put it there would choose which of the user's own files is
written over.
Test: test_a_notebook_of_the_team_is_opened_and_its_save_written_down
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Any

from marimo._server.files.path_validator import PathValidator
from marimo._session.notebook.file_manager import AppFileManager
from marimo._utils.http import HTTPException, HTTPStatus
from mosshub_contract.team_folder import DIRECTORY_VARIABLE

from marimo_singleuser.team import saves
from marimo_singleuser.team.places import below_team, leads_outside

_validate = PathValidator.validate_inside_directory


def validate(self: PathValidator, directory: Path, filepath: Path) -> None:
    """Let a notebook be opened that is in marimo's directory, or in the team's folder."""
    path = Path(directory, filepath)
    team = os.environ.get(DIRECTORY_VARIABLE)
    is_workspace = os.path.realpath(directory) == os.path.realpath(Path.cwd())
    if not (team and is_workspace and below_team(team, path)):
        _validate(self, directory, filepath)
    elif leads_outside(team, path):
        raise HTTPException(
            status_code=HTTPStatus.FORBIDDEN,
            detail=f"{path.name} is a link, or its outputs are: it leads out of the team's folder",
        )


def install() -> None:
    """Make marimo do so, in this process."""
    PathValidator.validate_inside_directory = validate  # type: ignore[method-assign]
    save = AppFileManager._save_file

    def save_and_note(self: AppFileManager, path: Path, *, persist: bool, **options: Any) -> str:
        """Save a notebook; write it down if it is the team's."""
        team, file = os.environ.get(DIRECTORY_VARIABLE), os.environ.get(saves.FILE_VARIABLE)
        place = below_team(team, path.absolute()) if team and persist else None
        if team and place and leads_outside(team, path.absolute()):
            raise OSError(f"{path.name} leads out of the team's folder")
        saved = save(self, path, persist=persist, **options)
        if file and place:
            with contextlib.suppress(OSError):  # then nobody learns who it was
                saves.write(Path(file), place, time.time())
        return saved

    AppFileManager._save_file = save_and_note  # type: ignore[method-assign]
