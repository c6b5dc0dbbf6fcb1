"""Exported runs: JSON and CSV files."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from imageclass.runs import export
from imageclass.runs.export import ExportError
from imageclass.runs.run import SCHEMA, Run
from mosshub_contract import files

from tests.support.runs import BEE, make_dataset, make_run


def test_json_comes_back_as_it_went(run: Run, tmp_path: Path) -> None:
    export.write_json(run, tmp_path / "run.json")
    got = export.read_json(tmp_path / "run.json", make_dataset([0, 1, 2]))
    assert got.predictions.equals(run.predictions)
    assert got.predictions.schema == SCHEMA
    assert (got.run_id, got.agents, got.sent) == (run.run_id, run.agents, run.sent)
    assert (got.duplicates, got.invalid, got.missing) == ({"a": 3}, 2, 3)


def test_csv_has_a_row_for_each_request_and_agent(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "run [1].csv"
    unnamed = run.predictions.with_columns(model=pl.col("model").replace("hash-b", ""))
    run = replace(run, predictions=unnamed)
    export.write_csv(run, path)
    table = pl.read_csv(path.read_bytes())
    assert table.select("request_id", "agent", "label_name", "predicted_name").rows() == [
        ("q0", "a", "ant", "ant"), ("q0", "b", "ant", "cat"), ("q1", "a", "bee", "bee"),
        ("q1", "b", "bee", None), ("q2", "a", "cat", None), ("q2", "b", "cat", None),
    ]  # fmt: skip
    assert table["sent_ms"].to_list() == [1000.0] * 6
    got = export.read_csv(path)
    assert got.equals(run.predictions.sort("request_id", "agent"))
    assert got.schema == SCHEMA


def test_empty_runs_and_awkward_names_come_back_too(tmp_path: Path) -> None:
    none = make_run([0], {"a": [None]})
    export.write_json(none, tmp_path / "none.json")
    export.write_csv(none, tmp_path / "none.csv")
    got = export.read_json(tmp_path / "none.json", make_dataset([0]))
    assert got.predictions.equals(none.predictions)
    assert export.read_csv(tmp_path / "none.csv").schema == SCHEMA
    named = replace(make_run([0], {"a": [BEE]}), class_names=('a "b", c', "ü\nx", ""))
    export.write_csv(named, tmp_path / "named.csv")
    assert export.read_csv(tmp_path / "named.csv").equals(named.predictions)


def test_a_failed_export_leaves_the_old_file_alone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    path.write_text("older")

    def full(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        export.write_json(run, path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["older"]
    monkeypatch.undo()
    export.write_json(run, path)
    assert json.loads(path.read_text())["run_id"] == "run"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": "other"}', '{"format": "imageclass verdicts 1"}']
)
def test_files_of_others_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(ExportError, match=str(path)):
        export.read_json(path, make_dataset([0]))
    with pytest.raises(ExportError, match="not a CSV file of verdicts"):
        export.read_csv(path)


def test_a_run_about_other_images_is_refused(run: Run, tmp_path: Path) -> None:
    export.write_json(run, tmp_path / "run.json")
    with pytest.raises(ExportError, match="other classes"):
        export.read_json(tmp_path / "run.json", make_dataset([0], ("ant", "bee", "dog")))
