"""A line of progress for a download."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TextIO


class Progress:
    """Shows how far a job of `total` bytes is; safe to call from several threads.

    On a terminal one line updates itself; elsewhere (a log, a CI job) a line comes every 10 %.
    """

    def __init__(self, what: str, total: int, stream: TextIO) -> None:
        self._what, self._total, self._stream = what, max(total, 1), stream
        self._tty = stream.isatty()
        self._done = 0
        self._shown = -1
        self._lock = threading.Lock()

    def __enter__(self) -> Progress:
        self.advance(0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._tty:
            print(file=self._stream, flush=True)

    def advance(self, count: int) -> None:
        """Add `count` bytes, and show them if a percent (a tenth, off a terminal) was passed."""
        with self._lock:
            self._done += count
            percent = min(100, 100 * self._done // self._total)
            step = percent if self._tty else percent // 10
            if step == self._shown:
                return
            self._shown = step
            text = f"{self._what}: {percent} % of {self._total / 1e6:.0f} MB"
            print(
                f"\r{text}" if self._tty else text, end="" if self._tty else "\n", file=self._stream
            )
            self._stream.flush()
