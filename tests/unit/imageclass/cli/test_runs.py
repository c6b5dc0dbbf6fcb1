"""Runs that the command remembers."""

from __future__ import annotations

from pathlib import Path

import pytest
from imageclass.cli import runs
from imageclass.cli.errors import CommandError
from imageclass.runs.classify import SubmittedRun


def remembered(run_id: str) -> runs.SentRun:
    sent = SubmittedRun(
        run_id,
        {"cat/ä.png": "r-0", "dog/1.png": "r-1"},
        dataset="pets",
        sent_ms={"r-0": 1.5, "r-1": 2.5},
        starts={0: 7, 3: 0},
    )
    return runs.SentRun(sent, ("cat", "dog"), {"cat/ä.png": 0, "dog/1.png": 1})


def test_a_run_is_remembered_as_it_was(runs_directory: Path) -> None:
    run = remembered("abc123")
    assert runs.remember(run) == runs_directory / "abc123.json"
    assert runs.recall("abc123") == runs.recall("ab") == run
    plain = runs.SentRun(SubmittedRun("b", {"1.png": "r-0"}, sent_ms={"r-0": 1.0}))
    runs.remember(plain)
    assert runs.recall("b") == plain  # no labels are not labels of nothing


def test_a_run_that_is_not_there_is_named(runs_directory: Path) -> None:
    with pytest.raises(CommandError, match=r"no run 'abc' in .*runs\. The newest there: none\."):
        runs.recall("abc")
    for run_id in ("abc1", "abc2", "abc"):
        runs.remember(remembered(run_id))
    assert runs.recall("abc").sent.run_id == "abc"  # the whole id comes first
    with pytest.raises(CommandError, match="Several runs begin with 'ab'"):
        runs.recall("ab")
    with pytest.raises(CommandError, match=r"no run '\.\./abc'"):
        runs.recall("../abc")
    (runs_directory / "abc1.json").write_text('{"format": "other"}')
    with pytest.raises(CommandError, match=r"abc1\.json is not a remembered run .*'other'"):
        runs.recall("abc1")
