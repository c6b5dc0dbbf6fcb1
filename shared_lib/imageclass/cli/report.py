"""What a run shows, as a JSON document and as tables for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from imageclass.cli import output
from imageclass.cli.output import number, share
from imageclass.cli.prediction_table import rows_of, show_answers
from imageclass.cli.runs import SentRun
from imageclass.evaluation.ensembles import NEED_VALIDATION, STRATEGIES, Validation
from imageclass.evaluation.statistics import (
    Outcomes,
    accuracy_table,
    agreement_table,
    mcnemar_table,
    outcomes_of,
)
from imageclass.models import registry
from imageclass.models.registry import VersionError
from imageclass.runs.run import Run

SetAside = Sequence[dict[str, str]]  # picture, agent, reason


def judged(verdicts: Run, aside: SetAside, as_json: bool) -> None:
    """Accuracies with Wilson intervals, strategies, McNemar's tests and agreement of a run whose
    labels are known."""
    deciding = _strategies(verdicts)
    accuracies = accuracy_table(verdicts, deciding)
    about = verdicts.summary().drop("requests", "correct", "accuracy")
    agents = accuracies.filter(pl.col("kind") == "agent").join(
        about, left_on="name", right_on="agent", maintain_order="left"
    )
    by_strategy = accuracies.filter(pl.col("kind") == "strategy")
    outcomes = {**outcomes_of(verdicts), **deciding}
    content: dict[str, Any] = {
        "run": verdicts.run_id,
        "dataset": verdicts.dataset.name,
        "labelled": True,
        "requests": len(verdicts.asked),
        "missing": verdicts.missing,
        "unreadable": verdicts.invalid,
        "agents": agents.drop("kind", "undecided").to_dicts(),
        "strategies": by_strategy.drop("kind").to_dicts(),
        "mcnemar": mcnemar_table(outcomes).to_dicts(),
        "agreement": _pairs(agreement_table(outcomes_of(verdicts))),
        "set_aside": list(aside),
    }
    if verdicts.invalid:
        output.say(
            f"{verdicts.invalid} answers are damaged, or have another number of classes than the"
            f" {len(verdicts.dataset.class_names)} of the labels."
        )
    if as_json:
        output.document(content)
        return
    _head(content)
    output.table(
        "",
        ("", "answered", "missing", "right", "accuracy", "95 % interval", "p50 ms", "p99 ms"),
        [
            (
                *(row["name"], number(row["answered"]), number(row["missing"])),
                *(number(row["correct"]), share(row["accuracy"]), _interval(row)),
                *(number(row["latency_p50_ms"], 1), number(row["latency_p99_ms"], 1)),
            )
            for row in content["agents"]
        ],
    )
    if content["strategies"]:
        output.table(
            "Decided between them",
            ("", "undecided", "right", "accuracy", "95 % interval"),
            [
                (
                    *(row["name"], number(row["undecided"]), number(row["correct"])),
                    *(share(row["accuracy"]), _interval(row)),
                )
                for row in content["strategies"]
            ],
        )
    if content["mcnemar"]:
        output.table(
            "McNemar's exact test",
            ("compared", "only the first is right", "only the second", "p"),
            [
                (
                    f"{row['first']}, {row['second']}",
                    *(number(row["only_first"]), number(row["only_second"]), f"{row['p']:.2g}"),
                )
                for row in content["mcnemar"]
                if row["first"] in verdicts.agents
            ],
        )
    _agreement(content)
    _aside(content)


def unjudged(
    run: SentRun, agents: Sequence[str], answers: pl.DataFrame, aside: SetAside, as_json: bool
) -> None:
    """The answers of a run without labels, and how far the agents agree."""
    rows: list[dict[str, Any]] = []
    for agent in agents:
        own = answers.filter(pl.col("agent") == agent)
        rows.append(
            {
                "name": agent,
                "answered": len(own),
                "missing": len(run.sent.requests) - len(own),
                "mean_confidence": own["confidence"].mean(),
                "latency_p50_ms": own["latency_ms"].median(),
                "latency_p99_ms": own["latency_ms"].quantile(0.99),
            }
        )
    outcomes = {
        agent: answers.filter(pl.col("agent") == agent).rename({"name": "request_id"})
        for agent in agents
    }
    content: dict[str, Any] = {
        "run": run.sent.run_id,
        "dataset": run.sent.dataset,
        "labelled": False,
        "requests": len(run.sent.requests),
        "missing": sum(row["missing"] for row in rows),
        "agents": rows,
        "agreement": _pairs(agreement_table(outcomes)),
        "set_aside": list(aside),
        "answers": rows_of(answers, run.class_names),
    }
    if as_json:
        output.document(content)
        return
    _head(content)
    show_answers(answers, run.class_names)
    output.table(
        "",
        ("", "answered", "missing", "mean confidence", "p50 ms", "p99 ms"),
        [
            (
                *(row["name"], number(row["answered"]), number(row["missing"])),
                share(row["mean_confidence"]),
                *(number(row["latency_p50_ms"], 1), number(row["latency_p99_ms"], 1)),
            )
            for row in rows
        ],
    )
    _agreement(content)
    _aside(content)


def letters(aside: Mapping[tuple[str, str], str]) -> list[dict[str, str]]:
    """What agents set aside, for the functions above; by picture and agent, the reason."""
    return [
        {"picture": picture, "agent": agent, "reason": reason}
        for (picture, agent), reason in aside.items()
    ]


def _strategies(verdicts: Run) -> Outcomes:
    """What each strategy decides; those that need validation data only where these are here."""
    if len(verdicts.agents) < 2:
        return {}
    validation: Validation | None = None
    left_out: Exception | None = None
    try:
        validation = {agent: _version(verdicts, agent).validation() for agent in verdicts.agents}
    except VersionError as error:
        left_out = error
    decided = {}
    for name, strategy in STRATEGIES.items():
        if name in NEED_VALIDATION and left_out:
            continue
        try:
            decided[name] = strategy(verdicts, validation)
        except ValueError as error:
            if name not in NEED_VALIDATION:
                raise
            left_out = error
    if left_out:
        output.say(f"{' and '.join(sorted(NEED_VALIDATION))} are left out: {left_out}")
    return decided


def _version(verdicts: Run, agent: str) -> registry.ModelVersion:
    models = set(verdicts.frame.filter(pl.col("agent") == agent)["model"])
    if len(models) != 1:
        raise VersionError(f"{agent} answered with {len(models)} models.")
    return registry.find_version(models.pop())


def _pairs(agreement: pl.DataFrame) -> list[dict[str, Any]]:
    """Each two once, and none with itself."""
    return agreement.filter(pl.col("first") < pl.col("second")).to_dicts()


def _interval(row: dict[str, Any]) -> str:
    return f"{row['low']:.1%} – {row['high']:.1%}"


def _head(content: dict[str, Any]) -> None:
    about = f" ({content['dataset']})" if content["dataset"] else ""
    print(
        f"Run {content['run']}{about}: {content['requests']:,} pictures,"
        f" {content['missing']:,} answers missing."
    )


def _agreement(content: dict[str, Any]) -> None:
    if content["agreement"]:
        output.table(
            "Agreement",
            ("", "same answer", "Cohen's kappa"),
            [
                (f"{row['first']}, {row['second']}", share(row["share"]), number(row["kappa"], 2))
                for row in content["agreement"]
            ],
        )


def _aside(content: dict[str, Any]) -> None:
    if content["set_aside"]:
        output.table(
            "Set aside by agents",
            ("picture", "agent", "reason"),
            [(row["picture"], row["agent"], row["reason"]) for row in content["set_aside"]],
        )
