"""Where the team's folder is, and which paths stay in it.

Everybody may put a link there. What this platform writes for a user must not follow one to a file
of that user.
"""

from __future__ import annotations

import os
from pathlib import Path

from mosshub_contract.team_folder import DIRECTORY_VARIABLE


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
