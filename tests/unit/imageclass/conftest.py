"""What tests of several rooms of the library share."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from imageclass.runs.run import Run

from tests.support.runs import BEE, CAT, THIRD, make_run


@pytest.fixture
def run() -> Run:
    """A run with missing and repeated answers, and with numbers that have no short decimal."""
    found = make_run([0, 1, 2], {"a": [[THIRD, 0.1, 1e-30], BEE, None], "b": [CAT, None, None]})
    slower = found.predictions.with_columns(latency_ms=pl.col("latency_ms") + THIRD)
    return replace(found, duplicates={"a": 3}, invalid=2, predictions=slower)


@pytest.fixture
def runs_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which the command saves runs."""
    monkeypatch.setenv("MOSSHUB_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"
