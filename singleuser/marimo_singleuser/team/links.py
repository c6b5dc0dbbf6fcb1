"""`~/team` and `~/data` in the home: links to what is mounted beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ..settings import Settings


def shared_places(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield name and directory of each place that the user shares with others."""
    if settings.team_directory:
        yield "team", settings.team_directory
    if settings.shared_data and settings.shared_data.is_dir():
        yield "data", settings.shared_data


def link(settings: Settings) -> None:
    """Put the links into the home. What the user has by that name stays as it is."""
    for name, directory in shared_places(settings):
        place = settings.home / name
        with contextlib.suppress(OSError):  # on a full disk the start page has its own links
            if place.is_symlink() and place.readlink() != directory and not place.exists():
                place.unlink()  # of an earlier platform
            if not place.is_symlink():
                place.symlink_to(directory)
