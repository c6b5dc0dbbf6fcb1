"""What the judge found out about one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imageclass.data.datasets import Dataset
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.predictions import Prediction

#: Columns of `Verdicts.frame` and their types.
SCHEMA: dict[str, Any] = {
    "request_id": pl.String,
    "agent": pl.String,
    "index": pl.Int64,
    "label": pl.Int64,
    "predicted": pl.Int64,
    "confidence": pl.Float64,
    "correct": pl.Boolean,
    "latency_ms": pl.Float64,
    "model": pl.String,
    "probabilities": pl.List(pl.Float32),
}
_SUMMARY_SCHEMA = {
    "agent": pl.String,
    "requests": pl.Int64,
    "answered": pl.Int64,
    "missing": pl.Int64,
    "duplicates": pl.Int64,
    "correct": pl.Int64,
    "accuracy": pl.Float64,
    "latency_p50_ms": pl.Float64,
    "latency_p99_ms": pl.Float64,
}


@dataclass(frozen=True)
class SentRequest:
    """One request as the judge remembers it. `index`: which test image; `sent_ms`: when, in
    milliseconds since 1970."""

    index: int
    label: int
    sent_ms: float


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of a run as arrays: n requests that have at least one, in the order of asking.

    `request_ids`: n strings; `indices` and `labels`: int64, shape (n,); `there`: bool, shape
    (agents, n), whose answers have come; `probabilities`: float64, shape (agents, n, classes),
    zeros where none has.
    """

    request_ids: list[str]
    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    there: NDArray[np.bool_]
    probabilities: NDArray[np.float64]


@dataclass
class Run:
    """What came back for one run.

    `frame` has a row for each answer: request_id, agent, index (of the test image), label,
    predicted (both indices into `dataset.class_names`), confidence in [0, 1], correct, latency_ms
    (from the judge's sending to the agent's answering), model (short hash of the one that
    answered, empty if not said) and probabilities (one for each class). `duplicates`: answers
    that came again, by agent; `invalid`: messages of this run that could not be read;
    `set_aside`: why agents gave no answer, by request and agent. Those count as missing too.
    """

    run_id: str
    dataset: Dataset
    agents: tuple[str, ...]
    asked: dict[str, SentRequest]
    frame: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))
    duplicates: dict[str, int] = field(default_factory=dict)
    invalid: int = 0
    set_aside: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """How many answers have not come: one is expected for each request and agent."""
        return len(self.asked) * len(self.agents) - len(self.frame)

    def summary(self) -> pl.DataFrame:
        """A row for each agent: agent, requests, answered, missing, duplicates, correct, accuracy
        (share of the answered, null if none), latency_p50_ms and latency_p99_ms."""
        rows = []
        for agent in self.agents:
            own = self.frame.filter(pl.col("agent") == agent)
            rows.append(
                {
                    "agent": agent,
                    "requests": len(self.asked),
                    "answered": len(own),
                    "missing": len(self.asked) - len(own),
                    "duplicates": self.duplicates.get(agent, 0),
                    "correct": int(own["correct"].sum()),
                    "accuracy": own["correct"].mean(),
                    "latency_p50_ms": own["latency_ms"].median(),
                    "latency_p99_ms": own["latency_ms"].quantile(0.99),
                }
            )
        return pl.DataFrame(rows, schema=_SUMMARY_SCHEMA)

    def answers(self) -> Answers:
        """The answers side by side, for whoever decides between them."""
        answered = set(self.frame["request_id"])
        requests = [request for request in self.asked if request in answered]
        place = {request: position for position, request in enumerate(requests)}
        shape = (len(self.agents), len(requests))
        there = np.zeros(shape, bool)
        probabilities = np.zeros((*shape, len(self.dataset.class_names)))
        for number, agent in enumerate(self.agents):
            own = self.frame.filter(pl.col("agent") == agent)
            places = np.array([place[request] for request in own["request_id"]], np.int64)
            there[number, places] = True
            probabilities[number, places] = matrix(own, len(self.dataset.class_names))
        asked = [self.asked[request] for request in requests]
        return Answers(
            requests,
            np.array([one.index for one in asked], np.int64),
            np.array([one.label for one in asked], np.int64),
            there,
            probabilities,
        )

    def to_csv(self, path: str | Path) -> None:
        """Write a row for each request and agent; see `exports.write_csv`."""
        from imageclass.runs import export  # which knows this class

        export.write_csv(self, Path(path))

    def to_json(self, path: str | Path) -> None:
        """Write all there is to know about the run; see `exports.write_json`."""
        from imageclass.runs import export

        export.write_json(self, Path(path))


def matrix(frame: pl.DataFrame, classes: int) -> NDArray[np.float64]:
    """The column `probabilities` of a frame of answers, as shape (rows, classes)."""
    if frame.is_empty():
        return np.zeros((0, classes))
    return frame["probabilities"].list.to_array(classes).to_numpy().astype(np.float64)


def belongs_to_run(prediction: Prediction, verdicts: Run) -> bool:
    """Whether `prediction` is of an agent that was asked. Raises `InvalidMessage` if it is, but
    answers no request of this run, or for other classes."""
    if prediction.agent not in verdicts.agents:
        return False
    if prediction.request not in verdicts.asked:
        raise InvalidMessage(f"no request {prediction.request} in this run")
    if len(prediction.probabilities) != len(verdicts.dataset.class_names):
        raise InvalidMessage(f"{len(prediction.probabilities)} probabilities")
    return True


def score(
    predictions: Sequence[Prediction], answered_ms: Sequence[float], verdicts: Run
) -> pl.DataFrame:
    """Rows of `Verdicts.frame` for predictions that `check` found good, answered at
    `answered_ms` (milliseconds since 1970)."""
    if not predictions:
        return pl.DataFrame(schema=SCHEMA)
    asked = [verdicts.asked[prediction.request] for prediction in predictions]
    probabilities = np.stack([prediction.probabilities for prediction in predictions])
    predicted = probabilities.argmax(axis=1)
    labels = np.array([one.label for one in asked], np.int64)
    waited = np.asarray(answered_ms, float) - np.array([one.sent_ms for one in asked])
    return pl.DataFrame(
        {
            "request_id": [prediction.request for prediction in predictions],
            "agent": [prediction.agent for prediction in predictions],
            "index": np.array([one.index for one in asked], np.int64),
            "label": labels,
            "predicted": predicted,
            # A sum of rounded numbers can be a little over 1, and the format allows it.
            "confidence": probabilities.max(axis=1).astype(np.float64).clip(0, 1),
            "correct": predicted == labels,
            "latency_ms": waited.clip(0),
            "model": [prediction.model for prediction in predictions],
            "probabilities": pl.Series(probabilities).arr.to_list(),
        },
        schema=SCHEMA,
    )
