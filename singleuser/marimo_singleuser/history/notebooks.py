"""Whose the notebooks are that have versions: the user's own, or the team's."""

from __future__ import annotations

from mosshub_contract.team_folder import Part

from ..settings import Settings
from ..team.places import below_team


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
