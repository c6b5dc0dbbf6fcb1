"""Versions that the team shares: directories like a user's own, in each part of `~/team`.

Anybody of the team may have written what is there. So only weights and layers are read, in Keras'
safe mode, and never a pickle; and nothing is written through a link.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from mosshub_contract import disk_limit
from mosshub_contract.team_folder import DIRECTORY_VARIABLE, EVERYBODY

from imageclass.models.saved_model import ModelVersion, VersionError


def share_version(version: ModelVersion, part: str = EVERYBODY) -> Path:
    """Copy a version into the team's folder, where everybody finds it.

    Args:
        version: a trained version.
        part: the part of the team's folder: `everybody`, or that of one of your groups.

    Returns:
        The copy's directory. A copy that is there already stays: it is as good.

    Raises:
        OSError: it cannot be written, for example because you are no member of the group, or
            because the team's folder is full.
        VersionError: there is no such part.
    """
    team = os.environ.get(DIRECTORY_VARIABLE)
    root = Path(team or "", part)
    if not team or part == ".." or len(Path(part).parts) != 1 or not root.is_dir():
        raise VersionError(f"The team's folder has no part {part!r}. Look into ~/team.")
    place = root / "models" / version.dataset / version.name / version.id
    if not place.resolve().is_relative_to(root.resolve()):
        raise VersionError(f"{place} leads out of the team's folder. Remove the link there.")
    if place.exists():
        return place
    disk_limit.check_team(f"{version.name} is not shared")
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
    try:
        shutil.copytree(version.path, draft)
        draft.rename(place)
    except OSError:
        if not place.exists():  # else somebody else was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return place


def team_directories() -> list[Path]:
    """Return the directories of all versions of the team; none where there is no team's folder."""
    team = os.environ.get(DIRECTORY_VARIABLE)
    found = Path(team).glob("*/models/*/*/*") if team else ()
    return [path for path in sorted(found) if path.is_dir() and not path.name.startswith(".")]
