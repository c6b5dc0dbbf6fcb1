"""What agents said to pictures, as rows: for JSON, for people, and as CSV."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from imageclass.cli import output
from imageclass.cli.runs import SentRun
from imageclass.runs.export import write_whole

_SHOWN = 40


def rows_of(answers: pl.DataFrame, class_names: Sequence[str] | None) -> list[dict[str, Any]]:
    """A dict for each row of `asking.answers`, and `class` in it: the class's name, None where that
    is not known."""
    rows = answers.to_dicts()
    for row in rows:
        row["class"] = _name(class_names, row["predicted"])
    return rows


def show_answers(answers: pl.DataFrame, class_names: Sequence[str] | None) -> None:
    """The first of them for people: a row for each picture, a column for each agent."""
    agents = sorted(set(answers["agent"]))
    said: dict[str, dict[str, str]] = {}
    for row in rows_of(answers, class_names):
        text = f"{row['class'] or row['predicted']} ({row['confidence']:.0%})"
        said.setdefault(row["name"], {})[row["agent"]] = text
    output.table(
        "",
        ("picture", *agents),
        ((name, *(said[name].get(a, "–") for a in agents)) for name in list(said)[:_SHOWN]),
    )
    if len(said) > _SHOWN:
        output.say(f"… and {len(said) - _SHOWN} pictures more: judge's --csv has all of them.")


def write_csv(path: Path, run: SentRun, agents: Sequence[str], answers: pl.DataFrame) -> None:
    """A row for each picture and agent: name, agent, label and label_name (empty if there are
    none); and, empty where no answer has come, predicted, predicted_name, confidence, latency_ms,
    model, and p_0, p_1, … for the classes' probabilities. Raises `OSError`."""
    names = list(run.sent.requests)
    labels = [(run.labels or {}).get(name) for name in names]
    classes = max([0, *answers["probabilities"].list.len()])

    def named(column: str) -> pl.Series:
        return pl.Series(
            f"{column}_name", [_name(run.class_names, i) for i in table[column]], pl.String
        )

    table = (
        pl.DataFrame({"name": names, "label": pl.Series(labels, dtype=pl.Int64)})
        .join(pl.DataFrame({"agent": list(agents)}), how="cross", maintain_order="left_right")
        .join(answers, on=["name", "agent"], how="left", maintain_order="left")
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
    write_whole(path, table.write_csv())


def _name(class_names: Sequence[str] | None, index: int | None) -> str | None:
    if class_names is None or index is None or index >= len(class_names):
        return None
    return class_names[index]
