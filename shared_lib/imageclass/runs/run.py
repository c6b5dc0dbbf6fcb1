"""A run: the requests that were sent under one id, and the predictions for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: Columns of `Run.predictions` and their types.
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
    """A request as the judge knows it; the label never leaves the judge.

    Attributes:
        index: which test image was sent.
        label: its true class, an index into the class names.
        sent_ms: when it was sent, in milliseconds since 1970.
    """

    index: int
    label: int
    sent_ms: float


@dataclass(frozen=True, eq=False)
class PredictionArrays:
    """The predictions of a run, side by side: n requests that have at least one, as sent.

    Attributes:
        request_ids: n ids.
        indices: int64, shape (n,), which test image.
        labels: int64, shape (n,), the true classes.
        answered: bool, shape (agents, n), whether the agent's prediction arrived.
        probabilities: float64, shape (agents, n, classes); zeros where none arrived.
    """

    request_ids: list[str]
    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    answered: NDArray[np.bool_]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Run:
    """The requests of one run and what came back for them.

    Attributes:
        run_id: the id in every message of the run.
        dataset: the name of the data set.
        class_names: the names of its classes; labels and predictions are indices into them.
        agents: the names of the agents whose predictions are expected.
        sent: the requests by id, in the order of sending.
        predictions: a row for each prediction (see `SCHEMA`): request_id, agent, index (of the
            test image), label, predicted, confidence in [0, 1], correct, latency_ms (from the
            judge's sending to the agent's answer), model (short hash, empty if the agent did not
            say) and probabilities (one for each class).
        duplicates: how many predictions of an agent arrived again.
        invalid: how many messages of this run could not be read.
        dead_lettered: by request and agent, why the agent gave no prediction. Such a prediction
            counts as missing too.
    """

    run_id: str
    dataset: str
    class_names: tuple[str, ...]
    agents: tuple[str, ...]
    sent: Mapping[str, SentRequest]
    predictions: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))
    duplicates: Mapping[str, int] = field(default_factory=dict)
    invalid: int = 0
    dead_lettered: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """How many predictions are missing: one is expected for each request and agent."""
        return len(self.sent) * len(self.agents) - len(self.predictions)

    def of_agent(self, agent: str) -> pl.DataFrame:
        """Return the rows of `predictions` of one agent."""
        return self.predictions.filter(pl.col("agent") == agent)

    def summary(self) -> pl.DataFrame:
        """Count the predictions of each agent.

        Returns:
            A row for each agent: agent, requests, answered, missing, duplicates, correct, accuracy
            (share of the answered, null if none), latency_p50_ms and latency_p99_ms.
        """
        rows = []
        for agent in self.agents:
            own = self.of_agent(agent)
            rows.append(
                {
                    "agent": agent,
                    "requests": len(self.sent),
                    "answered": len(own),
                    "missing": len(self.sent) - len(own),
                    "duplicates": self.duplicates.get(agent, 0),
                    "correct": int(own["correct"].sum()),
                    "accuracy": own["correct"].mean(),
                    "latency_p50_ms": own["latency_ms"].median(),
                    "latency_p99_ms": own["latency_ms"].quantile(0.99),
                }
            )
        return pl.DataFrame(rows, schema=_SUMMARY_SCHEMA)

    def arrays(self) -> PredictionArrays:
        """Return the predictions side by side, for a decision between the agents."""
        answered_ids = set(self.predictions["request_id"])
        request_ids = [request for request in self.sent if request in answered_ids]
        position = {request: number for number, request in enumerate(request_ids)}
        shape = (len(self.agents), len(request_ids))
        answered = np.zeros(shape, bool)
        probabilities = np.zeros((*shape, len(self.class_names)))
        for number, agent in enumerate(self.agents):
            own = self.of_agent(agent)
            columns = np.array([position[request] for request in own["request_id"]], np.int64)
            answered[number, columns] = True
            probabilities[number, columns] = probability_matrix(own, len(self.class_names))
        requests = [self.sent[request] for request in request_ids]
        return PredictionArrays(
            request_ids,
            np.array([request.index for request in requests], np.int64),
            np.array([request.label for request in requests], np.int64),
            answered,
            probabilities,
        )


def probability_matrix(predictions: pl.DataFrame, classes: int) -> NDArray[np.float64]:
    """Return the column `probabilities` of rows of `Run.predictions`, shape (rows, classes)."""
    if predictions.is_empty():
        return np.zeros((0, classes))
    return predictions["probabilities"].list.to_array(classes).to_numpy().astype(np.float64)
