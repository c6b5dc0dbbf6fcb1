"""Which notebooks the user took, and from whom."""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from mosshub_contract.copies import Listed
from mosshub_contract.files import write_atomically

from ..frame.small_files import read_end
from ..settings import Settings

_MOST = 500
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class TakenCopy:
    """A notebook that came from somebody else.

    Attributes:
        path: the user's notebook, below their notebooks.
        id: the copy that was taken.
        author: who gave it.
        notebook: the original's path in the author's editor.
        digest: of what was taken.
    """

    path: str
    id: str
    author: str
    notebook: str
    digest: str


class Taken:
    """The copies that the user took, in a file of the home.

    Args:
        settings: what the hub told this server.
    """

    def __init__(self, settings: Settings) -> None:
        self._file = settings.state / "taken-copies.json"
        self._notebooks = settings.notebooks

    def all(self) -> list[TakenCopy]:
        """Return those whose notebooks are still there, the newest first."""
        return [one for one in self._read() if (self._notebooks / one.path).is_file()]

    def take(self, about: Listed, text: str) -> str:
        """Write a copy as a new notebook.

        Args:
            about: the copy.
            text: its code.

        Returns:
            The new notebook's path; nothing that is there is written over.

        Raises:
            OSError: it cannot be written.
        """
        path = _write_new(self._notebooks, about.notebook, text)
        new = TakenCopy(path, about.id, about.author, about.notebook, about.digest)
        kept = [asdict(one) for one in [new, *self._read()][:_MOST]]
        with contextlib.suppress(OSError):  # then there is no way back, but the notebook
            write_atomically(self._file, json.dumps(kept))
        return path

    def _read(self) -> list[TakenCopy]:
        found = []
        with contextlib.suppress(ValueError, TypeError, AttributeError):  # a user may write there
            for one in json.loads(read_end(self._file, _MAX_BYTES) or "[]"):
                found.append(TakenCopy(**{name: str(value) for name, value in one.items()}))
        return found


def _write_new(notebooks: Path, notebook: str, text: str) -> str:
    """Write a file under a name that nothing has, and return the name.

    Raises:
        OSError: it cannot be written.
    """
    stem = re.sub(r"[^\w -]", "_", PurePosixPath(notebook).stem).strip(" _") or "copy"
    number = 0
    while True:
        mark = "" if not number else "-copy" if number == 1 else f"-copy{number}"
        path = notebooks / f"{stem[:80]}{mark}.py"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            number += 1
            continue
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path.name
