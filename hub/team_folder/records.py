"""Who saved which of the team's notebooks last, and in whose editors they are open."""

import json
import time
from collections.abc import Collection
from pathlib import Path

from mosshub_contract.files import write_atomically
from mosshub_contract.team_folder import Known, Told

_MOST_SAVED = 500
_OPEN_S = 180.0  # a server says it every minute


class Records:
    """What servers told: saves in a file that a restarted hub reads again, the rest in memory.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved: dict[str, tuple[str, float]] = {}
        self._opened: dict[str, tuple[float, tuple[str, ...]]] = {}  # by the user's name
        if path.exists():
            self._saved = {p: (by, at) for p, (by, at) in json.loads(path.read_text()).items()}

    def __deepcopy__(self, memo: dict) -> "Records":
        """Return these: traitlets copies what is configured."""
        return self

    def note(self, user: str, told: Told, writable: Collection[str]) -> None:
        """Remember what a user's server told.

        Args:
            user: the user's name.
            told: what it told.
            writable: names of the parts in which the user may write. What else was saved is no news
                of this folder.
        """
        now = time.time()
        self._opened[user] = (now, told.opened)
        before = dict(self._saved)
        for path, at in told.saved.items():
            known = self._saved.get(path, ("", 0.0))
            if path.partition("/")[0] in writable and min(at, now) > known[1]:
                self._saved.pop(path, None)  # the newest are at the end
                self._saved[path] = (user, min(at, now))
        if self._saved != before:
            self._saved = dict(list(self._saved.items())[-_MOST_SAVED:])
            write_atomically(self._path, json.dumps(self._saved))

    def known(self, user: str) -> Known:
        """Return what a user's server is answered."""
        now = time.time()
        opened: dict[str, tuple[str, ...]] = {}
        for name, (at, paths) in sorted(self._opened.items()):
            if name == user or now - at > _OPEN_S:
                continue
            for path in paths:
                opened[path] = (*opened.get(path, ()), name)
        return Known(dict(self._saved), opened)
