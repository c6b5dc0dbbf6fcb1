"""Who was shut out of the broker, remembered in a file: a hub that restarts must know it still."""

import json
import os
from pathlib import Path


class ShutOut:
    """Names of accounts that were taken away and not given back.

    Read anew each time, because `python -m hub.accounts check` runs beside the hub.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> frozenset[str]:
        """Return them; nobody where nobody ever was."""
        return frozenset(json.loads(self.path.read_text())) if self.path.exists() else frozenset()

    def add(self, name: str) -> None:
        """Remember that `name` was shut out."""
        self._write(self.names() | {name})

    def discard(self, name: str) -> None:
        """Forget it: they are let in again."""
        if name in self.names():
            self._write(self.names() - {name})

    def _write(self, names: frozenset[str]) -> None:
        new = self.path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(sorted(names)))
        new.replace(self.path)
