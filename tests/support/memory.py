"""The memory of a running process."""

from __future__ import annotations

import re
from pathlib import Path

import psutil

MIB = 1024**2


class Memory:
    """The resident memory of a process."""

    def __init__(self, process: psutil.Process) -> None:
        self._folder = Path(f"/proc/{process.pid}")

    def now(self) -> int:
        """Return the bytes that the process uses now."""
        return self._read("VmRSS")

    def peak(self) -> int:
        """Return the bytes that the process used at most since `forget_peak`."""
        return self._read("VmHWM")

    def forget_peak(self) -> None:
        """Begin to measure the peak again, from what the process uses now."""
        (self._folder / "clear_refs").write_text("5")

    def _read(self, name: str) -> int:
        found = re.search(rf"{name}:\s+(\d+) kB", (self._folder / "status").read_text())
        assert found
        return int(found[1]) * 1024
