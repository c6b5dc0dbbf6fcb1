"""What a command prints: its result to standard output, everything else to standard error.

All of it may hold what others wrote, so nothing goes to a terminal that it would obey.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table
from rich.text import Text

from imageclass.messages.text import printable, printable_json
from imageclass.runs.progress import Progress

_errors = Console(stderr=True)


def say(text: str) -> None:
    """Print a sentence for people, above a progress bar if there is one."""
    _errors.print(Text(printable(text)), soft_wrap=True)


def result(text: str) -> None:
    """Print a line of the result."""
    print(printable(text), flush=True)


def document(content: Any, *, indent: int | None = 1) -> None:
    """Print `content` as JSON; without `indent` on one line."""
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    print(printable_json(text), flush=True)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show a progress bar, on a terminal only; call what it yields with (done, total)."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with ProgressBar(
        *columns, TimeElapsedColumn(), console=_errors, disable=not _errors.is_terminal
    ) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def line() -> Iterator[Callable[[str], object]]:
    """Show a line that changes, on a terminal only; call what it yields with its text."""
    if not _errors.is_terminal:
        yield lambda text: None
        return
    with Live(console=_errors, auto_refresh=False, transient=True) as live:
        yield lambda text: live.update(Text(printable(text)), refresh=True)


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; columns of numbers are aligned to the right."""
    cells = [list(row) for row in rows]
    if title:
        print()
    shown = Table(
        box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, show_edge=False
    )
    for number, name in enumerate(head):
        numbers = cells and all(re.fullmatch(r"[\d,.%–\se-]+", row[number]) for row in cells)
        shown.add_column(
            Text(printable(name)), justify="right" if numbers else "left", overflow="fold"
        )
    for row in cells:
        shown.add_row(*(Text(printable(cell)) for cell in row))
    # A file or a pipe has no width: nothing is folded there.
    width = None if sys.stdout.isatty() else 400
    Console(width=width, file=sys.stdout, highlight=False).print(shown)


def counted(count: int, noun: str) -> str:
    """Write a number of things: `1 image`, `2 images`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def share(value: float | None) -> str:
    """Format a share as a percentage."""
    return "–" if value is None else f"{value:.1%}"


def number(value: float | None, digits: int = 0) -> str:
    """Format a number with separated thousands."""
    return "–" if value is None else f"{value:,.{digits}f}"
