"""How sure one may be of what a run shows: intervals, tests, agreement, latencies.

An *outcome* here is a frame as in `strategies`: request_id, label, predicted, confidence and
correct, a row for each request. What an agent answered is one too: `outcomes_of`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imageclass.runs.run import Run

Outcomes = Mapping[str, pl.DataFrame]  # by the name of the agent or strategy

LEVEL = 0.95  # of confidence intervals


def outcomes_of(verdicts: Run) -> dict[str, pl.DataFrame]:
    """Each agent's answers as outcomes, by agent."""
    columns = ["request_id", "index", "label", "predicted", "confidence", "correct"]
    return {
        agent: verdicts.frame.filter(pl.col("agent") == agent).select(columns)
        for agent in verdicts.agents
    }


def wilson(correct: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """The Wilson score interval for a share, `correct` of `total` having been seen.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference"; chosen
    over the textbook's ± because it holds near 0 and 1 too (Newcombe 1998). (0, 1) if `total`
    is 0: then nothing is known.
    """
    from scipy.stats import binomtest

    if total == 0:
        return 0.0, 1.0
    interval = binomtest(correct, total).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def accuracy_table(verdicts: Run, strategies: Outcomes | None = None) -> pl.DataFrame:
    """A row for each agent, then for each strategy: name, kind ("agent" or "strategy"), requests,
    undecided (how many of them have no answer), correct, accuracy (share of the decided, null if
    there are none) and the Wilson interval, low to high."""
    rows = []
    kinds = (("agent", outcomes_of(verdicts)), ("strategy", strategies or {}))
    for kind, outcomes in kinds:
        for name, frame in outcomes.items():
            correct, decided = int(frame["correct"].sum()), len(frame)
            counts = (len(verdicts.asked), len(verdicts.asked) - decided, correct)
            accuracy = correct / decided if decided else None
            rows.append((name, kind, *counts, accuracy, *wilson(correct, decided)))
    schema = {
        "name": pl.String,
        "kind": pl.String,
        "requests": pl.Int64,
        "undecided": pl.Int64,
        "correct": pl.Int64,
        "accuracy": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


@dataclass(frozen=True)
class McNemar:
    """Two that answered the same requests, compared. How many requests `both` had right, only the
    first, only the second, and `neither`; `p`: how likely a difference at least as large is if
    the two are equally good."""

    both: int
    only_first: int
    only_second: int
    neither: int
    p: float


def mcnemar(first: pl.DataFrame, second: pl.DataFrame) -> McNemar:
    """McNemar's exact test, two-sided, on the requests that both outcomes have.

    McNemar 1947, "Note on the sampling error of the difference between correlated proportions
    or percentages"; exact: if the two are equally good, each of the requests that only one has
    right is the first's with probability 1/2. With no such request `p` is 1.
    """
    pairs = first.select("request_id", "correct").join(
        second.select("request_id", other="correct"), on="request_id"
    )
    return paired(pairs["correct"].to_numpy(), pairs["other"].to_numpy())


def paired(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> McNemar:
    """`mcnemar` of two arrays, bool (n,), that say of the same images which are right."""
    from scipy.stats import binomtest

    only_first, only_second = int((one & ~other).sum()), int((other & ~one).sum())
    differing = only_first + only_second
    p = float(binomtest(only_first, differing, 0.5).pvalue) if differing else 1.0
    return McNemar(int((one & other).sum()), only_first, only_second, int((~one & ~other).sum()), p)


def mcnemar_table(outcomes: Outcomes) -> pl.DataFrame:
    """`mcnemar` of each two: first, second, both, only_first, only_second, neither, p."""
    rows = []
    for first, second in combinations(outcomes, 2):
        test = mcnemar(outcomes[first], outcomes[second])
        counts = (test.both, test.only_first, test.only_second, test.neither)
        rows.append((first, second, *counts, test.p))
    names = ("both", "only_first", "only_second", "neither")
    schema: dict = {"first": pl.String, "second": pl.String, **dict.fromkeys(names, pl.Int64)}
    return pl.DataFrame(rows, schema={**schema, "p": pl.Float64}, orient="row")


def agreement_table(outcomes: Outcomes) -> pl.DataFrame:
    """How far each two answer alike, right or wrong: first, second, requests (that both have),
    share of them with the same answer, and Cohen's kappa; a row for each ordered pair, also of
    one with itself. Share and kappa are null where they say nothing."""
    rows = []
    for first, one in outcomes.items():
        for second, other in outcomes.items():
            pairs = one.select("request_id", "predicted").join(
                other.select("request_id", theirs="predicted"), on="request_id"
            )
            a, b = pairs["predicted"].to_numpy(), pairs["theirs"].to_numpy()
            share = float((a == b).mean()) if len(a) else None
            rows.append((first, second, len(a), share, cohens_kappa(a, b)))
    schema = {
        "first": pl.String,
        "second": pl.String,
        "requests": pl.Int64,
        "share": pl.Float64,
        "kappa": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def cohens_kappa(first: NDArray[np.integer], second: NDArray[np.integer]) -> float | None:
    """Agreement beyond chance of two lists of classes, both of shape (n,): 1 is full, 0 what
    chance gives. Cohen 1960, "A coefficient of agreement for nominal scales". None without any
    answer, and where both always give one and the same: then chance cannot be told apart."""
    if not len(first):
        return None
    classes = int(max(first.max(), second.max())) + 1
    shares = [np.bincount(answers, minlength=classes) / len(first) for answers in (first, second)]
    by_chance = float(shares[0] @ shares[1])
    return (
        None if by_chance == 1 else (float((first == second).mean()) - by_chance) / (1 - by_chance)
    )


def latency_table(verdicts: Run) -> pl.DataFrame:
    """A row for each agent: agent, answers, and its latencies in ms: p50_ms, p90_ms, p99_ms and
    max_ms (null if it has not answered)."""
    latency = pl.col("latency_ms")
    found = verdicts.frame.group_by("agent").agg(
        answers=pl.len().cast(pl.Int64),
        p50_ms=latency.median(),
        p90_ms=latency.quantile(0.9, "linear"),
        p99_ms=latency.quantile(0.99, "linear"),
        max_ms=latency.max(),
    )
    agents = pl.DataFrame({"agent": list(verdicts.agents)}, schema={"agent": pl.String})
    joined = agents.join(found, on="agent", how="left", maintain_order="left")
    return joined.with_columns(pl.col("answers").fill_null(0))


def latency_histogram(verdicts: Run, bins: int = 40) -> pl.DataFrame:
    """How many answers took from low to high ms, for each agent that has answered and the same
    `bins` of equal width: agent, low, high, answers, and the agent's p50_ms and p99_ms."""
    longest = max([1.0, *verdicts.frame["latency_ms"]])
    edges = np.linspace(0, longest, bins + 1)
    parts = []
    for row in latency_table(verdicts).drop_nulls("p50_ms").iter_rows(named=True):
        own = verdicts.frame.filter(pl.col("agent") == row["agent"])["latency_ms"].to_numpy()
        counts, _ = np.histogram(own, edges)
        part = pl.DataFrame({"low": edges[:-1], "high": edges[1:], "answers": counts})
        parts.append(
            part.select(
                pl.lit(row["agent"], pl.String).alias("agent"),
                pl.all(),
                *(pl.lit(row[name], pl.Float64).alias(name) for name in ("p50_ms", "p99_ms")),
            )
        )
    numbers = dict.fromkeys(("p50_ms", "p99_ms"), pl.Float64)
    edge = dict.fromkeys(("low", "high"), pl.Float64)
    empty = pl.DataFrame(schema={"agent": pl.String, **edge, "answers": pl.Int64, **numbers})
    return pl.concat([empty, *parts])


def class_table(verdicts: Run, outcomes: Outcomes | None = None) -> pl.DataFrame:
    """How good each is at each class, by default each agent: name, class (its name), label,
    answers, correct, accuracy. Classes without answers have no row."""
    names = list(verdicts.dataset.class_names)
    frames = [
        frame.select("label", "correct", name=pl.lit(name, pl.String))
        for name, frame in (outcomes or outcomes_of(verdicts)).items()
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
