"""Build stand-ins by hand: `python -m tests.standins [TAG ...]`, all of them without a TAG."""

import sys

from . import RECIPES, ensure

if __name__ == "__main__":
    try:
        ensure(*(sys.argv[1:] or RECIPES))
    except (ValueError, RuntimeError) as error:
        sys.exit(f"standins: {error}")
