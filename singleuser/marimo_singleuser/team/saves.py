"""What was saved in the team's folder, as marimo's process writes it down.

marimo's process adds a line to a file (`marimo_patches.team_folder`), and this program reads it.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..frame.small_files import read_end

#: Names the file to marimo's process.
FILE_VARIABLE = "MOSSHUB_TEAM_SAVES"
_MAX_BYTES = 64 * 1024  # the newest are at the end


def write(file: Path, path: str, now: float) -> None:
    """Add a save to the file.

    Args:
        file: the file.
        path: what was saved, below the team's folder.
        now: the present time, in seconds since 1970.

    Raises:
        OSError: it cannot be written.
    """
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps([path, now]) + "\n")


def read(file: Path) -> dict[str, float]:
    """Return when each notebook was saved last, by its path; the newest are at the end."""
    found: dict[str, float] = {}
    for line in read_end(file, _MAX_BYTES).splitlines():
        try:
            path, at = json.loads(line)
            found.pop(str(path), None)
            found[str(path)] = float(at)
        except (ValueError, TypeError):
            continue  # the first line may be cut; and notebook code may write there
    return found
