"""What a run without labels shows, as a JSON document and as tables for people."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from imageclass.cli import output
from imageclass.cli.output import number, share
from imageclass.cli.prediction_table import prediction_rows, print_predictions
from imageclass.cli.report import (
    DeadLetterRows,
    pair_rows,
    print_agreement,
    print_dead_letters,
    print_head,
)
from imageclass.cli.runs import SentRun
from imageclass.runs.tables import agreement_table


def show(
    run: SentRun,
    agents: Sequence[str],
    predictions: pl.DataFrame,
    dead_letters: DeadLetterRows,
    as_json: bool,
) -> None:
    """Show the predictions (see `classify.collect`), and how often the agents agree."""
    content = _content(run, agents, predictions, dead_letters)
    if as_json:
        output.document(content)
        return
    print_head(content)
    print_predictions(predictions, run.class_names)
    output.table(
        "",
        ("", "answered", "missing", "mean confidence", "p50 ms", "p99 ms"),
        [
            (
                *(row["name"], number(row["answered"]), number(row["missing"])),
                share(row["mean_confidence"]),
                *(number(row["latency_p50_ms"], 1), number(row["latency_p99_ms"], 1)),
            )
            for row in content["agents"]
        ],
    )
    print_agreement(content)
    print_dead_letters(content)


def _content(
    run: SentRun, agents: Sequence[str], predictions: pl.DataFrame, dead_letters: DeadLetterRows
) -> dict[str, Any]:
    submitted = run.submitted
    by_agent = {agent: predictions.filter(pl.col("agent") == agent) for agent in agents}
    rows: list[dict[str, Any]] = [
        {
            "name": agent,
            "answered": len(own),
            "missing": len(submitted.requests) - len(own),
            "mean_confidence": own["confidence"].mean(),
            "latency_p50_ms": own["latency_ms"].median(),
            "latency_p99_ms": own["latency_ms"].quantile(0.99),
        }
        for agent, own in by_agent.items()
    ]
    outcomes = {agent: own.rename({"name": "request_id"}) for agent, own in by_agent.items()}
    return {
        "run": submitted.run_id,
        "dataset": submitted.dataset,
        "labelled": False,
        "requests": len(submitted.requests),
        "missing": sum(row["missing"] for row in rows),
        "agents": rows,
        "agreement": pair_rows(agreement_table(outcomes)),
        "dead_letters": list(dead_letters),
        "answers": prediction_rows(predictions, run.class_names),
    }
