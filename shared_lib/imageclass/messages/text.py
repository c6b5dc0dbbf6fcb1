"""Text that others wrote, made fit for a terminal and a table."""

import re

# Control characters (C0, DEL and C1: they move a terminal's cursor, ring its bell, rename its
# window), half characters, line separators, and what turns the direction of writing around.
_UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]"
)


def printable(text: str) -> str:
    """Return text with escapes (`\\x1b`, `\\u202e`) for what a terminal would obey or not show.

    Args:
        text: one line; a line break becomes an escape too.
    """
    return _UNFIT.sub(_escape, text)


def printable_json(document: str) -> str:
    """Return a JSON document with JSON's own escapes for the same; its breaks of lines stay."""
    return _UNFIT.sub(
        lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", document
    )


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
