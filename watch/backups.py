"""When the last daily backup was made, and how it ended."""

import json
from pathlib import Path
from typing import NamedTuple


class LastBackup(NamedTuple):
    """What is known of the last daily backup.

    Attributes:
        at: when it ended, in seconds since 1970.
        succeeded: whether it was made.
    """

    at: float
    succeeded: bool


def last_backup(path: Path) -> LastBackup | None:
    """Return what the last daily backup noted of itself; None if there was none.

    Args:
        path: the file that `backup.schedule` writes.
    """
    try:
        noted = json.loads(path.read_text("utf-8"))
        return LastBackup(path.stat().st_mtime, bool(noted["ok"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
