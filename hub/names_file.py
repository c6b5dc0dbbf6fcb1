"""A set of names in a file that a restarted hub reads again."""

import json
from pathlib import Path

from mosshub_contract.files import write_atomically


class NamesFile:
    """The names in a file.

    Every call reads the file, because other programs write it beside the hub.

    Args:
        path: the file; without it there is no name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> frozenset[str]:
        """Return the names."""
        return frozenset(json.loads(self.path.read_text())) if self.path.exists() else frozenset()

    def add(self, name: str) -> None:
        """Add a name."""
        self._write(self.names() | {name})

    def discard(self, name: str) -> None:
        """Remove a name, if it is there."""
        if name in self.names():
            self._write(self.names() - {name})

    def _write(self, names: frozenset[str]) -> None:
        write_atomically(self.path, json.dumps(sorted(names)))
