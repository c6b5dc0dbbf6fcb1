"""Runs that the command saves."""

from __future__ import annotations

from pathlib import Path

import pytest
from imageclass.cli import runs
from imageclass.cli.errors import CommandError
from imageclass.runs.classify import SubmittedRun


def sent_run(run_id: str) -> runs.SentRun:
    sent = SubmittedRun(
        run_id,
        {"cat/ä.png": "r-0", "dog/1.png": "r-1"},
        dataset="pets",
        sent_ms={"r-0": 1.5, "r-1": 2.5},
        starts={0: 7, 3: 0},
    )
    return runs.SentRun(sent, ("cat", "dog"), {"cat/ä.png": 0, "dog/1.png": 1})


def test_a_run_is_saved_as_it_was(runs_directory: Path) -> None:
    run = sent_run("abc123")
    assert runs.save(run) == runs_directory / "abc123.json"
    assert runs.load("abc123") == runs.load("ab") == run
    plain = runs.SentRun(SubmittedRun("b", {"1.png": "r-0"}, sent_ms={"r-0": 1.0}))
    runs.save(plain)
    assert runs.load("b") == plain  # no labels are not labels of nothing


def test_a_run_that_is_not_there_is_named(runs_directory: Path) -> None:
    with pytest.raises(CommandError, match=r"no run 'abc' in .*runs\. The newest there: none\."):
        runs.load("abc")
    for run_id in ("abc1", "abc2", "abc"):
        runs.save(sent_run(run_id))
    assert runs.load("abc").submitted.run_id == "abc"  # the whole id comes first
    with pytest.raises(CommandError, match="Several runs begin with 'ab'"):
        runs.load("ab")
    with pytest.raises(CommandError, match=r"no run '\.\./abc'"):
        runs.load("../abc")
    (runs_directory / "abc1.json").write_text('{"format": "other"}')
    with pytest.raises(CommandError, match=r"abc1\.json is not a saved run .*'other'"):
        runs.load("abc1")
