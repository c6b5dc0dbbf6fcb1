"""Reads files in a home, where anything may stand: a pipe, a link, or a file of 100 GB."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_end(path: Path, max_bytes: int) -> str:
    """Return the last bytes of a file as text; nothing if it is missing or no plain file.

    Args:
        path: the file.
        max_bytes: how much of it is read.
    """
    try:
        # Opening a pipe would wait for somebody who writes to it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return ""
        file.seek(max(found.st_size - max_bytes, 0))
        return file.read(max_bytes).decode("utf-8", "replace")
