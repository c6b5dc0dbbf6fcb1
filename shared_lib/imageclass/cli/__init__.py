"""The command `imageclass`: agents, judge and topics without a notebook.

Nothing heavy is imported here or in `parser`; a command's own module is imported when it runs.
"""

import io
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import TextIO

from imageclass.cli.parser import parse

INTERRUPTED = 130  # a shell's exit code of a program that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the command and its arguments, by default those of this process.

    Returns:
        The exit code: 0, 1 after an error (a sentence on standard error), 130 after Ctrl-C.

    Raises:
        SystemExit: with 2 for wrong usage, with 0 after --help.
    """
    parsed = parse(arguments)
    _show_everything()
    try:
        import_module(f"imageclass.cli.{parsed.command}").run(parsed)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        from imageclass.cli.errors import sentence

        if (text := sentence(error)) is None:
            raise
        from imageclass.messages.text import printable

        print(f"imageclass: {printable(text)}", file=sys.stderr)
        return 1
    return 0


def _show_everything() -> None:
    """Escape characters that a terminal's encoding lacks; say in a sentence what was skipped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    show = warnings.showwarning

    def say(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if category.__name__ != "SkippedRecords":  # not imported: that takes half a second
            return show(message, category, filename, lineno, file, line)
        from imageclass.cli import output

        return output.say(str(message))

    warnings.showwarning = say
