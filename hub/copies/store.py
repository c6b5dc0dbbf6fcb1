"""The copies, in one SQLite file, bounded in number and size."""

import json
import secrets
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from mosshub_contract.copies import Copy, Listed, audience_of, digest

#: Of one author.
MOST_COPIES = 100
MAX_BYTES = 100 * 1024 * 1024  # compressed
_SCHEMA = """
CREATE TABLE IF NOT EXISTS copy (
  id TEXT PRIMARY KEY, author TEXT NOT NULL, since TEXT NOT NULL, notebook TEXT NOT NULL,
  at REAL NOT NULL, digest TEXT NOT NULL, original TEXT NOT NULL, audience TEXT NOT NULL,
  content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS dismissed (
  id TEXT NOT NULL REFERENCES copy ON DELETE CASCADE, user TEXT NOT NULL, PRIMARY KEY (id, user)
);
"""
_ALL = """
SELECT id, author, notebook, at, digest, original, audience, since FROM copy ORDER BY at DESC
"""
_ONE = """
SELECT id, author, notebook, at, digest, original, audience, since, content FROM copy WHERE id = ?
"""


class NoRoom(Exception):
    """An author has as many copies as one may have; the text says what to do."""


@dataclass(frozen=True)
class Kept:
    """A copy in the store.

    Attributes:
        listed: what lists say of it.
        since: when its author was first known to the hub: the next user of that name is another.
    """

    listed: Listed
    since: str


class CopyStore:
    """The copies in a file. Only the hub uses it.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as db:
            db.executescript(_SCHEMA)

    def __deepcopy__(self, memo: dict) -> "CopyStore":
        """Return this store: traitlets copies what is configured."""
        return self

    def add(self, author: str, since: str, copy: Copy) -> Listed:
        """Keep a copy. One of the same notebook for the same people is replaced, and keeps its id.

        Args:
            author: name of the user who gives it.
            since: when the hub first knew that user.
            copy: the copy.

        Raises:
            NoRoom: the author has too many, or too large ones.
        """
        cells = [asdict(cell) for cell in copy.cells]
        content = zlib.compress(json.dumps({"text": copy.text, "cells": cells}).encode())
        audience = json.dumps(asdict(copy.audience))
        mark = digest(copy.text)
        with self._opened() as db:
            same = db.execute(
                "SELECT id FROM copy WHERE (author, since, notebook, audience) = (?, ?, ?, ?)",
                (author, since, copy.notebook, audience),
            ).fetchone()
            id_ = same[0] if same else secrets.token_hex(16)
            count, size = db.execute(
                "SELECT count(*), coalesce(sum(length(content)), 0) FROM copy"
                " WHERE author = ? AND id != ?",
                (author, id_),
            ).fetchone()
            if count >= MOST_COPIES or size + len(content) > MAX_BYTES:
                raise NoRoom(
                    f"You give {count} copies already, {size // 1024**2} MiB. Take some back first."
                )
            now = time.time()
            row = (id_, author, since, copy.notebook, now, mark, mark, audience, content)
            db.execute(
                "INSERT INTO copy VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                " (at, digest, original, content) = (excluded.at, excluded.digest,"
                " excluded.original, excluded.content)",
                row,
            )
            db.execute("DELETE FROM dismissed WHERE id = ?", (id_,))  # a newer one waits again
        return Listed(id_, author, copy.notebook, now, mark, mark, copy.audience)

    def all(self) -> list[Kept]:
        """Return all copies, the newest first."""
        with self._opened() as db:
            rows = db.execute(_ALL).fetchall()
        return [_kept(row) for row in rows]

    def find(self, id_: str) -> tuple[Kept, str] | None:
        """Return a copy and its content: JSON with `text` and `cells`. None if it is gone."""
        with self._opened() as db:
            row = db.execute(_ONE, (id_,)).fetchone()
        return row and (_kept(row[:-1]), zlib.decompress(row[-1]).decode())

    def remove(self, id_: str) -> None:
        """Delete a copy, if it is there."""
        with self._opened() as db:
            db.execute("DELETE FROM copy WHERE id = ?", (id_,))

    def dismiss(self, id_: str, user: str) -> None:
        """Let a copy wait no longer for a user, who may still open it."""
        with self._opened() as db:
            db.execute("INSERT OR IGNORE INTO dismissed VALUES (?, ?)", (id_, user))

    def dismissed_by(self, user: str) -> frozenset[str]:
        """Return the ids of the copies that a user dismissed."""
        with self._opened() as db:
            rows = db.execute("SELECT id FROM dismissed WHERE user = ?", (user,))
            return frozenset(id_ for (id_,) in rows)

    def note_original(self, id_: str, mark: str) -> None:
        """Remember the digest of a copy's original, as it is now."""
        with self._opened() as db:
            db.execute("UPDATE copy SET original = ? WHERE id = ?", (mark, id_))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as db, db:
            db.execute("PRAGMA foreign_keys = ON")
            yield db


def _kept(row: tuple) -> Kept:
    id_, author, notebook, at, mark, original, audience, since = row
    to = audience_of(json.loads(audience))
    return Kept(Listed(id_, author, notebook, at, mark, original, to), since)
