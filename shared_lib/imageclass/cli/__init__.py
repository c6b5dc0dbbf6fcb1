"""`imageclass`: the same agents, judge and topics for people without a notebook.

Nothing heavy is imported here or in `parser`: a command's own module is, when that is called.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from imageclass.cli.parser import parse

INTERRUPTED = 130  # as a shell says it of a program that Ctrl-C has ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in `arguments`, by default the process's own, and return its exit code: 0, 1
    after an error (a sentence on standard error), 2 for wrong usage, 130 after Ctrl-C."""
    parsed = parse(arguments)
    try:
        import_module(f"imageclass.cli.{parsed.command}").run(parsed)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        from imageclass.cli.errors import sentence

        if (text := sentence(error)) is None:
            raise
        print(f"imageclass: {text}", file=sys.stderr)
        return 1
    return 0
