"""Text of others in a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from imageclass.messages.text import printable, printable_json

NASTY = {
    "\x1b[2J\x07": r"\x1b[2J\x07",  # clears the screen and rings
    "\x1b]0;title\x07": r"\x1b]0;title\x07",
    "\x9b31m": r"\x9b31m",  # the same in one character
    "gnp\u202epng": r"gnp\u202epng",  # turns what follows around
    "a\u2067b\u2069": r"a\u2067b\u2069",
    "a\nb\r\tc": r"a\x0ab\x0d\x09c",
    "a\u2028b": r"a\u2028b",
    "\ud800": r"\ud800",
    "\x7f": r"\x7f",
}


@pytest.mark.parametrize("text", NASTY)
def test_what_a_terminal_would_obey_becomes_an_escape(text: str) -> None:
    assert printable(text) == NASTY[text]
    document = json.dumps({"text": text}, ensure_ascii=False, indent=1)
    shown = printable_json(document)
    assert json.loads(shown) == {"text": text}
    assert shown.replace("\n", "").isprintable()
    shown.encode()


@pytest.mark.parametrize(
    "text", ["", "Größe 28×28 – 92 %", "数字 7", "👩\u200d🔬", "שלום", "e\u0301"]
)
def test_all_writing_stays(text: str) -> None:
    assert printable(text) == text


def test_no_control_character_is_left() -> None:
    everything = "".join(map(chr, range(0x11_0000)))
    left = printable(everything)
    assert not {c for c in left if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")}
    turning = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    assert not {c for c in left if unicodedata.bidirectional(c) in turning}
