"""Repairs what a user has broken in their home, so that the server starts and they can work.

Nothing is deleted. What cannot be used gets another name beside its own, and the user is told.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..settings import Settings

log = logging.getLogger("marimo_singleuser")

# A terminal's shell reads these: a pipe would stop it.
_SHELL_FILES = (".bashrc", ".bash_profile", ".bash_login", ".profile", ".inputrc")
# What marimo writes, below the home.
_STATE = Path(".local", "state", "marimo")
_LOGS = Path(".cache", "marimo", "logs")
_MARIMOS_DIRECTORIES = (_STATE / "notebook-locks", _STATE / "servers", _LOGS)
_MARIMOS_FILES = (_STATE / "recent_files.toml", _STATE / "state.toml", _LOGS / "marimo.log")
_SUFFIX = ".unusable"


def is_full(e: OSError) -> bool:
    """Return whether an error means that the disk, or the user's part of it, is full."""
    return e.errno in (errno.ENOSPC, errno.EDQUOT)


def is_no_room(e: OSError) -> bool:
    """Return whether an error means that nothing can be written now, whatever the place."""
    return is_full(e) or e.errno == errno.EROFS


def put_aside(path: Path) -> Path:
    """Give a file or directory a free name beside its own.

    Returns:
        The new path.

    Raises:
        OSError: the directory it is in cannot be changed.
    """
    number = 1
    while True:
        new = path.with_name(f"{path.name}{_SUFFIX}{'' if number == 1 else number}")
        if not os.path.lexists(new):
            path.rename(new)
            log.warning("%s cannot be used, it is now %s", path, new)
            return new
        number += 1


def repair_places(settings: Settings, configs: Iterable[Path]) -> list[str]:
    """Make the directories and files usable that this server and marimo need.

    Places that do not exist stay so. Permissions are corrected if the user owns the place.

    Args:
        settings: what the hub told this server.
        configs: the files from which marimo reads settings.

    Returns:
        A sentence for the user about each place that was repaired, or could not be.
    """
    home = settings.home
    outputs = settings.notebooks / "__marimo__"
    directories = [
        settings.notebooks,
        *_with_parents(home, settings.state),
        *(outputs, outputs / "session", settings.venv),
    ]
    for path in [*(home / name for name in _MARIMOS_DIRECTORIES), *(c.parent for c in configs)]:
        directories += _with_parents(home, path)
    said = [_repair(place, settings, is_directory=True) for place in dict.fromkeys(directories)]
    files = [*configs, settings.notebooks / ".env"]  # kernels read the latter
    files += [home / name for name in (*_SHELL_FILES, *_MARIMOS_FILES)]
    said += [_repair(place, settings, is_directory=False) for place in files]
    return [sentence for sentence in said if sentence]


def shown(path: Path, settings: Settings) -> str:
    """Return a path as the user writes it, between backticks, such as `~/.venv`."""
    if path.is_relative_to(settings.home):
        return f"`~/{path.relative_to(settings.home)}`"
    return f"`{path}`"


def repair_home(settings: Settings) -> None:
    """Let the user into their own home, if its permissions keep them out."""
    try:
        _correct_permissions(settings.home, settings.home.stat())
    except OSError as e:
        log.warning("%s: %s", settings.home, e)


def _with_parents(home: Path, path: Path) -> list[Path]:
    """Return the directories from below the home to `path`; only the latter if it is elsewhere."""
    if not path.is_relative_to(home):
        return [path]
    inside = [path, *path.parents]
    return inside[: inside.index(home)][::-1]


def _repair(path: Path, settings: Settings, *, is_directory: bool) -> str | None:
    try:
        if not os.path.lexists(path) or _is_usable(path, is_directory=is_directory):
            return None
        if _correct_permissions(path, os.lstat(path)) and _is_usable(
            path, is_directory=is_directory
        ):
            return f"{shown(path, settings)} could not be opened. Its permissions were corrected."
        new = put_aside(path)
    except OSError as e:
        log.warning("%s cannot be repaired: %s", path, e)
        return f"{shown(path, settings)} cannot be used ({e.strerror}). Move it away."
    return (
        f"{shown(path, settings)} could not be used. It is now {shown(new, settings)}, unchanged."
    )


def _is_usable(path: Path, *, is_directory: bool) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # a dangling link, or a loop
    if is_directory:
        return stat.S_ISDIR(mode) and os.access(path, os.R_OK | os.W_OK | os.X_OK)
    return stat.S_ISREG(mode) and os.access(path, os.R_OK)


def _correct_permissions(path: Path, found: os.stat_result) -> bool:
    """Give the owner all rights to a directory, or let them read and write a file.

    Returns:
        Whether the permissions were changed.
    """
    rights = stat.S_IRWXU if stat.S_ISDIR(found.st_mode) else stat.S_IRUSR | stat.S_IWUSR
    fits = stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)
    if not fits or found.st_uid != os.getuid() or found.st_mode & rights == rights:
        return False
    path.chmod(stat.S_IMODE(found.st_mode) | rights)
    return True
