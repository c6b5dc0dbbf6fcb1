"""Join predictions to requests by (run, request, agent), so that each counts once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import polars as pl

from imageclass.messages.headers import InvalidMessage, of_run
from imageclass.messages.predictions import Prediction, decode_predictions
from imageclass.runs.run import Run
from imageclass.runs.score import belongs_to_run, score


class Record(Protocol):
    """What a join needs of kafka-python's `ConsumerRecord`.

    Attributes:
        timestamp: when the agent sent it, in milliseconds since 1970.
        value: the message's body.
        headers: the message's headers.
    """

    timestamp: int
    value: bytes | None
    headers: list[tuple[str, bytes | None]] | None


class Join:
    """Collects the predictions and dead letters of one run.

    The run that it starts from stays as it is; predictions that this one has count as received.
    `finish` returns the run with all that was added.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._run_header = ("run", run.run_id.encode())
        self._received = set(
            zip(run.predictions["request_id"], run.predictions["agent"], strict=True)
        )
        self._dead_lettered = dict(run.dead_lettered)
        self._duplicates = Counter(run.duplicates)
        self._invalid = run.invalid
        # Added to at the end only, so that many small batches cost no more than one.
        self._frames = [run.predictions]
        answered = Counter(request for request, _ in self._received)
        self._open = {
            request: left for request in run.sent if (left := len(run.agents) - answered[request])
        }
        self._pending = [run.predictions.filter(pl.col("request_id").is_in(list(self._open)))]
        self._completed: list[str] = []

    @property
    def received(self) -> int:
        """How many predictions have arrived, each counted once."""
        return len(self._received)

    @property
    def dead_lettered(self) -> Mapping[tuple[str, str], str]:
        """By request and agent, why the agent gave no prediction."""
        return self._dead_lettered

    @property
    def is_complete(self) -> bool:
        """Whether there is a prediction or a dead letter for every request and agent."""
        expected = len(self._run.sent) * len(self._run.agents)
        return len(self._received) + len(self._dead_lettered) >= expected

    def add_predictions(self, records: Iterable[Record]) -> int:
        """Score the new predictions among `records`.

        Predictions that arrive again and messages that cannot be read are counted; those of other
        runs and of unexpected agents are ignored.

        Returns:
            How many are new.
        """
        new: list[Prediction] = []
        times: list[float] = []
        for record, prediction in self._of_this_run(records):
            key = (prediction.request, prediction.agent)
            if key in self._received:
                self._duplicates[prediction.agent] += 1
                continue
            self._received.add(key)
            self._dead_lettered.pop(key, None)
            self._open[prediction.request] -= 1
            if not self._open[prediction.request]:
                del self._open[prediction.request]
                self._completed.append(prediction.request)
            new.append(prediction)
            times.append(record.timestamp)
        if new:
            frame = score(new, times, self._run)
            self._frames.append(frame)
            self._pending.append(frame)
        return len(new)

    def _of_this_run(self, records: Iterable[Record]) -> Iterator[tuple[Record, Prediction]]:
        """Yield the predictions of each record that belongs to this run."""
        for record in records:
            headers = record.headers or ()
            if self._run_header not in headers:
                continue
            try:
                for prediction in decode_predictions(record.value, headers):
                    if belongs_to_run(prediction, self._run):
                        yield record, prediction
            except InvalidMessage:
                self._invalid += 1

    def add_dead_letters(self, records: Iterable[Record]) -> int:
        """Note the dead letters of this run among `records`.

        A prediction for the same request and agent counts, before the dead letter or after it.

        Returns:
            How many are new.
        """
        before = len(self._dead_lettered)
        for record in records:
            about = of_run(record, self._run.run_id)
            if not about or about.agent not in self._run.agents:
                continue
            for request in about.requests:
                key = (request, about.agent)
                if request in self._run.sent and key not in self._received:
                    self._dead_lettered[key] = about.reason
        return len(self._dead_lettered) - before

    def take_completed(self) -> Run:
        """Return the requests that every agent has answered since the last call."""
        frame = pl.concat(self._pending)
        is_done = pl.col("request_id").is_in(self._completed)
        part = self._part(self._completed, frame.filter(is_done))
        self._pending, self._completed = [frame.filter(~is_done)], []
        return part

    def incomplete(self) -> Run:
        """Return the requests with missing predictions, and the predictions they have."""
        frame = pl.concat(self._pending)
        requests = list(self._open)
        return self._part(requests, frame.filter(pl.col("request_id").is_in(requests)))

    def _part(self, requests: Sequence[str], predictions: pl.DataFrame) -> Run:
        sent = {request: self._run.sent[request] for request in requests}
        dead_lettered = {key: why for key, why in self._dead_lettered.items() if key[0] in sent}
        return replace(
            self._run,
            sent=sent,
            predictions=predictions,
            duplicates={},
            invalid=0,
            dead_lettered=dead_lettered,
        )

    def finish(self) -> Run:
        """Return the run with everything that was added."""
        return replace(
            self._run,
            predictions=pl.concat(self._frames),
            duplicates=dict(self._duplicates),
            invalid=self._invalid,
            dead_lettered=dict(self._dead_lettered),
        )
