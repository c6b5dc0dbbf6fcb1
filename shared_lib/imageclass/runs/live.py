"""Read the verdicts that are on the topic now.

Nothing is kept and no group is joined, so any number of people may watch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from imageclass.kafka.connection import Connection
from imageclass.kafka.reader import read_to_end
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.verdicts import Verdict, decode_verdict

#: Columns of `VerdictSnapshot.verdicts` and their types.
VERDICT_SCHEMA: dict[str, Any] = {
    "run": pl.String,
    "request": pl.String,
    "dataset": pl.String,
    "name": pl.String,
    "class": pl.String,
    "label": pl.Int64,
    "predicted": pl.Int64,
    "correct": pl.Boolean,
    "announced": pl.Datetime("ms", "UTC"),
}
#: Columns of `VerdictSnapshot.answers` and their types.
ANSWER_SCHEMA: dict[str, Any] = {**VERDICT_SCHEMA, "latency_ms": pl.Float64}


@dataclass(frozen=True, eq=False)
class VerdictSnapshot:
    """The newest verdicts, in the order they were announced.

    Attributes:
        verdicts: a row for each request (see `VERDICT_SCHEMA`): `name` is the strategy that
            decided, `class` the true class's name, `predicted` and `correct` are null where nobody
            answered.
        answers: a row for each agent's prediction; `name` is the agent.
        invalid: how many messages are no verdicts.
    """

    verdicts: pl.DataFrame
    answers: pl.DataFrame
    invalid: int = 0

    def of_run(self, run: str) -> VerdictSnapshot:
        """Return the part of one run, by its id."""
        chosen = pl.col("run") == run
        return VerdictSnapshot(self.verdicts.filter(chosen), self.answers.filter(chosen))

    @property
    def runs(self) -> list[str]:
        """The runs' ids, the newest first."""
        return self.verdicts["run"].unique(maintain_order=True).reverse().to_list()

    @property
    def all_voters(self) -> pl.DataFrame:
        """Agents and strategies, decided requests only: name, class, label, correct."""
        columns = ["name", "class", "label", "correct"]
        decided = self.verdicts.filter(pl.col("correct").is_not_null())
        return pl.concat([self.answers.select(columns), decided.select(columns)])


def watch(connection: Connection, newest: int = 5_000) -> VerdictSnapshot:
    """Read the newest verdicts, about 20,000 in a second.

    A request that was announced twice counts once, with its last verdict.

    Args:
        connection: the broker.
        newest: how many verdicts are returned at most.

    Raises:
        NoBroker: the broker does not answer, or stops answering.
    """
    found, invalid = _read(connection, newest)
    in_order = sorted(found.values(), key=lambda item: item[0])[-newest:]
    return _snapshot(in_order, invalid)


def read_announced(connection: Connection, run: str) -> list[Verdict]:
    """Read the verdicts of the runs whose id begins with `run`.

    The whole topic is read.

    Returns:
        The last verdict on each request, in the order of sending.

    Raises:
        NoBroker: the broker does not answer, or stops answering.
    """
    found, _ = _read(connection)
    verdicts = (verdict for _, verdict in found.values() if verdict.run.startswith(run))
    return sorted(verdicts, key=lambda verdict: verdict.sent_ms)


def _read(
    connection: Connection, newest: int | None = None
) -> tuple[dict[tuple[str, str], tuple[int, Verdict]], int]:
    """Read the last `newest` messages of each partition: any of them may have the newest verdict.

    Returns:
        By run and request the time of the announcement (milliseconds since 1970) and the verdict;
        and how many messages are no verdicts.
    """
    found: dict[tuple[str, str], tuple[int, Verdict]] = {}
    invalid = 0
    for record in read_to_end(connection, [connection.topics.verdicts], newest=newest):
        try:
            verdict = decode_verdict(record.value)
        except InvalidMessage:
            invalid += 1
        else:
            found[verdict.run, verdict.request] = (record.timestamp, verdict)
    return found, invalid


def _snapshot(found: list[tuple[int, Verdict]], invalid: int) -> VerdictSnapshot:
    verdicts, answers = [], []
    for time_ms, verdict in found:
        about = (verdict.run, verdict.request, verdict.dataset)
        truth = (verdict.label_name, verdict.label)
        decision = (verdict.predicted, verdict.correct)
        verdicts.append((*about, verdict.strategy, *truth, *decision, time_ms))
        for one in verdict.answers:
            answer = (one.predicted, one.correct)
            answers.append((*about, one.agent, *truth, *answer, time_ms, one.latency_ms))
    return VerdictSnapshot(
        pl.DataFrame(verdicts, schema=VERDICT_SCHEMA, orient="row"),
        pl.DataFrame(answers, schema=ANSWER_SCHEMA, orient="row"),
        invalid,
    )
