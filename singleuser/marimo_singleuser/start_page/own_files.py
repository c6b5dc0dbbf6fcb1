"""All files of a user as one archive, which is made while it is sent."""

from __future__ import annotations

import os
import stat
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

_CHUNK_BYTES = 256 * 1024
#: What can be made again, by its name, wherever it is.
_SKIPPED = frozenset({"__pycache__", "node_modules", ".ipynb_checkpoints"})
#: The same, below the home.
_SKIPPED_PLACES = frozenset({".cache", ".venv", ".venv.old", ".local/share/Trash"})
_OLDEST = (1980, 1, 1, 0, 0, 0)  # a ZIP file knows no time before


class _Buffer:
    """What the archive has written and nobody has taken yet."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing; zipfile calls this."""

    def take(self) -> bytes:
        data, self._parts = b"".join(self._parts), []
        return data


def archive(home: Path) -> Iterator[bytes]:
    """Yield a ZIP file with what is in a home, in pieces; memory stays flat.

    Caches and the Python environment are left out. A link is kept as a link: what it points to is
    not read. Pipes and the like are left out, and files that cannot be read.

    Args:
        home: the directory.
    """
    buffer = _Buffer()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:  # type: ignore[call-overload]
        for path, place in _files(home):
            yield from _add(target, buffer, path, place)
    yield buffer.take()


def _files(home: Path) -> Iterator[tuple[str, str]]:
    """Yield path and place below the home of everything that is to be in the archive."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(home / below) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in found:
            place = f"{below}{entry.name}"
            if entry.name in _SKIPPED or place in _SKIPPED_PLACES:
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{place}/")
            else:
                yield entry.path, place


def _add(target: zipfile.ZipFile, buffer: _Buffer, path: str, place: str) -> Iterator[bytes]:
    """Add a file or a link, and yield what the archive has written meanwhile."""
    try:
        about = os.lstat(path)
        if stat.S_ISLNK(about.st_mode):
            entry = _entry(place, about)
            entry.compress_type = zipfile.ZIP_STORED
            target.writestr(entry, os.fsencode(Path(path).readlink()))
            yield buffer.take()
            return
        # O_NOFOLLOW: it may have become a link meanwhile.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return
        with target.open(_entry(place, about), "w", force_zip64=True) as into:
            while chunk := file.read(_CHUNK_BYTES):
                into.write(chunk)
                yield buffer.take()
    yield buffer.take()


def _entry(place: str, about: os.stat_result) -> zipfile.ZipInfo:
    name = place.encode(errors="surrogateescape").decode(errors="replace")
    modified = time.localtime(max(about.st_mtime, 0))[:6]
    entry = zipfile.ZipInfo(name, max(modified, _OLDEST))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = about.st_mode << 16
    return entry
