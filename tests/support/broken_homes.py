"""What a user can do to the directories and files of their home, by accident or not."""

from __future__ import annotations

import os
from pathlib import Path

#: Directories that the server or marimo needs, by their path below the home.
DIRECTORIES = [
    "notebooks",
    "notebooks/__marimo__",
    "notebooks/__marimo__/session",
    ".venv",
    ".config",
    ".config/marimo",
    ".local",
    ".local/share",
    ".local/share/mosshub",
    ".local/state",
    ".local/state/marimo",
    ".local/state/marimo/notebook-locks",
    ".local/state/marimo/servers",
    ".cache",
    ".cache/marimo",
    ".cache/marimo/logs",
]
#: What is found in place of a directory.
KINDS = ["file", "dangling link", "link in a circle", "pipe", "mode 000"]
#: What is found in place of a file.
FILE_KINDS = ["directory", "dangling link", "link in a circle", "pipe", "mode 000", "no text"]


def break_directory(path: Path, kind: str) -> str:
    """Put something else in the place of a directory; return its `content`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        path.write_text("mine")
    elif kind == "mode 000":
        path.mkdir()
        (path / "mine").write_text("mine")
        path.chmod(0)
        return "mine"
    else:
        _break(path, kind)
    return content(path)


def break_file(path: Path, kind: str) -> str:
    """Put something else in the place of a file; return its `content`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "directory":
        path.mkdir()
        (path / "mine").write_text("mine")
    elif kind == "mode 000":
        path.write_text("# mine")
        path.chmod(0)
        return "# mine"
    elif kind == "no text":
        path.write_bytes(b"\xff\xfe# mine")
    else:
        _break(path, kind)
    return content(path)


def content(path: Path) -> str:
    """Return what is in a place, in one word or as its text."""
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_fifo():
        return "pipe"
    if path.is_dir():
        return (path / "mine").read_text() if (path / "mine").exists() else "directory"
    return path.read_bytes().decode(errors="replace") if path.exists() else "nothing"


def _break(path: Path, kind: str) -> None:
    if kind == "dangling link":
        path.symlink_to("/nowhere/at/all")
    elif kind == "link in a circle":
        path.symlink_to(path.name)
    else:
        os.mkfifo(path)
