"""Write a run to a file and read it again: CSV for tables and people, JSON for everything.

Numbers are written in full, so reading gives back the same ones. A file is written completely or
not at all.
"""

import json
from pathlib import Path
from typing import Any

import polars as pl
from mosshub_contract.files import write_atomically

from imageclass.data.datasets import Dataset
from imageclass.runs.run import SCHEMA, Run, SentRequest

FORMAT = "imageclass verdicts 1"


class ExportError(Exception):
    """A file cannot be read; the text says which and why."""


def csv_text(run: Run) -> str:
    """Return a run as CSV, a row for each request and agent.

    The columns are run_id, request_id, agent, index, label, label_name, sent_ms; and, empty where
    the prediction is missing, predicted, predicted_name, confidence, correct, latency_ms, model,
    and p_0, p_1, … for the classes' probabilities.
    """
    names = list(run.class_names)
    requests = pl.DataFrame(
        [(request, one.index, one.label, one.sent_ms) for request, one in run.sent.items()],
        schema={
            "request_id": pl.String,
            "index": pl.Int64,
            "label": pl.Int64,
            "sent_ms": pl.Float64,
        },
        orient="row",
    )
    agents = pl.DataFrame({"agent": list(run.agents)}, schema={"agent": pl.String})
    predictions = run.predictions.drop("index", "label").with_columns(
        pl.col("probabilities").list.get(number).alias(f"p_{number}")
        for number in range(len(names))
    )

    def name(column: str) -> pl.Expr:
        named = pl.col(column).replace_strict(range(len(names)), names, return_dtype=pl.String)
        return named.alias(f"{column}_name")

    table = (
        requests.join(agents, how="cross", maintain_order="left_right")
        .join(predictions, on=["request_id", "agent"], how="left", maintain_order="left")
        .with_columns(pl.lit(run.run_id).alias("run_id"), name("label"), name("predicted"))
        .select(
            *("run_id", "request_id", "agent", "index", "label", "label_name", "sent_ms"),
            *("predicted", "predicted_name", "confidence", "correct", "latency_ms", "model"),
            *(f"p_{number}" for number in range(len(names))),
        )
    )
    return table.write_csv()


def write_csv(run: Run, path: str | Path) -> None:
    """Write `csv_text` to a file. Raises `OSError`."""
    write_atomically(Path(path), csv_text(run))


def read_csv(path: str | Path) -> pl.DataFrame:
    """Read the predictions in a file of `write_csv`.

    Returns:
        A frame like `Run.predictions`, in the order of sending.

    Raises:
        OSError: the file cannot be opened.
        ExportError: it is not such a file.
    """
    path = Path(path)
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


def json_text(run: Run) -> str:
    """Return a run as a JSON object.

    Its fields are format, run_id, dataset, class_names, agents, duplicates, invalid, requests (by
    id: index, label, sent_ms) and answers (objects like the rows of `Run.predictions`, without
    index and label).
    """
    content = {
        "format": FORMAT,
        "run_id": run.run_id,
        "dataset": run.dataset,
        "class_names": run.class_names,
        "agents": run.agents,
        "duplicates": run.duplicates,
        "invalid": run.invalid,
        "requests": {
            request: {"index": one.index, "label": one.label, "sent_ms": one.sent_ms}
            for request, one in run.sent.items()
        },
        "answers": run.predictions.drop("index", "label").to_dicts(),
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(run: Run, path: str | Path) -> None:
    """Write `json_text` to a file. Raises `OSError`."""
    write_atomically(Path(path), json_text(run))


def read_json(path: str | Path, dataset: Dataset) -> Run:
    """Read the run in a file of `write_json`.

    Args:
        path: the file.
        dataset: the data set that the run is about.

    Raises:
        OSError: the file cannot be opened.
        ExportError: it is not such a file, or about another data set or other classes.
    """
    path = Path(path)
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        if content["format"] != FORMAT:
            raise ExportError(f"{path} has the format {content['format']!r}, not {FORMAT!r}.")
        named = (content["dataset"], tuple(content["class_names"]))
        if named != (dataset.name, dataset.class_names):
            raise ExportError(f"{path} is about {named[0]}, not {dataset.name}, or other classes.")
        requests = {request: SentRequest(**one) for request, one in content["requests"].items()}
        rows = [
            {**answer, "index": sent.index, "label": sent.label}
            for answer in content["answers"]
            for sent in [requests[answer["request_id"]]]
        ]
        return Run(
            content["run_id"],
            dataset.name,
            dataset.class_names,
            tuple(content["agents"]),
            requests,
            pl.DataFrame(rows, schema=SCHEMA),
            content["duplicates"],
            content["invalid"],
        )
    except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise ExportError(f"{path} is not a JSON file of verdicts: {error!r}") from error
