"""What a run with labels shows, as a JSON document and as tables for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from imageclass.cli import output
from imageclass.cli.output import counted, number, share
from imageclass.evaluation.ensembles import NEED_VALIDATION, STRATEGIES
from imageclass.models import registry
from imageclass.models.registry import VersionError
from imageclass.runs import outcomes
from imageclass.runs.outcomes import Outcomes, Validation
from imageclass.runs.run import Run
from imageclass.runs.tables import accuracy_table, agreement_table, mcnemar_table

DeadLetterRows = Sequence[dict[str, str]]  # image, agent, reason


def show(run: Run, dead_letters: DeadLetterRows, as_json: bool) -> None:
    """Show accuracies with Wilson intervals, strategies, McNemar's tests and agreement."""
    if run.invalid:
        output.say(
            f"Damaged, or with another number of classes than the {len(run.class_names)} of the"
            f" labels: {counted(run.invalid, 'prediction')}."
        )
    content = _content(run, dead_letters)
    if as_json:
        output.document(content)
    else:
        _print(content)


def dead_letter_rows(dead_lettered: Mapping[tuple[str, str], str]) -> list[dict[str, str]]:
    """Make rows of dead letters, given the reason by image and agent."""
    return [
        {"image": image, "agent": agent, "reason": reason}
        for (image, agent), reason in dead_lettered.items()
    ]


def pair_rows(agreement: pl.DataFrame) -> list[dict[str, Any]]:
    """Make rows of `tables.agreement_table`: each pair once, and none with itself."""
    return agreement.filter(pl.col("first") < pl.col("second")).to_dicts()


def _content(run: Run, dead_letters: DeadLetterRows) -> dict[str, Any]:
    decided = _decide(run)
    accuracies = accuracy_table(run, decided)
    counts = run.summary().drop("requests", "correct", "accuracy")
    agents = accuracies.filter(pl.col("kind") == "agent").join(
        counts, left_on="name", right_on="agent", maintain_order="left"
    )
    by_agent = outcomes.by_agent(run)
    return {
        "run": run.run_id,
        "dataset": run.dataset,
        "labelled": True,
        "requests": len(run.sent),
        "missing": run.missing,
        "unreadable": run.invalid,
        "agents": agents.drop("kind", "undecided").to_dicts(),
        "strategies": accuracies.filter(pl.col("kind") == "strategy").drop("kind").to_dicts(),
        "mcnemar": mcnemar_table({**by_agent, **decided}).to_dicts(),
        "agreement": pair_rows(agreement_table(by_agent)),
        "dead_letters": list(dead_letters),
    }


def _print(content: dict[str, Any]) -> None:
    print_head(content)
    output.table(
        "",
        ("", "answered", "missing", "correct", "accuracy", "95 % interval", "p50 ms", "p99 ms"),
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
            "Strategies",
            ("", "undecided", "correct", "accuracy", "95 % interval"),
            [
                (
                    *(row["name"], number(row["undecided"]), number(row["correct"])),
                    *(share(row["accuracy"]), _interval(row)),
                )
                for row in content["strategies"]
            ],
        )
    _print_mcnemar(content)
    print_agreement(content)
    print_dead_letters(content)


def _print_mcnemar(content: dict[str, Any]) -> None:
    """Print each agent's comparisons; those of two strategies are in the JSON document only."""
    agents = {row["name"] for row in content["agents"]}
    rows = [
        (
            f"{row['first']}, {row['second']}",
            *(number(row["only_first"]), number(row["only_second"]), f"{row['p']:.2g}"),
        )
        for row in content["mcnemar"]
        if row["first"] in agents
    ]
    if rows:
        head = ("compared", "only the first is correct", "only the second", "p")
        output.table("McNemar's exact test", head, rows)


def print_head(content: dict[str, Any]) -> None:
    """Print the run's id, its size and how many predictions are missing."""
    about = f" ({content['dataset']})" if content["dataset"] else ""
    output.result(
        f"Run {content['run']}{about}: {counted(content['requests'], 'image')},"
        f" {counted(content['missing'], 'prediction')} missing."
    )


def print_agreement(content: dict[str, Any]) -> None:
    """Print how often two agents predict the same class."""
    if content["agreement"]:
        output.table(
            "Agreement",
            ("", "same prediction", "Cohen's kappa"),
            [
                (f"{row['first']}, {row['second']}", share(row["share"]), number(row["kappa"], 2))
                for row in content["agreement"]
            ],
        )


def print_dead_letters(content: dict[str, Any]) -> None:
    """Print the images without a prediction, and why."""
    if content["dead_letters"]:
        output.table(
            "Dead letters",
            ("image", "agent", "reason"),
            [(row["image"], row["agent"], row["reason"]) for row in content["dead_letters"]],
        )


def _decide(run: Run) -> Outcomes:
    """Decide by each strategy; without validation data by those that need none."""
    if len(run.agents) < 2:
        return {}
    validation: Validation | None = None
    left_out: Exception | None = None
    try:
        validation = {agent: _version(run, agent).validation() for agent in run.agents}
    except VersionError as error:
        left_out = error
    decided = {}
    for strategy in STRATEGIES:
        if strategy in NEED_VALIDATION and left_out:
            continue
        try:
            decided[strategy] = outcomes.decide(run, strategy, validation)
        except ValueError as error:
            if strategy not in NEED_VALIDATION:
                raise
            left_out = error
    if left_out:
        output.say(f"{' and '.join(sorted(NEED_VALIDATION))} are left out: {left_out}")
    return decided


def _version(run: Run, agent: str) -> registry.ModelVersion:
    models = set(run.of_agent(agent)["model"])
    if len(models) != 1:
        raise VersionError(f"{agent} answered with {len(models)} models.")
    return registry.find_version(models.pop())


def _interval(row: dict[str, Any]) -> str:
    return f"{row['low']:.1%} – {row['high']:.1%}"
