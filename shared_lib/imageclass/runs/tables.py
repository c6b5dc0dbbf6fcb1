"""Tables about a run: accuracies, comparisons, agreement, classes, gains, latencies."""

from itertools import combinations

import numpy as np
import polars as pl

from imageclass.evaluation.statistics import cohens_kappa, wilson
from imageclass.runs import outcomes
from imageclass.runs.outcomes import Outcomes
from imageclass.runs.run import Run

_ACCURACY_SCHEMA = {
    "name": pl.String,
    "kind": pl.String,
    "requests": pl.Int64,
    "undecided": pl.Int64,
    "correct": pl.Int64,
    "accuracy": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
_MCNEMAR_SCHEMA = {
    "first": pl.String,
    "second": pl.String,
    "both": pl.Int64,
    "only_first": pl.Int64,
    "only_second": pl.Int64,
    "neither": pl.Int64,
    "p": pl.Float64,
}
_AGREEMENT_SCHEMA = {
    "first": pl.String,
    "second": pl.String,
    "requests": pl.Int64,
    "share": pl.Float64,
    "kappa": pl.Float64,
}
_HISTOGRAM_SCHEMA = {
    "agent": pl.String,
    "low": pl.Float64,
    "high": pl.Float64,
    "answers": pl.Int64,
    "p50_ms": pl.Float64,
    "p99_ms": pl.Float64,
}


def accuracy_table(run: Run, strategies: Outcomes | None = None) -> pl.DataFrame:
    """Measure the accuracy of each agent and each strategy.

    Args:
        run: the run.
        strategies: by name, what each strategy decided; see `outcomes.decide`.

    Returns:
        A row for each agent, then for each strategy: name, kind ("agent" or "strategy"), requests,
        undecided (how many of them have no prediction), correct, accuracy (share of the decided,
        null if there are none) and its Wilson interval, low to high.
    """
    rows = []
    for kind, group in (("agent", outcomes.by_agent(run)), ("strategy", strategies or {})):
        for name, frame in group.items():
            correct, decided = int(frame["correct"].sum()), len(frame)
            counts = (len(run.sent), len(run.sent) - decided, correct)
            accuracy = correct / decided if decided else None
            rows.append((name, kind, *counts, accuracy, *wilson(correct, decided)))
    return pl.DataFrame(rows, schema=_ACCURACY_SCHEMA, orient="row")


def mcnemar_table(compared: Outcomes) -> pl.DataFrame:
    """Run McNemar's test on each pair.

    Returns:
        A row for each pair: first, second, both, only_first, only_second, neither, p; see
        `statistics.McNemar`.
    """
    rows = []
    for first, second in combinations(compared, 2):
        test = outcomes.compare(compared[first], compared[second])
        counts = (test.both, test.only_first, test.only_second, test.neither)
        rows.append((first, second, *counts, test.p))
    return pl.DataFrame(rows, schema=_MCNEMAR_SCHEMA, orient="row")


def agreement_table(compared: Outcomes) -> pl.DataFrame:
    """Measure how often each pair predicts the same class, correct or not.

    Returns:
        A row for each ordered pair, also of one with itself: first, second, requests (that both
        have), share of them with the same prediction, and kappa (Cohen's). Share and kappa are
        null where they say nothing.
    """
    rows = []
    for first, one in compared.items():
        for second, other in compared.items():
            pairs = one.select("request_id", "predicted").join(
                other.select("request_id", theirs="predicted"), on="request_id"
            )
            a, b = pairs["predicted"].to_numpy(), pairs["theirs"].to_numpy()
            share = float((a == b).mean()) if len(a) else None
            rows.append((first, second, len(a), share, cohens_kappa(a, b)))
    return pl.DataFrame(rows, schema=_AGREEMENT_SCHEMA, orient="row")


def latency_table(run: Run) -> pl.DataFrame:
    """Measure how long the predictions of each agent took.

    Returns:
        A row for each agent: agent, answers, p50_ms, p90_ms, p99_ms and max_ms (null if it has
        not answered), in milliseconds.
    """
    latency = pl.col("latency_ms")
    found = run.predictions.group_by("agent").agg(
        answers=pl.len().cast(pl.Int64),
        p50_ms=latency.median(),
        p90_ms=latency.quantile(0.9, "linear"),
        p99_ms=latency.quantile(0.99, "linear"),
        max_ms=latency.max(),
    )
    agents = pl.DataFrame({"agent": list(run.agents)}, schema={"agent": pl.String})
    joined = agents.join(found, on="agent", how="left", maintain_order="left")
    return joined.with_columns(pl.col("answers").fill_null(0))


def latency_histogram(run: Run, bins: int = 40) -> pl.DataFrame:
    """Count the predictions of each agent by latency.

    Args:
        run: the run.
        bins: how many bins of equal width, the same for all agents.

    Returns:
        A row for each bin and each agent that has answered: agent, low, high (of the bin, in
        milliseconds), answers, and the agent's p50_ms and p99_ms.
    """
    longest = max([1.0, *run.predictions["latency_ms"]])
    edges = np.linspace(0, longest, bins + 1)
    parts = [pl.DataFrame(schema=_HISTOGRAM_SCHEMA)]
    for row in latency_table(run).drop_nulls("p50_ms").iter_rows(named=True):
        counts, _ = np.histogram(run.of_agent(row["agent"])["latency_ms"].to_numpy(), edges)
        part = pl.DataFrame({"low": edges[:-1], "high": edges[1:], "answers": counts})
        parts.append(
            part.select(
                pl.lit(row["agent"], pl.String).alias("agent"),
                pl.all(),
                *(pl.lit(row[name], pl.Float64).alias(name) for name in ("p50_ms", "p99_ms")),
            )
        )
    return pl.concat(parts)


def class_table(run: Run, compared: Outcomes | None = None) -> pl.DataFrame:
    """Measure the accuracy on each class.

    Args:
        run: the run, for its class names.
        compared: whose accuracy, by default each agent's.

    Returns:
        A row for each name and class with answers: name, class (its name), label, answers,
        correct, accuracy.
    """
    names = list(run.class_names)
    frames = [
        frame.select("label", "correct", name=pl.lit(name, pl.String))
        for name, frame in (compared or outcomes.by_agent(run)).items()
    ]
    return (
        pl.concat(frames)
        .group_by("name", "label", maintain_order=True)
        .agg(
            answers=pl.len().cast(pl.Int64),
            correct=pl.col("correct").sum().cast(pl.Int64),
            accuracy=pl.col("correct").mean(),
        )
        .with_columns(
            pl.col("label")
            .replace_strict(range(len(names)), names, return_dtype=pl.String)
            .alias("class")
        )
        .select("name", "class", "label", "answers", "correct", "accuracy")
    )


def gain_table(run: Run, vote: pl.DataFrame) -> pl.DataFrame:
    """Compare the most accurate agent of a run with a vote, class by class.

    Args:
        run: the run.
        vote: what a strategy decided; see `outcomes.decide`.

    Returns:
        A row for each class with images that both have a prediction for, the largest gain first:
        class (its name), images, agent (the most accurate one), agent_right, vote_right (images),
        agent_accuracy and vote_accuracy (shares of images).
    """
    agents = outcomes.by_agent(run)
    best = max(agents, key=lambda name: agents[name]["correct"].sum())
    both = vote.join(agents[best].select("request_id", agent_correct="correct"), on="request_id")
    names = list(run.class_names)
    return (
        both.group_by("label")
        .agg(
            images=pl.len().cast(pl.Int64),
            agent_right=pl.col("agent_correct").sum().cast(pl.Int64),
            vote_right=pl.col("correct").sum().cast(pl.Int64),
        )
        .sort(pl.col("agent_right") - pl.col("vote_right"), "label")
        .select(
            pl.col("label")
            .replace_strict(range(len(names)), names, return_dtype=pl.String)
            .alias("class"),
            "images",
            pl.lit(best, pl.String).alias("agent"),
            "agent_right",
            "vote_right",
            agent_accuracy=pl.col("agent_right") / pl.col("images"),
            vote_accuracy=pl.col("vote_right") / pl.col("images"),
        )
    )
