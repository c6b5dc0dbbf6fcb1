"""Predictions for image files as rows: for JSON, for people, and as CSV."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from mosshub_contract.files import write_atomically

from imageclass.cli import output
from imageclass.cli.runs import SentRun

_MAX_ROWS = 40  # that are printed


def prediction_rows(
    predictions: pl.DataFrame, class_names: Sequence[str] | None
) -> list[dict[str, Any]]:
    """Make a dict of each row of `classify.collect`, with the name of the predicted class.

    The name is in `class`; it is None where it is unknown.
    """
    rows = predictions.to_dicts()
    for row in rows:
        row["class"] = _class_name(class_names, row["predicted"])
    return rows


def print_predictions(predictions: pl.DataFrame, class_names: Sequence[str] | None) -> None:
    """Print a row for each image and a column for each agent, for the first images."""
    agents = sorted(set(predictions["agent"]))
    cells: dict[str, dict[str, str]] = {}
    for row in prediction_rows(predictions, class_names):
        text = f"{row['class'] or row['predicted']} ({row['confidence']:.0%})"
        cells.setdefault(row["name"], {})[row["agent"]] = text
    output.table(
        "",
        ("image", *agents),
        ((name, *(cells[name].get(a, "–") for a in agents)) for name in list(cells)[:_MAX_ROWS]),
    )
    if len(cells) > _MAX_ROWS:
        more = output.counted(len(cells) - _MAX_ROWS, "more image")
        output.say(f"… and {more}: judge's --csv has all of them.")


def write_csv(path: Path, run: SentRun, agents: Sequence[str], predictions: pl.DataFrame) -> None:
    """Write a row for each image and agent to a CSV file.

    The columns are name, agent, label and label_name (empty if there are none); and, empty where
    the prediction is missing, predicted, predicted_name, confidence, latency_ms, model, and p_0,
    p_1, … for the classes' probabilities.

    Raises:
        OSError: the file cannot be written.
    """
    names = list(run.submitted.requests)
    labels = [(run.labels or {}).get(name) for name in names]
    classes = max([0, *predictions["probabilities"].list.len()])

    def named(column: str) -> pl.Series:
        indices = table[column]
        classes_of = [_class_name(run.class_names, index) for index in indices]
        return pl.Series(f"{column}_name", classes_of, pl.String)

    table = (
        pl.DataFrame({"name": names, "label": pl.Series(labels, dtype=pl.Int64)})
        .join(pl.DataFrame({"agent": list(agents)}), how="cross", maintain_order="left_right")
        .join(predictions, on=["name", "agent"], how="left", maintain_order="left")
        .with_columns(
            pl.col("probabilities").list.get(number, null_on_oob=True).alias(f"p_{number}")
            for number in range(classes)
        )
    )
    table = table.with_columns(named("label"), named("predicted")).select(
        *("name", "agent", "label", "label_name", "predicted", "predicted_name"),
        *("confidence", "latency_ms", "model"),
        *(f"p_{number}" for number in range(classes)),
    )
    write_atomically(path, table.write_csv())


def _class_name(class_names: Sequence[str] | None, index: int | None) -> str | None:
    if class_names is None or index is None or index >= len(class_names):
        return None
    return class_names[index]
