"""What leaves the judge: files, announcements, charts."""

import json
from dataclasses import replace
from pathlib import Path

import altair as alt
import numpy as np
import polars as pl
import pytest
from imageclass.charts import runs as run_charts
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.verdicts import decode_verdict, encode_verdict
from imageclass.runs import export, outcomes
from imageclass.runs.export import ExportError
from imageclass.runs.run import SCHEMA, Run
from imageclass.runs.verdicts import encode_verdicts
from mosshub_contract import files

from tests.hand_made import dataset, run_of

ANT, BEE, CAT = np.eye(3)
THIRD = 1 / 3  # no short decimal


@pytest.fixture
def run() -> Run:
    found = run_of([0, 1, 2], {"a": [[THIRD, 0.1, 1e-30], BEE, None], "b": [CAT, None, None]})
    slower = found.predictions.with_columns(latency_ms=pl.col("latency_ms") + THIRD)
    return replace(found, duplicates={"a": 3}, invalid=2, predictions=slower)


def test_json_comes_back_as_it_went(run: Run, tmp_path: Path) -> None:
    export.write_json(run, tmp_path / "run.json")
    got = export.read_json(tmp_path / "run.json", dataset([0, 1, 2]))
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
    none = run_of([0], {"a": [None]})
    export.write_json(none, tmp_path / "none.json")
    export.write_csv(none, tmp_path / "none.csv")
    assert export.read_json(tmp_path / "none.json", dataset([0])).predictions.equals(
        none.predictions
    )
    assert export.read_csv(tmp_path / "none.csv").schema == SCHEMA
    named = replace(run_of([0], {"a": [BEE]}), class_names=('a "b", c', "ü\nx", ""))
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
        export.read_json(path, dataset([0]))
    with pytest.raises(ExportError, match="not a CSV file of verdicts"):
        export.read_csv(path)


def test_a_run_about_other_images_is_refused(run: Run, tmp_path: Path) -> None:
    export.write_json(run, tmp_path / "run.json")
    with pytest.raises(ExportError, match="other classes"):
        export.read_json(tmp_path / "run.json", dataset([0], ("ant", "bee", "dog")))


def test_every_request_is_announced(run: Run) -> None:
    decided_by_majority = outcomes.decide(run, "majority vote")
    messages = encode_verdicts(run, decided_by_majority, "majority vote")
    assert list(messages) == ["q0", "q1", "q2"]
    decided, alone, undecided = (decode_verdict(value) for value in messages.values())
    assert (decided.run, decided.request, decided.dataset) == ("run", "q0", "hand-made")
    assert (decided.strategy, decided.index, decided.sent_ms) == ("majority vote", 0, 1000.0)
    assert (decided.label_name, decided.predicted_name, decided.correct) == ("ant", "cat", False)
    assert decided.confidence == 1.0
    (first, second) = decided.answers
    assert (first.agent, first.model, first.predicted, first.correct) == ("a", "hash-a", 0, True)
    assert first.confidence == pytest.approx(THIRD)
    assert first.latency_ms == 10 + THIRD
    assert second.agent == "b"
    assert alone.correct is True
    assert (undecided.predicted, undecided.confidence, undecided.correct) == (None, None, None)
    assert undecided.answers == ()
    for value in messages.values():
        assert encode_verdict(decode_verdict(value)) == value


ANSWER = {
    "agent": "a", "model": "", "predicted": 0, "confidence": 0.5, "correct": True, "latency_ms": 1,
}  # fmt: skip
VERDICT = {
    "version": 1, "run": "r", "request": "q", "dataset": "d", "strategy": "s", "index": 0,
    "sent_ms": 1000.5, "label": 0, "label_name": "ant", "predicted": 0, "predicted_name": "ant",
    "confidence": 1, "correct": True, "answers": [ANSWER],
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"version": None},
        {"run": ""},
        {"run": 7},
        {"index": -1},
        {"index": 1.5},
        {"index": True},
        {"sent_ms": float("nan")},
        {"sent_ms": float("inf")},
        {"sent_ms": 10**400},
        {"label": "0"},
        {"label_name": "x" * 2_000},
        {"predicted": None},
        {"predicted": 1},
        {"confidence": 1.01},
        {"confidence": "1"},
        {"correct": 1},
        {"correct": False},
        {"answers": None},
        {"answers": [ANSWER, None]},
        {"answers": [ANSWER | {"confidence": -0.1}]},
        {"answers": [ANSWER | {"more": 1}]},
        {"answers": [{"agent": "a"}]},
        {"more": 1},
    ],
    ids=str,
)
def test_malformed_verdicts_are_refused(changes: dict) -> None:
    assert decode_verdict(json.dumps(VERDICT).encode()).answers[0].agent == "a"  # the near miss
    with pytest.raises(InvalidMessage):
        decode_verdict(json.dumps(VERDICT | changes).encode())


@pytest.mark.parametrize("missing", VERDICT)
def test_no_field_may_be_missing(missing: str) -> None:
    rest = {name: content for name, content in VERDICT.items() if name != missing}
    with pytest.raises(InvalidMessage):
        decode_verdict(json.dumps(rest).encode())


@pytest.mark.parametrize(
    "value",
    [None, b"", b"hello", b"\xff\xfe", b"7", b"[" * 100_000, b" " * 2_000_000, b'{"a":NaN}'],
)
def test_what_is_no_verdict_is_refused(value: bytes | None) -> None:
    with pytest.raises(InvalidMessage):
        decode_verdict(value)


def drawn(chart: alt.Chart | alt.LayerChart | alt.FacetChart) -> list[dict]:
    """The rows of the chart's own data, after altair has checked it against its schema."""
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def test_bars_count_correct_and_wrong() -> None:
    bars = drawn(run_charts.correct_and_wrong(run_of([1, 2, 0, 1], {"a": [BEE, CAT, BEE, BEE]})))
    assert {(bar["label"], bar["prediction"], bar["images"]) for bar in bars} == {
        ("bee", "correct", 2), ("cat", "correct", 1), ("ant", "wrong", 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    "verdicts",
    [
        pytest.param(run_of([0, 1, 2], {"a": [ANT, CAT, CAT], "b": [BEE, BEE, BEE]}), id="two"),
        pytest.param(run_of([0, 1], {"a": [ANT, CAT]}), id="one agent"),
        pytest.param(run_of([0, 1], {"a": [ANT, BEE], "b": [None, None]}), id="one is silent"),
        pytest.param(run_of([0, 1], {"a": [None, None], "b": [None, None]}), id="no answers"),
    ],
)
def test_every_chart_can_be_drawn_of_every_run(verdicts: Run) -> None:
    voted = {"soft vote": outcomes.decide(verdicts, "soft vote")}
    compared = {**outcomes.by_agent(verdicts), **voted}
    answered = not verdicts.predictions.is_empty()
    assert bool(drawn(run_charts.correct_and_wrong(verdicts))) == answered
    names = {row["name"] for row in drawn(run_charts.accuracies(verdicts, voted))}
    assert ("soft vote" in names) == answered
    assert bool(drawn(run_charts.agreement_matrix(compared))) == answered
    assert bool(drawn(run_charts.class_heat_map(verdicts, voted))) == answered
    assert bool(drawn(run_charts.latencies(verdicts))) == answered
    diagonal = {"confidence": 1.0, "accuracy": 1.0}
    assert diagonal in drawn(run_charts.reliability_diagram(compared))
