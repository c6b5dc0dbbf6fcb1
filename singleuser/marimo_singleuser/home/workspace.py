"""The notebooks that everybody gets, laid into a person's own directory without touching theirs."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import StartError
from ..settings import Settings

log = logging.getLogger("marimo_singleuser")

_MANIFEST = "templates.json"
_SKIPPED = frozenset({"__pycache__", ".git", ".ipynb_checkpoints", ".DS_Store"})


@dataclass(frozen=True)
class Plan:
    """What to write, and what to remember afterwards.

    `write` maps a path in the person's notebooks to the template it is a copy of (both relative,
    with slashes). `manifest` maps each template to the SHA-256 (hex) of its version laid last.
    """

    write: dict[str, str]
    manifest: dict[str, str]


def plan(
    templates: Mapping[str, str], theirs: Mapping[str, str], manifest: Mapping[str, str]
) -> Plan:
    """Decide what happens to each template.

    All three map relative paths to SHA-256 (hex): the templates, the person's files, and the
    versions laid earlier. A copy that the person did not edit is replaced; an edited one stays and
    the new version is laid beside it, once (`notebook.new.py`); a deleted one stays deleted. What
    is no longer among the templates stays theirs.
    """
    write: dict[str, str] = {}
    after = dict(manifest)
    taken = set(theirs)
    for path, new in templates.items():
        laid, own = manifest.get(path), theirs.get(path)
        after[path] = new
        if own == new or laid == new:
            continue  # up to date; or edited or deleted since, and the person knows this version
        if own is None:
            if laid is None:
                write[path] = path
        elif own == laid:
            write[path] = path
        elif "__marimo__" not in PurePosixPath(path).parts:  # outputs of their own: nothing to add
            beside = _beside(path, new, theirs, taken)
            if beside:
                taken.add(beside)
                write[beside] = path
    return Plan(write, after)


def _beside(path: str, new: str, theirs: Mapping[str, str], taken: set[str]) -> str | None:
    """A free name next to `path`, or None where this version already lies."""
    pure = PurePosixPath(path)
    number = 1
    while True:
        mark = "new" if number == 1 else f"new{number}"
        name = str(pure.with_name(f"{pure.stem}.{mark}{pure.suffix}"))
        if theirs.get(name) == new:
            return None
        if name not in taken:
            return name
        number += 1


def prepare(settings: Settings) -> None:
    """Make the person's directories and lay the templates.

    Raises:
        StartError: the home directory cannot be written, or the disk is full.
    """
    try:
        settings.notebooks.mkdir(parents=True, exist_ok=True)
        settings.state.mkdir(parents=True, exist_ok=True)
        _try_writing(settings.state)
        if settings.templates is not None:
            lay(settings.templates, settings.notebooks, settings.state / _MANIFEST)
    except OSError as e:
        raise StartError(_explain(e, settings)) from e


def lay(templates: Path, notebooks: Path, manifest_file: Path) -> None:
    """Lay the files below `templates` into `notebooks`, as `plan` decides."""
    manifest = _read_manifest(manifest_file)
    sources = _hashes(templates)
    theirs = _copies(notebooks, sources)
    decided = plan(sources, theirs, manifest)
    for target, source in decided.write.items():
        write_atomically(notebooks / target, (templates / source).read_bytes())
        if target != source:
            log.warning("%s was edited here; its new version is %s", source, target)
    if decided.manifest != manifest:
        text = json.dumps(decided.manifest, indent=1, sort_keys=True)
        write_atomically(manifest_file, text.encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that nobody, not even after a power cut, sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _try_writing(directory: Path) -> None:
    """Whoever may do everything (root, or a full disk's owner) learns it only by writing."""
    write_atomically(directory / ".writable", b"yes\n" * 1024)
    (directory / ".writable").unlink()


def _hashes(root: Path) -> dict[str, str]:
    """SHA-256 of every file below `root`."""
    out = {}
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in _SKIPPED]
        for name in files:
            if name not in _SKIPPED and not name.endswith(".pyc"):
                path = Path(folder) / name
                out[path.relative_to(root).as_posix()] = _hash(path)
    return out


def _copies(notebooks: Path, templates: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the person's copies of the templates, and of new versions laid beside them.

    Nothing else is read: the rest of their files may be large and many.
    """
    out = {}
    for template in templates:
        own = notebooks / template
        beside = own.parent.glob(f"{glob.escape(own.stem)}.new*{glob.escape(own.suffix)}")
        for path in (own, *beside):
            if path.is_file():
                out[path.relative_to(notebooks).as_posix()] = _hash(path)
            elif os.path.lexists(path):
                out[path.relative_to(notebooks).as_posix()] = "not a file"
    return out


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text())
        return {str(k): str(v) for k, v in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        # Without it every copy counts as edited: nothing of the person's is overwritten.
        log.warning("%s is damaged and is made anew", path)
        return {}


def _explain(e: OSError, settings: Settings) -> str:
    where = e.filename or settings.home
    if e.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"There is no space left for {where}. Delete files of {settings.user} that are no "
            "longer needed, or ask an admin for more space, and start the server again."
        )
    return (
        f"{where} cannot be written ({e.strerror}). It has to belong to the user that runs the "
        f"servers (user id {os.getuid()}): an admin has to correct the owner of {settings.home}."
    )
