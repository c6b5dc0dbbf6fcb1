"""Accounts that the hub has taken away, in a file that a restarted hub reads again."""

import json
from pathlib import Path

from mosshub_contract.files import write_atomically


class RevokedAccounts:
    """Names of the accounts that were taken away and not given back.

    Every call reads the file, because `python -m hub.accounts check` runs beside the hub.

    Args:
        path: the file; without it, no account is revoked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> frozenset[str]:
        """Return the names."""
        return frozenset(json.loads(self.path.read_text())) if self.path.exists() else frozenset()

    def add(self, name: str) -> None:
        """Record that the account `name` is revoked."""
        self._write(self.names() | {name})

    def discard(self, name: str) -> None:
        """Record that the account `name` is no longer revoked."""
        if name in self.names():
            self._write(self.names() - {name})

    def _write(self, names: frozenset[str]) -> None:
        write_atomically(self.path, json.dumps(sorted(names)))
