"""Copies the platform's notebooks into the user's directory without touching their edits."""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mosshub_contract.files import write_atomically

from ..settings import Settings
from .repairs import is_no_room, put_aside

log = logging.getLogger("marimo_singleuser")

_MANIFEST = "templates.json"
_SPARE_BYTES = 64 * 1024  # a home with less room counts as full
#: Directory beside the templates with small pictures of them for the home page.
PICTURES = ".pictures"
_SKIPPED = frozenset({"__pycache__", ".git", ".ipynb_checkpoints", ".DS_Store", PICTURES})


@dataclass(frozen=True)
class CopyPlan:
    """Which templates to copy, and what to remember afterwards.

    Attributes:
        copies: the template by the path of its new copy, both relative, with slashes.
        manifest: SHA-256 (hex) of the version that was copied last, by template.
    """

    copies: dict[str, str]
    manifest: dict[str, str]


def plan_copies(
    templates: Mapping[str, str], own: Mapping[str, str], manifest: Mapping[str, str]
) -> CopyPlan:
    """Decide what happens to each template.

    A copy that the user did not edit is replaced. An edited copy stays, and the new version is
    copied beside it once (`notebook.new.py`). A deleted copy stays deleted. A file that is no
    longer among the templates stays.

    Args:
        templates: SHA-256 (hex) of the templates, by relative path.
        own: the same for the user's files.
        manifest: the same for the versions that were copied last.
    """
    copies: dict[str, str] = {}
    after = dict(manifest)
    taken = set(own)
    for path, new in templates.items():
        last, current = manifest.get(path), own.get(path)
        after[path] = new
        if new in (current, last):
            continue  # up to date; or the user edited or deleted this very version
        if current is None:
            if last is None:
                copies[path] = path
        elif current == last:
            copies[path] = path
        elif "__marimo__" not in PurePosixPath(path).parts:  # the user's own outputs stay alone
            beside = _name_beside(path, new, own, taken)
            if beside:
                taken.add(beside)
                copies[beside] = path
    return CopyPlan(copies, after)


@dataclass(frozen=True)
class CopyReport:
    """What the copying of the templates came to.

    Attributes:
        failed: path and reason of each copy that failed; it is tried again at the next start.
        added: notebooks that this user had never been given.
        updated: notebooks that were replaced by their new version.
    """

    failed: list[tuple[str, str]] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)


def prepare(settings: Settings, *, may_copy: bool = True) -> CopyReport:
    """Create the user's directories and copy the templates.

    Args:
        settings: what the hub told this server.
        may_copy: whether the user's files leave room for the templates.

    Raises:
        OSError: the disk is full, or a directory cannot be created.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    manifest = settings.state / _MANIFEST
    if not settings.notebooks.exists() and manifest.is_file():
        # The user did not delete each notebook: their directory was put aside, or is gone.
        write_atomically(manifest, "{}")
    settings.notebooks.mkdir(parents=True, exist_ok=True)
    if settings.templates is None or not may_copy:
        return CopyReport()
    return copy_templates(settings.templates, settings.notebooks, manifest)


def copy_templates(templates: Path, notebooks: Path, manifest_file: Path) -> CopyReport:
    """Copy templates into the user's notebooks as `plan_copies` decides.

    Args:
        templates: directory of the templates.
        notebooks: directory of the user's notebooks.
        manifest_file: file that holds the manifest between two starts.

    Raises:
        OSError: the disk is full.
    """
    manifest = _read_manifest(manifest_file)
    sources = _hashes(templates)
    own = _hashes_of_copies(notebooks, sources)
    plan = plan_copies(sources, own, manifest)
    report = CopyReport()
    after = dict(plan.manifest)
    for target, source in plan.copies.items():
        try:
            write_atomically(notebooks / target, (templates / source).read_bytes())
        except OSError as e:
            if is_no_room(e):
                raise
            report.failed.append((target, e.strerror or type(e).__name__))
            after.pop(source)
            continue
        if source in own and target == source:
            report.updated.append(source)
        elif manifest and target == source:
            report.added.append(source)
        if target != source:
            log.warning("%s was edited here; its new version is %s", source, target)
    if after != manifest:
        write_atomically(manifest_file, json.dumps(after, indent=1, sort_keys=True))
    return report


def _name_beside(path: str, new: str, own: Mapping[str, str], taken: set[str]) -> str | None:
    """Return a free name beside `path`; None if this version is there already."""
    pure = PurePosixPath(path)
    number = 1
    while True:
        mark = "new" if number == 1 else f"new{number}"
        name = str(pure.with_name(f"{pure.stem}.{mark}{pure.suffix}"))
        if own.get(name) == new:
            return None
        if name not in taken:
            return name
        number += 1


def try_writing(directory: Path) -> None:
    """Write a file: permissions tell root nothing, and no user whether the disk is full.

    Raises:
        OSError: the file cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=directory, prefix=".writable.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(bytes(_SPARE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        Path(name).unlink()


def _hashes(root: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `root`."""
    out = {}
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in _SKIPPED]
        for name in files:
            if name not in _SKIPPED and not name.endswith(".pyc"):
                path = Path(folder) / name
                out[path.relative_to(root).as_posix()] = _hash(path)
    return out


def _hashes_of_copies(notebooks: Path, templates: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of the templates' copies and of new versions beside them.

    The user's other files are not read, since they may be large and many.
    """
    out = {}
    for template in templates:
        own = notebooks / template
        beside = own.parent.glob(f"{glob.escape(own.stem)}.new*{glob.escape(own.suffix)}")
        for path in (own, *beside):
            if path.is_file() and os.access(path, os.R_OK):
                out[path.relative_to(notebooks).as_posix()] = _hash(path)
            elif os.path.lexists(path):
                out[path.relative_to(notebooks).as_posix()] = "unreadable"
    return out


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(path: Path) -> dict[str, str]:
    if not os.path.lexists(path):
        return {}
    try:
        if not path.is_file():  # reading a pipe would never end
            raise ValueError("not a file")
        found = json.loads(path.read_text())
        return {str(k): str(v) for k, v in found.items()}
    except (OSError, ValueError, AttributeError):
        # Without a manifest every copy counts as edited, so no file of the user is overwritten.
        log.warning("%s is damaged; a new one is written", path)
        if not path.is_file():
            put_aside(path)
        return {}
