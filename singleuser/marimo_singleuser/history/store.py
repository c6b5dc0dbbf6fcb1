"""The versions of all notebooks, in one SQLite file.

Versions get fewer with their age: each of the last ten minutes, then one for every ten minutes of
the last day, every hour of the last week, every day of the last three months and every week before
that. When all together take too much, the oldest go, and outputs before code. The newest of a
notebook always stays, also when the notebook was deleted. Outputs come with the next save: what
marimo saved of them until then.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Names the file to marimo's process.
FILE_VARIABLE = "MOSSHUB_HISTORY"
#: A larger notebook has no versions.
MAX_NOTEBOOK_BYTES = 2_000_000
#: Outputs of one version that are kept.
MAX_OUTPUT_BYTES = 2_000_000
#: All versions together, compressed.
MAX_BYTES = 50_000_000

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
# From this age on there is one version for each so many seconds.
_STEPS = ((10 * _MINUTE, 10 * _MINUTE), (_DAY, _HOUR), (7 * _DAY, _DAY), (90 * _DAY, 7 * _DAY))
_TIMEOUT_S = 2.0  # another process writes
_SCHEMA = """
CREATE TABLE IF NOT EXISTS version (
  id INTEGER PRIMARY KEY, notebook TEXT NOT NULL, at REAL NOT NULL, digest BLOB NOT NULL,
  content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_notebook ON version (notebook, at);
CREATE TABLE IF NOT EXISTS output (version INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS no_version_no_output AFTER DELETE ON version
BEGIN DELETE FROM output WHERE version = old.id; END;
"""


@dataclass(frozen=True)
class Version:
    """A version of a notebook.

    Attributes:
        id: its number.
        notebook: the notebook's path below the directory that marimo opens, with slashes; that of
            one in the team's folder is absolute.
        at: when it was saved, in seconds since 1970.
    """

    id: int
    notebook: str
    at: float


def session_file(notebook: Path) -> Path:
    """Return where marimo keeps the outputs of a notebook."""
    return notebook.parent / "__marimo__" / "session" / f"{notebook.name}.json"


class History:
    """The versions in a file. Each call opens it, because two processes use it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def keep(self, notebook: str, text: str, now: float) -> None:
        """Keep a version, unless it is the newest already, and thin the older ones.

        Args:
            notebook: the notebook's path.
            text: its content.
            now: the present time, in seconds since 1970.

        Raises:
            sqlite3.Error: the file cannot be written, or is none of ours.
            OSError: its directory cannot be made.
        """
        data = text.encode()
        if len(data) > MAX_NOTEBOOK_BYTES:
            return
        digest = hashlib.sha256(data).digest()
        with self._opened() as db:
            newest = db.execute(
                "SELECT digest FROM version WHERE notebook = ? ORDER BY at DESC, id DESC LIMIT 1",
                (notebook,),
            ).fetchone()
            if newest and newest[0] == digest:
                return
            db.execute(
                "INSERT INTO version (notebook, at, digest, content) VALUES (?, ?, ?, ?)",
                (notebook, now, digest, zlib.compress(data)),
            )
            _thin(db, notebook, now)
            _bound(db)

    def keep_outputs(self, notebook: str, file: Path) -> None:
        """Keep what marimo saved of the outputs since the newest version, as those of that version.

        Args:
            notebook: the notebook's path.
            file: where marimo saves them.

        Raises:
            sqlite3.Error: the file of versions cannot be written, or is none of ours.
            OSError: there are no outputs, or they cannot be read.
        """
        about = file.stat()
        if not file.is_file() or about.st_size > MAX_OUTPUT_BYTES:
            return
        with self._opened() as db:
            newest = db.execute(
                "SELECT id, at FROM version WHERE notebook = ? ORDER BY at DESC, id DESC LIMIT 1",
                (notebook,),
            ).fetchone()
            if newest and about.st_mtime > newest[1]:
                content = zlib.compress(file.read_bytes())
                db.execute("REPLACE INTO output VALUES (?, ?)", (newest[0], content))

    def outputs(self, version: int) -> str:
        """Return what marimo saved of a version's outputs (JSON); empty if nothing is kept."""
        with self._opened() as db:
            row = db.execute("SELECT content FROM output WHERE version = ?", (version,)).fetchone()
        return zlib.decompress(row[0]).decode("utf-8", "replace") if row else ""

    def newest(self) -> list[Version]:
        """Return the newest version of each notebook, the newest first."""
        with self._opened() as db:
            rows = db.execute(
                "SELECT id, notebook, max(at) FROM version GROUP BY notebook ORDER BY 3 DESC"
            )
            return [Version(*row) for row in rows]

    def versions(self, notebook: str) -> list[Version]:
        """Return a notebook's versions, the newest first."""
        with self._opened() as db:
            rows = db.execute(
                "SELECT id, notebook, at FROM version WHERE notebook = ? ORDER BY at DESC, id DESC",
                (notebook,),
            )
            return [Version(*row) for row in rows]

    def read(self, version: int) -> tuple[Version, str] | None:
        """Return a version and its content; None if it is gone."""
        with self._opened() as db:
            row = db.execute(
                "SELECT id, notebook, at, content FROM version WHERE id = ?", (version,)
            ).fetchone()
        return row and (Version(*row[:3]), zlib.decompress(row[3]).decode())

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._file, timeout=_TIMEOUT_S)) as db, db:
            db.execute("PRAGMA auto_vacuum = FULL")  # what is deleted gives its room back
            db.executescript(_SCHEMA)
            yield db


def _thin(db: sqlite3.Connection, notebook: str, now: float) -> None:
    """Delete what is too close to a newer version for its age."""
    rows = db.execute(
        "SELECT id, at FROM version WHERE notebook = ? ORDER BY at DESC, id DESC", (notebook,)
    ).fetchall()
    taken: set[tuple[float, int]] = set()
    for number, (id_, at) in enumerate(rows):
        step = max((step for age, step in _STEPS if now - at >= age), default=0.0)
        if not step:
            continue
        place = step, int(at // step)
        if number and place in taken:
            db.execute("DELETE FROM version WHERE id = ?", (id_,))
        taken.add(place)


def _bound(db: sqlite3.Connection) -> None:
    """Delete the oldest while all take too much; the newest version of each notebook stays."""
    (total,) = db.execute(
        "SELECT (SELECT coalesce(sum(length(content)), 0) FROM version)"
        " + (SELECT coalesce(sum(length(content)), 0) FROM output)"
    ).fetchone()
    outputs = "SELECT version, length(content) FROM output ORDER BY version"
    older = (
        "SELECT id, length(content) FROM version AS one WHERE EXISTS (SELECT 1 FROM version"
        " WHERE notebook = one.notebook AND (at, id) > (one.at, one.id)) ORDER BY at, id"
    )
    deletions = (
        (outputs, "DELETE FROM output WHERE version = ?"),
        (older, "DELETE FROM version WHERE id = ?"),
    )
    for listing, deletion in deletions:
        for id_, size in db.execute(listing).fetchall() if total > MAX_BYTES else ():
            if total <= MAX_BYTES:
                return
            db.execute(deletion, (id_,))
            total -= size
