"""What the judge says just now, for whoever watches: read from the topic of verdicts, every time
anew. No group is joined and nothing is kept, so any number may watch and none disturbs another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
from kafka import TopicPartition

from imageclass.kafka.connection import Connection, NoBroker
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.verdicts import Verdict, decode_verdict

#: Columns of `Watched.verdicts`.
VERDICTS: dict[str, Any] = {
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
#: Columns of `Watched.answers`: those and the answer's own.
ANSWERS: dict[str, Any] = {**VERDICTS, "latency_ms": pl.Float64}

_MOST_EMPTY_POLLS = 20  # of half a second: then the broker is away


@dataclass(frozen=True, eq=False)
class VerdictSnapshot:
    """The newest verdicts, in the order they were announced.

    `verdicts` has a row for each request (see `VERDICTS`): `name` is the strategy that decided,
    `class` the true class's name, `predicted` and `correct` null where nobody answered. `answers`
    has a row for each agent's answer to it, `name` being the agent's. `invalid`: messages that are
    no verdicts.
    """

    verdicts: pl.DataFrame
    answers: pl.DataFrame
    invalid: int = 0

    def of_run(self, run: str) -> VerdictSnapshot:
        """The same of one run."""
        chosen = pl.col("run") == run
        return VerdictSnapshot(self.verdicts.filter(chosen), self.answers.filter(chosen))

    @property
    def runs(self) -> list[str]:
        """The runs' ids, the newest first."""
        return self.verdicts["run"].unique(maintain_order=True).reverse().to_list()

    @property
    def everybody(self) -> pl.DataFrame:
        """Agents and strategies alike, decided requests only: name, class, label, correct."""
        columns = ["name", "class", "label", "correct"]
        decided = self.verdicts.filter(pl.col("correct").is_not_null())
        return pl.concat([self.answers.select(columns), decided.select(columns)])


def watch(connection: Connection, most: int = 5_000) -> VerdictSnapshot:
    """The newest `most` verdicts that lie on the topic now (about 20,000 are read in a second).

    A request that was announced twice counts once, as it was announced last. Raises
    `connection.NoBroker`, also where the topic cannot be read to its end.
    """
    found, invalid = _read(connection, most)
    newest = sorted(found.values(), key=lambda item: item[0])[-most:]
    return _tables(newest, invalid)


def announced(connection: Connection, run: str) -> list[Verdict]:
    """What was announced about the requests of the runs whose id begins with `run`, in the order of
    sending; about each what was said last. Reads the whole topic. Raises `NoBroker` as `watch`."""
    found, _ = _read(connection)
    verdicts = (verdict for _, verdict in found.values() if verdict.run.startswith(run))
    return sorted(verdicts, key=lambda verdict: verdict.sent_ms)


def _read(
    connection: Connection, most: int | None = None
) -> tuple[dict[tuple[str, str], tuple[int, Verdict]], int]:
    """By run and request when it was announced and the verdict, and how many messages are none. Of
    each partition the last `most`."""
    found: dict[tuple[str, str], tuple[int, Verdict]] = {}
    invalid = 0
    with connection.consumer() as consumer:
        topic = connection.topics.verdicts
        places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        starts, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
        for place in places:  # any of them may hold the newest
            first = starts[place] if most is None else max(starts[place], ends[place] - most)
            consumer.seek(place, first)
        empty = 0
        while any(consumer.position(place) < ends[place] for place in places):
            polled = consumer.poll(timeout_ms=500, max_records=5_000)
            empty = 0 if polled else empty + 1
            if empty == _MOST_EMPTY_POLLS:
                raise NoBroker(f"{topic} cannot be read to its end: the broker does not answer.")
            for record in (record for records in polled.values() for record in records):
                try:
                    verdict = decode_verdict(record.value)
                except InvalidMessage:
                    invalid += 1
                    continue
                found[verdict.run, verdict.request] = (record.timestamp, verdict)
    return found, invalid


def _tables(found: list[tuple[int, Verdict]], invalid: int) -> VerdictSnapshot:
    verdicts, answers = [], []
    for time_ms, one in found:
        about = (one.run, one.request, one.dataset)
        truth = (one.label_name, one.label)
        verdicts.append((*about, one.strategy, *truth, one.predicted, one.correct, time_ms))
        for own in one.answers:
            row = (*about, own.agent, *truth, own.predicted, own.correct, time_ms, own.latency_ms)
            answers.append(row)
    return VerdictSnapshot(
        pl.DataFrame(verdicts, schema=VERDICTS, orient="row"),
        pl.DataFrame(answers, schema=ANSWERS, orient="row"),
        invalid,
    )
