"""Puts a snapshot together: the notebook, the data files that it names, the packages."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mosshub_contract.apps import AppCard
from mosshub_contract.snapshots import MAX_BYTES, MAX_FILES, BadSnapshot, Snapshot, is_safe_name

from ..home.packages import site_packages
from ..home.reinstall import requested_packages
from ..settings import Settings
from ..start_page.pictures import picture
from .kept import kept_page, kept_picture
from .problems import code_problem

_MAX_DEPTH = 3
_MAX_LOOKED_AT = 3000
_LOOKED_AT_BYTES = 16 * 1024  # of a file, to see whether it is a notebook
_MAX_NOTEBOOK_BYTES = 5 * 1024**2
_SKIPPED = frozenset({"__pycache__", "__marimo__", "node_modules", "layouts"})


@dataclass(frozen=True)
class Candidate:
    """A file beside a notebook: its path below the notebook's directory, bytes, and whether the
    notebook names it."""

    name: str
    size: int
    is_named: bool


def candidates(notebook: Path) -> list[Candidate]:
    """Return the files beside a notebook, those first that it names.

    Args:
        notebook: path of the notebook.

    Raises:
        BadSnapshot: the notebook cannot be read.
    """
    source = _read(notebook).decode("utf-8", "replace")
    found = [
        Candidate(name, size, _is_named(name, source))
        for name, size in _files(notebook.parent)
        if name != notebook.name
    ]
    return sorted(found, key=lambda one: (not one.is_named, one.name))


def connects(notebook: Path) -> bool:
    """Return whether a notebook connects to the broker with `imageclass`.

    Raises:
        BadSnapshot: the notebook cannot be read.
    """
    code = _read(notebook)
    return b"imageclass" in code and re.search(rb"\bconnect(_notebook)?\(", code) is not None


def collect(settings: Settings, notebook: Path, card: AppCard, files: Iterable[str]) -> Snapshot:
    """Return a snapshot of a notebook as it is now.

    Args:
        settings: what the hub told this server.
        notebook: path of the notebook.
        card: what the author says about the app; it has no picture yet.
        files: paths of further files, below the notebook's directory.

    Raises:
        BadSnapshot: a file cannot be read, they are too large, or nothing can run the notebook.
    """
    contents, total = {notebook.name: _read(notebook)}, 0
    if problem := code_problem(contents[notebook.name].decode("utf-8", "replace")):
        raise BadSnapshot(f"{notebook.name} cannot be an app. {problem}")
    root = notebook.parent.resolve()
    for name in files:
        path = (root / name).resolve()
        if not is_safe_name(name) or not path.is_relative_to(root) or not path.is_file():
            raise BadSnapshot(f"{name[:100]} is no file beside the notebook.")
        total += path.stat().st_size
        if total > MAX_BYTES or len(contents) > MAX_FILES:
            limit = f"{MAX_BYTES // 1024**2} MB and {MAX_FILES} files"
            raise BadSnapshot(f"An app takes at most {limit}. Leave some data files out.")
        contents[name] = path.read_bytes()
    shown = kept_picture(notebook) or picture(settings.templates or root, notebook.stem)
    return Snapshot(
        card=AppCard(**{**card.__dict__, "picture": shown, "notebook": notebook.name}),
        files=contents,
        kept=kept_page(notebook),
        requirements="\n".join(_packages(settings)),
    )


def _packages(settings: Settings) -> list[str]:
    try:
        return requested_packages(site_packages(settings.own_venv))
    except OSError:
        return []  # there is no environment of their own


def _read(notebook: Path) -> bytes:
    try:
        if notebook.suffix != ".py" or notebook.stat().st_size > _MAX_NOTEBOOK_BYTES:
            raise BadSnapshot(f"{notebook.name} is no notebook, or it is too large.")
        return notebook.read_bytes()
    except OSError as error:
        raise BadSnapshot(f"{notebook.name} cannot be read: {error.strerror}.") from None


def _files(directory: Path) -> Iterator[tuple[str, int]]:
    """Yield path and size of the files below a directory, without links and hidden ones."""
    looked_at = 0
    for folder, folders, names in os.walk(directory):
        below = Path(folder).relative_to(directory)
        deeper = len(below.parts) < _MAX_DEPTH
        folders[:] = [n for n in folders if deeper and not n.startswith(".") and n not in _SKIPPED]
        for name in names:
            looked_at += 1
            if looked_at > _MAX_LOOKED_AT:
                return
            path = Path(folder) / name
            if name.startswith(".") or name.endswith(".pyc") or path.is_symlink():
                continue
            place = (below / name).as_posix()
            if path.is_file() and is_safe_name(place) and not _is_notebook(path):
                yield place, path.stat().st_size


def _is_notebook(path: Path) -> bool:
    """Return whether a file is a notebook itself: no other notebook needs it."""
    if path.suffix != ".py":
        return False
    with contextlib.suppress(OSError), path.open("rb") as file:
        return b"marimo.App(" in file.read(_LOOKED_AT_BYTES)
    return True


def _is_named(name: str, source: str) -> bool:
    """Return whether a notebook's code names a file, or imports it."""
    path = PurePosixPath(name)
    if path.suffix == ".py":
        module = re.escape(path.stem)
        return re.search(rf"^\s*(from|import)\s+{module}\b", source, re.MULTILINE) is not None
    quoted = re.escape(path.name)
    return re.search(rf"(?<![\w.-]){quoted}(?![\w-])", source) is not None
