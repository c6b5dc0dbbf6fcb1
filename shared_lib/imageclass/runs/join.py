"""Joins answers to requests by (run, request, agent): each counts once, whatever comes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import polars as pl

from imageclass.messages.headers import InvalidMessage, of_run
from imageclass.messages.predictions import Prediction, decode_prediction
from imageclass.runs.run import Run, belongs_to_run, score


class Record(Protocol):
    """The part of kafka-python's `ConsumerRecord` that matters here; `timestamp` is when the
    agent sent it, in milliseconds since 1970."""

    timestamp: int
    value: bytes | None
    headers: list[tuple[str, bytes | None]] | None


class Join:
    """Takes what lies on the topic of predictions, and fills `verdicts` with what belongs there.

    What is in the frame of `verdicts` already counts as seen; the frame itself changes at
    `finish` only, so that many small batches cost no more than one.
    """

    def __init__(self, verdicts: Run) -> None:
        self.verdicts = verdicts
        self._run = ("run", verdicts.run_id.encode())
        self._seen = set(zip(verdicts.frame["request_id"], verdicts.frame["agent"], strict=True))
        self._frames = [verdicts.frame]
        answered = Counter(request for request, _ in self._seen)
        self._open = {
            request: left
            for request in verdicts.asked
            if (left := len(verdicts.agents) - answered[request])
        }
        self._waiting = [verdicts.frame.filter(pl.col("request_id").is_in(list(self._open)))]
        self._complete: list[str] = []

    @property
    def answers(self) -> int:
        """How many answers there are so far."""
        return len(self._seen)

    @property
    def over(self) -> bool:
        """Whether every agent has answered every request, or set it aside."""
        verdicts = self.verdicts
        expected = len(verdicts.asked) * len(verdicts.agents)
        return len(self._seen) + len(verdicts.set_aside) >= expected

    def take(self, records: Iterable[Record]) -> int:
        """Judge the new answers among `records`; how many they are.

        Second answers and messages that cannot be read are counted in `verdicts`; other runs'
        and those of agents that were not asked are passed over.
        """
        new: list[Prediction] = []
        times: list[float] = []
        for record in records:
            if self._run not in (record.headers or ()):
                continue
            try:
                prediction = decode_prediction(record.value, record.headers or ())
                if not belongs_to_run(prediction, self.verdicts):
                    continue
            except InvalidMessage:
                self.verdicts.invalid += 1
                continue
            request, agent = prediction.request, prediction.agent
            if (request, agent) in self._seen:
                self.verdicts.duplicates[agent] = self.verdicts.duplicates.get(agent, 0) + 1
                continue
            self._seen.add((request, agent))
            self.verdicts.set_aside.pop((request, agent), None)
            self._open[request] -= 1
            if not self._open[request]:
                del self._open[request]
                self._complete.append(request)
            new.append(prediction)
            times.append(record.timestamp)
        if new:
            frame = score(new, times, self.verdicts)
            self._frames.append(frame)
            self._waiting.append(frame)
        return len(new)

    def take_aside(self, records: Iterable[Record]) -> int:
        """Note the dead letters among `records` that are this run's, in `verdicts.set_aside`; how
        many are new. An answer that comes all the same counts, and the letter no more."""
        before = len(self.verdicts.set_aside)
        for record in records:
            about = of_run(record, self.verdicts.run_id)
            if (
                about
                and about.request in self.verdicts.asked
                and about.agent in self.verdicts.agents
            ):
                key = (about.request, about.agent)
                if key not in self._seen:
                    self.verdicts.set_aside[key] = about.reason
        return len(self.verdicts.set_aside) - before

    def completed(self) -> Run:
        """The requests that every agent has answered since this was asked last."""
        frame = pl.concat(self._waiting)
        done = pl.col("request_id").is_in(self._complete)
        part = self._part(self._complete, frame.filter(done))
        self._waiting, self._complete = [frame.filter(~done)], []
        return part

    def incomplete(self) -> Run:
        """The requests for which answers are missing, with the answers that have come."""
        frame = pl.concat(self._waiting)
        requests = list(self._open)
        return self._part(requests, frame.filter(pl.col("request_id").is_in(requests)))

    def _part(self, requests: Sequence[str], frame: pl.DataFrame) -> Run:
        asked = {request: self.verdicts.asked[request] for request in requests}
        aside = {key: why for key, why in self.verdicts.set_aside.items() if key[0] in asked}
        return replace(
            self.verdicts, asked=asked, frame=frame, duplicates={}, invalid=0, set_aside=aside
        )

    def finish(self) -> Run:
        """`verdicts`, with all answers in its frame."""
        self.verdicts.frame = pl.concat(self._frames)
        return self.verdicts
