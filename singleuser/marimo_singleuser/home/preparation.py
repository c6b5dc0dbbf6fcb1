"""Prepares the user's home at the start, and says what could not be prepared."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
from pathlib import Path

from mosshub_contract.left_out import PACKAGES, SETTINGS

from ..disk import Disk
from ..errors import StartError
from ..settings import Settings
from ..team import links
from . import marimo_config, packages, workspace
from .repairs import is_full, repair_home, repair_places

log = logging.getLogger("marimo_singleuser")

_FULL = (
    "Your disk is full. Delete files that you no longer need, in the list of files or in a "
    "terminal, and load this page again. What is missing in your home is then prepared."
)
_READ_ONLY = (
    "Your home cannot be written ({reason}). You can read your files, but nothing is saved. Ask an "
    "admin: `{home}` must belong to the user id that runs the servers ({uid})."
)

_WITHOUT = {
    PACKAGES: "This start leaves out your packages: notebooks run with the platform's. `~/.venv` "
    "is as it was: to repair it, use `~/.venv/bin/pip` in a terminal, or give it another name.",
    SETTINGS: "This start leaves out your settings: marimo has its own. Your files are as they "
    "were, and what you set now is forgotten.",
}
_UNTIL = "Stop your editor and open it again to have everything back."


class Home:
    """The user's home: what is in it at the start, and what its user should know about it.

    A home without room does not stop the start, since only in the editor its user can make some.
    What was left undone is then done when the first page is loaded.

    Attributes:
        start_id: names this start.
        copied: what the copying of the platform's notebooks came to, at this start.
    """

    def __init__(self, settings: Settings, disk: Disk | None = None) -> None:
        self.start_id = secrets.token_hex(4)
        self.copied = workspace.CopyReport()
        self._settings, self._disk = settings, disk
        self._complete = False
        self._problems: list[str] = []  # of the last try
        self._repaired: list[str] = []  # by all of them
        self._lock = threading.Lock()

    @property
    def notices(self) -> list[str]:
        """Sentences for the user about this start."""
        return [*self._problems, *self._repaired, *self._left_out()]

    @property
    def headline(self) -> str:
        """What the notices are about, in a few words."""
        if not self._complete:
            return "Nothing can be saved"
        return "Your home was repaired" if self._repaired else "You started without something"

    def prepare(self) -> None:
        """Repair, create and copy what is missing; do nothing when all of it was done before.

        Raises:
            StartError: there is no home directory.
        """
        with self._lock:
            if not self._complete:
                self._prepare()

    def current_notices(self) -> list[str]:
        """Try again what could not be done before, and return what the user should know now.

        While the home is being prepared, this does not wait for it.
        """
        if not self._lock.locked():
            with contextlib.suppress(StartError):
                self.prepare()
        return self.notices

    def start_directory(self) -> Path:
        """Return the directory that marimo opens: the notebooks, if there are any."""
        notebooks = self._settings.notebooks
        return notebooks if notebooks.is_dir() else self._settings.home

    def _prepare(self) -> None:
        settings = self._settings
        _ensure_home(settings.home)
        repair_home(settings)
        try:
            workspace.try_writing(settings.home)
        except OSError as e:
            self._give_up(e)
            if is_full(e):  # nothing new can be written, but another name can be given
                self._repair()
            return
        self._repair()
        try:
            may_copy = self._disk is None or not self._disk.is_full()
            self.copied = workspace.prepare(settings, may_copy=may_copy)
            links.link(settings)
            usable, repaired = packages.prepare(settings)
            self._repaired += repaired
            if not settings.without:
                environment = settings.venv if usable else None
                self._repaired += marimo_config.prepare(settings, environment)
        except OSError as e:
            self._give_up(e)
            return
        self._problems = [
            f"The notebook `{name}` could not be copied here ({why})."
            for name, why in self.copied.failed
        ]
        self._complete = True

    def _repair(self) -> None:
        self._repaired += repair_places(self._settings, _files_of_marimo(self._settings))

    def _left_out(self) -> list[str]:
        said = [_WITHOUT[choice] for choice in (PACKAGES, SETTINGS) if self._leaves_out(choice)]
        return [*said, _UNTIL] if said else []

    def _leaves_out(self, choice: str) -> bool:
        return choice in self._settings.without

    def _give_up(self, e: OSError) -> None:
        log.warning("the home is not prepared: %s", e)
        self._problems = [_explain(e, self._settings)]


def _files_of_marimo(settings: Settings) -> list[Path]:
    return [*marimo_config.config_files(settings), *marimo_config.project_files(settings)]


def _ensure_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        if not home.is_dir():
            raise StartError(
                f"{home} is no directory and cannot be written ({e.strerror}). Ask an admin: it "
                f"must be the user's home and belong to the user id {os.getuid()}."
            ) from e


def _explain(e: OSError, settings: Settings) -> str:
    if is_full(e):
        return _FULL
    return _READ_ONLY.format(reason=e.strerror, home=settings.home, uid=os.getuid())
