"""Whether a notebook opens as an app or to be edited: the user's last choice for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mosshub_contract.files import write_atomically

from .small_files import read_end

EDIT, APP = "edit", "app"
#: What marimo's page reads in its address, for an app.
APP_QUERY = "view-as=present"
_MAX_CHOICES = 500
_MAX_BYTES = 256 * 1024


class Views:
    """The choices, in a file.

    Args:
        file: JSON, `edit` or `app` by the notebook's path below the directory that marimo opens.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def choices(self) -> Mapping[str, str]:
        """Return the choices; none if the file is missing or damaged."""
        try:
            found = json.loads(read_end(self._file, _MAX_BYTES))
        except ValueError:
            return {}
        if not isinstance(found, dict):
            return {}
        return {path: view for path, view in found.items() if view in (EDIT, APP)}

    def choose(self, path: str, view: str) -> None:
        """Remember a choice; the oldest is forgotten when there are too many.

        Args:
            path: the notebook's path.
            view: `edit` or `app`.

        Raises:
            OSError: it cannot be written.
        """
        choices = {key: value for key, value in self.choices().items() if key != path}
        kept = [*choices.items(), (path, view)][-_MAX_CHOICES:]
        write_atomically(self._file, json.dumps(dict(kept), indent=1) + "\n")


def view_query(path: str, choices: Mapping[str, str], default: str) -> str:
    """Return what follows a notebook's address so that it opens as chosen: empty, or `&…`.

    Args:
        path: the notebook's path.
        choices: what the user chose, by path.
        default: the view of a notebook for which there is no choice.
    """
    return f"&{APP_QUERY}" if choices.get(path, default) == APP else ""
