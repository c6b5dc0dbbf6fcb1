"""What the hub's variables say about the team's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mosshub_contract import team_folder


def team_folder_settings(env: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings about the team's folder and data, by their names in `Settings`.

    Args:
        env: values by name, such as `os.environ`.
    """
    names = (team_folder.DIRECTORY_VARIABLE, team_folder.DATA_VARIABLE)
    directory, data = (Path(env[name]) if env.get(name) else None for name in names)
    parts = team_folder.parts_from_json(env.get(team_folder.PARTS_VARIABLE, ""))
    return {
        "team_directory": directory if parts else None,
        "team_parts": parts,
        "team_limit": int(env.get("MOSSHUB_TEAM_LIMIT") or 0),
        "shared_data": data,
    }
