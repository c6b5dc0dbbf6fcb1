"""Where the team's folder is, and which paths stay in it.

Everybody may put a link there. What this platform writes for a user must not follow one to a file
of that user.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mosshub_contract.team_folder import DIRECTORY_VARIABLE, Part

if TYPE_CHECKING:
    from ..settings import Settings


def below_team(team: str | Path, path: str | Path) -> str | None:
    """Return a path below the team's folder, such as `lab/train.py`; None if it is elsewhere.

    Args:
        team: the directory with the parts.
        path: an absolute path; links in it are not followed.
    """
    root, plain = os.path.normpath(team), os.path.normpath(path)
    if not plain.startswith(f"{root}{os.sep}"):
        return None
    return Path(plain).relative_to(root).as_posix()


def leads_outside(team: str | Path, path: str | Path) -> bool:
    """Return whether a link leads from a notebook, or from where its outputs are, elsewhere.

    Args:
        team: the directory with the parts.
        path: the notebook's path, below that directory; it need not exist.
    """
    file = Path(path)
    outputs = file.parent / "__marimo__" / "session" / f"{file.name}.json"
    part = (below_team(team, file) or "").partition("/")[0]
    root = os.path.realpath(Path(team, part))
    return any(
        not os.path.realpath(place).startswith(f"{root}{os.sep}") for place in (file, outputs)
    )


def is_teams(notebook: str | Path) -> bool:
    """Return whether a notebook is in the team's folder, in marimo's process.

    Args:
        notebook: its absolute path.
    """
    team = os.environ.get(DIRECTORY_VARIABLE)
    return bool(team and below_team(team, notebook))


def may_be_written(notebook: str | Path) -> bool:
    """Return whether outputs may be written beside a notebook, in marimo's process.

    Args:
        notebook: its absolute path. One that is not the team's is the user's own.
    """
    team = os.environ.get(DIRECTORY_VARIABLE)
    if not (team and is_teams(notebook)):
        return True
    return not leads_outside(team, notebook) and os.access(Path(notebook).parent, os.W_OK)


def team_part(settings: Settings, notebook: str) -> Part | None:
    """Return the part of the team's folder that a notebook is in; None for one of the user's own.

    Args:
        settings: what the hub told this server.
        notebook: the notebook's path, as a version has it.
    """
    below = below_team(settings.team_directory, notebook) if settings.team_directory else None
    name = (below or "").partition("/")[0]
    return next((part for part in settings.team_parts if part.name == name), None)


def shown_name(settings: Settings, notebook: str) -> str:
    """Return the name by which a user knows a notebook, such as `~/team/lab/train.py`.

    Args:
        settings: what the hub told this server.
        notebook: the notebook's path, as a version has it.
    """
    below = below_team(settings.team_directory, notebook) if settings.team_directory else None
    return f"~/team/{below}" if below else notebook
