"""What a backup holds: a small file in each, which lists and restores read first."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self

from backup.errors import BackupError

#: The format of what a backup holds. It rises when an older `restore` would fail.
FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    Attributes:
        instance: the platform's name, which its volumes' names begin with.
        database: `sqlite` or `postgres`.
        users: names of the users in the hub.
        homes: ends of the names of the homes' volumes.
        topics: number of topics.
        messages: number of messages.
        groups: number of consumer groups.
        secrets: whether the platform's secrets are in it.
        format: `FORMAT` of the version that made it.
    """

    instance: str
    database: str
    users: tuple[str, ...]
    homes: tuple[str, ...]
    topics: int
    messages: int
    groups: int
    secrets: bool
    format: int = FORMAT

    def to_json(self) -> str:
        """Return the text of the manifest's file."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what a file says.

        Raises:
            BackupError: the backup has another format.
        """
        try:
            about = json.loads(text)
            found = about["format"]
        except (ValueError, KeyError, TypeError):
            raise BackupError(
                "This is no backup of Mosshub: its manifest cannot be read."
            ) from None
        if found != FORMAT:
            how = "an older" if found < FORMAT else "a newer"
            raise BackupError(
                f"This backup has format {found}, from {how} version of Mosshub; this version "
                f"reads format {FORMAT}. Restore it with the version that made it, then update."
            )
        about |= {name: tuple(about[name]) for name in ("users", "homes")}
        return cls(**about)
