"""Each save of a notebook is kept as a version of it (`marimo_singleuser.history`).

WORKAROUND(marimo 0.25.2): it writes over a notebook's file and keeps nothing of what was there.
Here the content that a save replaces is kept, whoever wrote it, and the new one. An error of that
stops no save.
Test: test_what_a_save_replaces_is_kept
"""

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Any, NamedTuple

from marimo._session.notebook.file_manager import AppFileManager

from marimo_singleuser.history.store import (
    FILE_VARIABLE,
    MAX_NOTEBOOK_BYTES,
    History,
    session_file,
)
from marimo_singleuser.team.places import is_teams

_save = AppFileManager._save_file


class _Saved(NamedTuple):
    """A notebook's content, and when it was written, in seconds since 1970."""

    text: str
    at: float


def save_and_keep(self: AppFileManager, path: Path, *, persist: bool, **options: Any) -> str:
    """Save a notebook as marimo does, and keep what was there and what is there now."""
    now = time.time()
    before = _read(path) if persist else None
    if before and before.text.strip() == self._last_saved_content:
        before = None  # the save before has kept it
    saved = _save(self, path, persist=persist, **options)
    file = os.environ.get(FILE_VARIABLE)
    if not (persist and file):
        return saved
    with contextlib.suppress(ValueError, OSError, sqlite3.Error):  # a place elsewhere has none
        notebook = (
            os.path.normpath(path.absolute())
            if is_teams(path.absolute())
            else path.resolve().relative_to(Path.cwd().resolve()).as_posix()
        )
        history = History(Path(file))
        if before:
            history.keep(notebook, before.text, min(before.at, now))
        with contextlib.suppress(OSError):  # a notebook that did not run has no outputs
            history.keep_outputs(notebook, session_file(path))
        history.keep(notebook, saved, now)
    return saved


def _read(path: Path) -> "_Saved | None":
    """Return what a save replaces; None if there is nothing that can be kept."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        about = path.stat()
        if path.is_file() and about.st_size <= MAX_NOTEBOOK_BYTES:
            return _Saved(path.read_text("utf-8"), about.st_mtime)
    return None


def install() -> None:
    """Make marimo keep versions, in this process."""
    AppFileManager._save_file = save_and_keep  # type: ignore[method-assign]
