"""Small runs made by hand, for tests of what is done with verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from imageclass.data.datasets import Dataset
from imageclass.messages.predictions import Prediction
from imageclass.runs.run import Run, SentRequest
from imageclass.runs.score import score

CLASSES = ("ant", "bee", "cat")


def dataset(labels: Sequence[int], classes: Sequence[str] = CLASSES) -> Dataset:
    """Black test images, one pixel each, with these labels."""
    images = np.zeros((len(labels), 1, 1, 1), np.uint8)
    given = np.array(labels, np.int64)
    return Dataset("hand-made", images.copy(), given.copy(), images, given, tuple(classes))


def run_of(labels: Sequence[int], answers: Mapping[str, Sequence[Sequence[float] | None]]) -> Run:
    """A run that asked for test image n in request `qn`: `answers` has each agent's
    probabilities for each request, None where it has not answered. Answers took 10, 11, … ms."""
    sent = {f"q{n}": SentRequest(n, label, 1000.0) for n, label in enumerate(labels)}
    run = Run("run", "hand-made", CLASSES, tuple(answers), sent)
    predictions = [
        Prediction("run", f"q{n}", agent, np.array(row, np.float32), f"hash-{agent}")
        for agent, rows in answers.items()
        for n, row in enumerate(rows)
        if row is not None
    ]
    times = [1010.0 + n for n in range(len(predictions))]
    return replace(run, predictions=score(predictions, times, run))
