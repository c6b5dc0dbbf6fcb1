"""Names that nobody can take over: each is bound to the provider's unchanging id of its user.

Providers let people rename themselves, and let others take the name that became free. A user's name
here is the one of their first sign-in. From then on the id counts, not the name.
"""

import sqlite3
from contextlib import closing
from pathlib import Path


class NameTaken(Exception):
    """The name belongs to somebody else; the message is for the person who signs in."""


class Identities:
    """The table of provider ids and names, in a file beside the hub's database.

    Args:
        path: the SQLite file; it is created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS identities"
                " (subject TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE)"
            )

    def _open(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.path, timeout=30, isolation_level=None))

    def name_for(self, subject: str, wanted: str) -> str:
        """Return the name of the user with the provider's id `subject`.

        Args:
            subject: the id, with the provider's name before it, such as `github:583231`.
            wanted: the name at the provider today; a first sign-in gets it.

        Raises:
            NameTaken: this is a first sign-in, and the name belongs to somebody else.
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
        """Bind `name` to `subject` for good. A second call changes nothing."""
        with self._open() as db:
            db.execute("INSERT OR IGNORE INTO identities VALUES (?, ?)", (subject, name))

    def forget(self, name: str) -> None:
        """Set `name` free, after its user was removed."""
        with self._open() as db:
            db.execute("DELETE FROM identities WHERE name = ?", (name,))
