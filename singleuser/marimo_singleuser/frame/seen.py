"""Which pages are seen: the frame says so of a visible page with each question.

This program notes it as the time of a file in a directory of its own, by which marimo's process
knows what kernels nobody looks at (`marimo_patches.idle_kernels`).
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

#: Names the directory to marimo's process.
DIRECTORY_VARIABLE = "MOSSHUB_SEEN"
_SESSION = re.compile(r"[\w-]{1,64}")
_MAX_FILES = 1000


class Seen:
    """The directory with a file for each page that was seen.

    Attributes:
        directory: where it is. It is made, and whoever names it removes it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()

    def note(self, session_id: str) -> None:
        """Note that a page is seen now; nothing is noted if the disk is full.

        Args:
            session_id: marimo's id of the page.
        """
        if not _SESSION.fullmatch(session_id):
            return
        with contextlib.suppress(OSError):
            if len(list(self.directory.iterdir())) < _MAX_FILES:
                (self.directory / session_id).touch()


def seen_at(directory: Path, session_id: str) -> float:
    """Return when a page was seen last, in seconds since 1970; 0 if it never was."""
    if not _SESSION.fullmatch(session_id):
        return 0.0
    try:
        return (directory / session_id).stat().st_mtime
    except OSError:
        return 0.0
