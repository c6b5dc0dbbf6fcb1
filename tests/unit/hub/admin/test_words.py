"""Durations and amounts as a person reads them."""

import pytest

from hub.admin import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "< 1 min"),
        (59, "< 1 min"),
        (60, "1 min"),
        (3599, "59 min"),
        (7500, "2 h 5 min"),
        (86399, "23 h 59 min"),
        (86400, "1 day"),
        (5 * 86400 + 1, "5 days"),
    ],
)
def test_a_duration(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


def test_an_editor_that_is_kept() -> None:
    assert words.idleness(7500, None) == "2 h 5 min"
    assert words.idleness(7500, 3600) == "2 h 5 min, kept for 1 h 0 min"


def test_memory() -> None:
    assert words.memory(None, 2**32) == "–"
    assert words.memory(3 * 2**29, 2**32) == "1.5 of 4.0 GB"
    assert words.memory(40 * 2**20, None) == "40 MB"
    assert words.memory(40 * 2**20, 2**29) == "40 of 512 MB"
    assert words.memory(2**30, 64 * 2**30) == "1.0 of 64 GB"


def test_processors() -> None:
    assert words.processors(None, 2) == "–"
    assert words.processors(1.26, 2) == "1.3 of 2"
    assert words.processors(0.04, None) == "0.0"
