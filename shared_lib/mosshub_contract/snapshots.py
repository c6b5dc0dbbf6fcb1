"""A snapshot of an app as one archive (tar): its card, its kept outputs, its packages, its files.

| in the archive     | what                                                             |
|--------------------|------------------------------------------------------------------|
| `app.json`         | the card (`mosshub_contract.apps.AppCard`)                       |
| `kept.html`        | the notebook's outputs as they were, a page without scripts      |
| `requirements.txt` | packages that the author installed, a requirement a line         |
| `files/…`          | the notebook, and the data files that it needs                   |

Whoever reads an archive trusts nothing in it: names that lead elsewhere, links, and amounts that
fill a disk are refused before anything is written.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .apps import AppCard, card_from_json
from .files import write_atomically

#: The most that the files of a snapshot may take, in bytes, and how many there may be.
MAX_BYTES = 50 * 1024**2
MAX_FILES = 500
#: The most that an archive may have.
MAX_ARCHIVE_BYTES = MAX_BYTES + 8 * 1024**2
MAX_KEPT_BYTES = 4 * 1024**2
MAX_REQUIREMENTS_BYTES = 64 * 1024
_MAX_CARD_BYTES = 512 * 1024
_MAX_NAME_CHARS = 255
_CARD, _KEPT, _REQUIREMENTS, _FILES = "app.json", "kept.html", "requirements.txt", "files/"
_LIMITS = {
    _CARD: _MAX_CARD_BYTES,
    _KEPT: MAX_KEPT_BYTES,
    _REQUIREMENTS: MAX_REQUIREMENTS_BYTES,
}


class BadSnapshot(ValueError):
    """An archive is no snapshot, or too large; the message is a sentence for the author."""


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot holds.

    Attributes:
        card: what the author says about the app.
        files: content of the files, by their path below the notebook's directory.
        kept: the kept outputs (HTML); empty if there are none.
        requirements: the packages, a requirement a line.
    """

    card: AppCard
    files: Mapping[str, bytes] = field(repr=False)
    kept: str = field(default="", repr=False)
    requirements: str = ""


def pack(snapshot: Snapshot) -> bytes:
    """Return a snapshot as an archive.

    Raises:
        BadSnapshot: it is too large, or one of its files cannot be in one.
    """
    parts = {
        _CARD: snapshot.card.to_json().encode(),
        _KEPT: snapshot.kept.encode()[:MAX_KEPT_BYTES],
        _REQUIREMENTS: snapshot.requirements.encode(),
    }
    parts |= {f"{_FILES}{name}": content for name, content in snapshot.files.items()}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    data = out.getvalue()
    unpack(data)  # what nobody would take is refused here
    return data


def unpack(data: bytes) -> Snapshot:
    """Return what an archive holds. Nothing is written.

    Raises:
        BadSnapshot: it is no snapshot, or it is too large.
    """
    if len(data) > MAX_ARCHIVE_BYTES:
        raise BadSnapshot(_too_large())
    parts: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            total = 0
            for entry in archive:
                _check_entry(entry)
                total += entry.size
                if total > MAX_ARCHIVE_BYTES or len(parts) > MAX_FILES + len(_LIMITS):
                    raise BadSnapshot(_too_large())
                content = archive.extractfile(entry)
                parts[entry.name] = content.read() if content else b""
    except (tarfile.TarError, OSError, EOFError, OverflowError) as error:
        raise BadSnapshot(f"This is no snapshot of an app ({error}).") from None
    return _snapshot(parts)


def write_files(snapshot: Snapshot, directory: Path) -> None:
    """Write the files of a snapshot below a directory, read-only; they replace earlier ones.

    The directories stay writable.

    Raises:
        OSError: they cannot be written.
    """
    for name, content in snapshot.files.items():
        write_atomically(directory / name, content, mode=0o444)


def is_safe_name(name: str) -> bool:
    """Return whether a path stays below the directory that it is put to."""
    path = PurePosixPath(name)
    return (
        0 < len(name) <= _MAX_NAME_CHARS
        and name.isprintable()
        and "\\" not in name
        and not path.is_absolute()
        and ".." not in path.parts
        and str(path) == name
    )


def _check_entry(entry: tarfile.TarInfo) -> None:
    if not entry.isreg() or entry.issparse():
        raise BadSnapshot(f"{entry.name[:100]} is no plain file. A snapshot has no links.")
    limit = _LIMITS.get(entry.name)
    if limit is None:
        if not entry.name.startswith(_FILES) or not is_safe_name(entry.name):
            raise BadSnapshot(f"{entry.name[:100]} is no name for a file of an app.")
        limit = MAX_BYTES
    if entry.size > limit:
        raise BadSnapshot(_too_large() if limit == MAX_BYTES else f"{entry.name} is too large.")


def _snapshot(parts: Mapping[str, bytes]) -> Snapshot:
    files = {
        name.removeprefix(_FILES): content
        for name, content in parts.items()
        if name.startswith(_FILES)
    }
    if sum(map(len, files.values())) > MAX_BYTES or len(files) > MAX_FILES:
        raise BadSnapshot(_too_large())
    try:
        card = card_from_json(parts.get(_CARD, b""))
    except ValueError as error:
        raise BadSnapshot(str(error)) from None
    if card.notebook not in files or not is_safe_name(card.notebook):
        raise BadSnapshot("The notebook is not among the files of its snapshot.")
    return Snapshot(
        card=card,
        files=files,
        kept=parts.get(_KEPT, b"").decode("utf-8", "replace"),
        requirements=parts.get(_REQUIREMENTS, b"").decode("utf-8", "replace"),
    )


def _too_large() -> str:
    return (
        f"An app takes at most {MAX_BYTES // 1024**2} MB and {MAX_FILES} files. "
        "Leave data files out, or read them from where the app can."
    )
