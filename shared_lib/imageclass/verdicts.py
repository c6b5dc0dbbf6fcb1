"""What the judge found out about one run."""

from dataclasses import dataclass, field

import polars as pl

from imageclass.datasets import Dataset
from imageclass.messages import InvalidMessage, Prediction

SCHEMA = {
    "request_id": pl.String,
    "agent": pl.String,
    "index": pl.Int64,
    "label": pl.Int64,
    "predicted": pl.Int64,
    "confidence": pl.Float64,
    "correct": pl.Boolean,
    "latency_ms": pl.Float64,
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
class Asked:
    """One request as the judge remembers it. `index`: which test image; `sent_ms`: when, in
    milliseconds since 1970."""

    index: int
    label: int
    sent_ms: float


@dataclass
class Verdicts:
    """What came back for one run.

    `frame` has a row for each answer: request_id, agent, index (of the test image), label,
    predicted (both indices into `dataset.class_names`), confidence in [0, 1], correct, latency_ms
    (from the judge's sending to the agent's answering). `duplicates`: answers that came again,
    by agent; `invalid`: messages of this run that could not be read.
    """

    run_id: str
    dataset: Dataset
    agents: tuple[str, ...]
    asked: dict[str, Asked]
    frame: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))
    duplicates: dict[str, int] = field(default_factory=dict)
    invalid: int = 0

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


def judged(prediction: Prediction, answered_ms: float, verdicts: Verdicts) -> dict | None:
    """A row of `Verdicts.frame`; None for an agent that was not asked. Raises `InvalidMessage`."""
    if prediction.agent not in verdicts.agents:
        return None
    asked = verdicts.asked.get(prediction.request)
    if asked is None:
        raise InvalidMessage(f"no request {prediction.request} in this run")
    if len(prediction.probabilities) != len(verdicts.dataset.class_names):
        raise InvalidMessage(f"{len(prediction.probabilities)} probabilities")
    predicted = int(prediction.probabilities.argmax())
    return {
        "request_id": prediction.request,
        "agent": prediction.agent,
        "index": asked.index,
        "label": asked.label,
        "predicted": predicted,
        "confidence": float(prediction.probabilities[predicted]),
        "correct": predicted == asked.label,
        "latency_ms": max(0.0, answered_ms - asked.sent_ms),
    }
