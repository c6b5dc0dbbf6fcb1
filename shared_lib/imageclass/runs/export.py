"""A run as a file: CSV for tables and people, JSON for everything there is to know.

Numbers are written in full, so that reading gives back the very same. A file is there whole or
not at all: it is written beside its place and then moved there.
"""

import json
import os
import uuid
from pathlib import Path
from typing import Any

import polars as pl

from imageclass.data.datasets import Dataset
from imageclass.runs.run import SCHEMA, Run, SentRequest

FORMAT = "imageclass verdicts 1"


class ExportError(Exception):
    """A file cannot be read as what it should be; the text says which and why."""


def csv_text(verdicts: Run) -> str:
    """As CSV, a row for each request and agent: run_id, request_id, agent, index, label,
    label_name, sent_ms; and, empty where no answer has come, predicted, predicted_name,
    confidence, correct, latency_ms, model, and p_0, p_1, … for the classes' probabilities."""
    names = list(verdicts.dataset.class_names)
    asked = pl.DataFrame(
        [(request, one.index, one.label, one.sent_ms) for request, one in verdicts.asked.items()],
        schema={
            "request_id": pl.String,
            "index": pl.Int64,
            "label": pl.Int64,
            "sent_ms": pl.Float64,
        },
        orient="row",
    )
    agents = pl.DataFrame({"agent": list(verdicts.agents)}, schema={"agent": pl.String})
    answers = verdicts.frame.drop("index", "label").with_columns(
        pl.col("probabilities").list.get(number).alias(f"p_{number}")
        for number in range(len(names))
    )

    def name(column: str) -> pl.Expr:
        named = pl.col(column).replace_strict(range(len(names)), names, return_dtype=pl.String)
        return named.alias(f"{column}_name")

    table = (
        asked.join(agents, how="cross", maintain_order="left_right")
        .join(answers, on=["request_id", "agent"], how="left", maintain_order="left")
        .with_columns(pl.lit(verdicts.run_id).alias("run_id"), name("label"), name("predicted"))
        .select(
            *("run_id", "request_id", "agent", "index", "label", "label_name", "sent_ms"),
            *("predicted", "predicted_name", "confidence", "correct", "latency_ms", "model"),
            *(f"p_{number}" for number in range(len(names))),
        )
    )
    return table.write_csv()


def write_csv(verdicts: Run, path: Path) -> None:
    """Write `csv_text` to a file. Raises `OSError`."""
    write_whole(path, csv_text(verdicts))


def read_csv(path: Path) -> pl.DataFrame:
    """The answers in a file of `write_csv`, as a frame like `Verdicts.frame`, in order of asking.
    Raises `OSError`, and `ExportError` if it is not such a file."""
    plain = {name: kind for name, kind in SCHEMA.items() if name != "probabilities"}
    text = path.read_bytes()
    try:
        header = pl.read_csv(text, n_rows=0).columns
        classes = [name for name in header if name.startswith("p_")]
        kinds = {**plain, **dict.fromkeys(classes, pl.Float32)}
        table = pl.read_csv(text, schema_overrides=kinds)
        return (
            table.filter(pl.col("predicted").is_not_null())
            .with_columns(probabilities=pl.concat_list(classes))
            .select(list(SCHEMA))
        )
    except pl.exceptions.PolarsError as error:
        raise ExportError(f"{path} is not a CSV file of verdicts: {error}") from error


def json_text(verdicts: Run) -> str:
    """As JSON, an object with format, run_id, dataset, class_names, agents, duplicates, invalid,
    requests (by id: index, label, sent_ms) and answers (objects as the rows of
    `Verdicts.frame`, without what the request says)."""
    content = {
        "format": FORMAT,
        "run_id": verdicts.run_id,
        "dataset": verdicts.dataset.name,
        "class_names": verdicts.dataset.class_names,
        "agents": verdicts.agents,
        "duplicates": verdicts.duplicates,
        "invalid": verdicts.invalid,
        "requests": {
            request: {"index": one.index, "label": one.label, "sent_ms": one.sent_ms}
            for request, one in verdicts.asked.items()
        },
        "answers": verdicts.frame.drop("index", "label").to_dicts(),
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(verdicts: Run, path: Path) -> None:
    """Write `json_text` to a file. Raises `OSError`."""
    write_whole(path, json_text(verdicts))


def read_json(path: Path, dataset: Dataset) -> Run:
    """The `Verdicts` in a file of `write_json`; `dataset` is the one they are about.

    Raises `OSError`, and `ExportError` if it is not such a file or about another data set.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        if content["format"] != FORMAT:
            raise ExportError(f"{path} has the format {content['format']!r}, not {FORMAT!r}.")
        named = (content["dataset"], tuple(content["class_names"]))
        if named != (dataset.name, dataset.class_names):
            raise ExportError(f"{path} is about {named[0]}, not {dataset.name}, or other classes.")
        requests = {request: SentRequest(**one) for request, one in content["requests"].items()}
        rows = [
            {**answer, "index": asked.index, "label": asked.label}
            for answer in content["answers"]
            for asked in [requests[answer["request_id"]]]
        ]
        return Run(
            content["run_id"],
            dataset,
            tuple(content["agents"]),
            requests,
            pl.DataFrame(rows, schema=SCHEMA),
            content["duplicates"],
            content["invalid"],
        )
    except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise ExportError(f"{path} is not a JSON file of verdicts: {error!r}") from error


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path`, or leave what is there untouched. Raises `OSError`."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
