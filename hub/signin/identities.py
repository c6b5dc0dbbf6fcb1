"""Names that cannot be taken over: each is bound to the provider's unchanging id of its person.

Providers let people rename themselves, and let others take the name that became free. A person's
name here is the one they had at their first sign-in; from then on their id counts, not the name.
"""

import sqlite3
from contextlib import closing
from pathlib import Path


class NameTaken(Exception):
    """The name belongs to somebody else; the message is made for the person who signs in."""


class Identities:
    """The table of who is who, in a file of its own beside the hub's database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS identities"
                " (subject TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE)"
            )

    def _open(self):
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        return closing(db)

    def name_for(self, subject: str, wanted: str) -> str:
        """Return the name of the person with the provider's id `subject`.

        Args:
            subject: the id, with the provider's name before it, e.g. `github:583231`.
            wanted: the name the provider gives them today, for their first sign-in.

        Raises:
            NameTaken: a first sign-in under a name that is somebody else's.
        """
        with self._open() as db:
            if row := db.execute(
                "SELECT name FROM identities WHERE subject = ?", (subject,)
            ).fetchone():
                return row[0]
            if db.execute("SELECT 1 FROM identities WHERE name = ?", (wanted,)).fetchone():
                raise NameTaken(
                    f"The name {wanted} belongs to somebody else here. If you are the same person "
                    "with a new account, ask an admin to remove the old one first."
                )
        return wanted

    def bind(self, subject: str, name: str) -> None:
        """Make `name` that of `subject` for good; doing it again changes nothing."""
        with self._open() as db:
            db.execute("INSERT OR IGNORE INTO identities VALUES (?, ?)", (subject, name))

    def forget(self, name: str) -> None:
        """Set `name` free: its person was removed."""
        with self._open() as db:
            db.execute("DELETE FROM identities WHERE name = ?", (name,))
