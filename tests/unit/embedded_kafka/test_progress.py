"""Progress of a download."""

from __future__ import annotations

import io

from embedded_kafka.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_off_a_terminal_is_a_line_per_tenth() -> None:
    stream = io.StringIO()
    with Progress("Downloading", 2_000_000, stream) as progress:
        for _ in range(1000):
            progress.advance(2000)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[0] == "Downloading: 0 % of 2 MB"
    assert lines[-1] == "Downloading: 100 % of 2 MB"


def test_progress_on_a_terminal_is_one_line() -> None:
    stream = Terminal()
    with Progress("Downloading", 2_000_000, stream) as progress:
        for _ in range(1000):
            progress.advance(2000)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().count("\r") == 101
