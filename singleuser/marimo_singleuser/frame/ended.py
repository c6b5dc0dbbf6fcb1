"""Kernels that ended by themselves, as marimo's process writes them down.

marimo's process sees the end (`marimo_patches.ended_kernels`) and adds a line to a file. This
program reads the file when a page asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .small_files import read_end

#: Names the file to marimo's process.
FILE_VARIABLE = "MOSSHUB_ENDED_KERNELS"
_MAX_BYTES = 64 * 1024  # the newest are at the end


@dataclass(frozen=True)
class EndedKernel:
    """A kernel that ended by itself, or because nobody used it.

    Attributes:
        notebook: the notebook's file as its page's address has it.
        path: that file's absolute path; empty for a notebook without a file.
        sessions: ids of the pages that were connected.
        pid: the kernel's process id.
        code: its exit code; below 0 it is the signal that ended it, None if unknown.
        out_of_memory: it was killed because the memory of the server was used up.
        at: when it ended, in seconds since 1970.
        is_idle: it was ended because nobody used it.
    """

    notebook: str
    path: str
    sessions: tuple[str, ...]
    pid: int
    code: int | None
    out_of_memory: bool
    at: float
    is_idle: bool = False


def write(file: Path, kernel: EndedKernel) -> None:
    """Add a kernel to the file.

    Raises:
        OSError: it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(kernel)) + "\n")


def read(file: Path) -> list[EndedKernel]:
    """Return the kernels in the file, the newest last; none if there is no file."""
    lines = read_end(file, _MAX_BYTES).splitlines()
    return [kernel for line in lines if (kernel := _parse(line)) is not None]


def describe(kernel: EndedKernel, sizes: Mapping[int, int], limit: int | None) -> dict[str, Any]:
    """Return what the frame shows of a kernel.

    Args:
        kernel: a kernel that ended.
        sizes: bytes of memory that kernels used when they were last looked at, by process id.
        limit: bytes that the server may use.
    """
    return {
        "notebook": kernel.notebook,
        "path": kernel.path,
        "sessions": kernel.sessions,
        "at": kernel.at,
        "reason": _reason(kernel),
        "size": sizes.get(kernel.pid),
        "limit": limit,
    }


def _reason(kernel: EndedKernel) -> str:
    if kernel.is_idle:
        return "idle"
    if kernel.out_of_memory:
        return "memory"
    if kernel.code is None:
        return "unknown"
    return f"signal {-kernel.code}" if kernel.code < 0 else f"exit code {kernel.code}"


def _parse(line: str) -> EndedKernel | None:
    """Return the kernel of a line; None if notebook code wrote something else there."""
    try:
        fields = json.loads(line)
        return EndedKernel(**{**fields, "sessions": tuple(fields["sessions"])})
    except (ValueError, TypeError, KeyError):
        return None
