"""The archive with all files of a user."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from pathlib import Path

from marimo_singleuser.start_page.own_files import archive

MIB = 2**20


def opened(home: Path) -> zipfile.ZipFile:
    found = zipfile.ZipFile(io.BytesIO(b"".join(archive(home))))
    assert found.testzip() is None
    return found


def test_files_are_whole_and_nothing_from_outside_is_in_it(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("not yours")
    for place in ("notebooks/mine.py", ".config/marimo/marimo.toml", "Zeichen ä.txt"):
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        (home / place).write_text(place)
    for place in (".venv/lib/x.py", ".cache/y", "notebooks/__pycache__/z.pyc"):
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        (home / place).write_text("made again")
    (home / "to-a-file").symlink_to(outside / "secret")
    (home / "to-a-directory").symlink_to(outside)
    os.mkfifo(home / "pipe")
    (home / os.fsdecode(b"bad\xff.txt")).write_text("bytes that are no text")
    (home / "old.txt").write_text("before 1980")
    os.utime(home / "old.txt", (0, 0))
    found = opened(home)
    assert set(found.namelist()) == {
        *("notebooks/mine.py", ".config/marimo/marimo.toml", "Zeichen ä.txt", "old.txt"),
        *("to-a-file", "to-a-directory", "bad\N{REPLACEMENT CHARACTER}.txt"),
    }
    assert found.read("notebooks/mine.py") == b"notebooks/mine.py"
    assert found.read("to-a-file") == os.fsencode(outside / "secret"), "a link, and not its file"


def test_memory_is_flat(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        for _ in range(24):
            file.write(os.urandom(MIB))
    tracemalloc.start()
    size = sum(len(piece) for piece in archive(tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 24 * MIB
    assert peak < 4 * MIB
