"""Does a confidence of 80 % mean that four of five are right? Measure it, and mend it.

The measures and the cure are those of Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of
Modern Neural Networks": the expected calibration error over bins of equal width, the reliability
diagram, and temperature scaling.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imageclass.runs.run import Run, matrix

BINS = 15  # as in the paper's tables

_RANGE = (0.05, 20.0)  # temperatures looked at; real networks lie between 0.5 and 5
_SMALLEST = float(np.finfo(np.float32).tiny)  # of a probability, before its logarithm

_BIN_SCHEMA = {
    "low": pl.Float64,
    "high": pl.Float64,
    "answers": pl.Int64,
    "confidence": pl.Float64,
    "accuracy": pl.Float64,
}


def scale(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """The probabilities, shape (n, classes), of a network whose logits are divided by
    `temperature`: above 1 less sure, below 1 surer, and never another order of the classes."""
    # Logits are the probabilities' logarithms but for a constant, which the softmax takes out.
    logits = np.log(np.asarray(probabilities, np.float64).clip(_SMALLEST, 1)) / temperature
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def negative_log_likelihood(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> float:
    """The mean of -ln p over n images, in nats, p being the true class's probability."""
    of_truth = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
    return float(-np.log(of_truth.clip(_SMALLEST, 1)).mean())


def fit_temperature(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The temperature, from 0.05 to 20, that makes the labels likeliest.

    `probabilities`: shape (n, classes), `labels`: shape (n,), of validation images: neither
    learned from nor tested on. Raises `ValueError` if there are none or the shapes do not fit.
    """
    from scipy.optimize import minimize_scalar

    if not len(labels) or np.ndim(probabilities) != 2 or len(probabilities) != len(labels):
        raise ValueError(
            f"Probabilities of shape {np.shape(probabilities)} and {len(labels)} labels do not fit;"
            " a temperature needs (n, classes) and n labels of validation images, n at least 1."
        )

    def loss(logarithm: float) -> float:
        return negative_log_likelihood(scale(probabilities, np.exp(logarithm)), labels)

    low, high = np.log(_RANGE)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def calibrated(verdicts: Run, temperatures: Mapping[str, float]) -> Run:
    """`verdicts` as they would be had each agent named in `temperatures` been calibrated so.

    Probabilities and confidences change; what was predicted does not.
    """
    classes = len(verdicts.dataset.class_names)
    parts = [verdicts.frame.filter(~pl.col("agent").is_in(list(temperatures)))]
    for agent, temperature in temperatures.items():
        own = verdicts.frame.filter(pl.col("agent") == agent)
        if own.is_empty():
            continue
        scaled = scale(matrix(own, classes), temperature)
        parts.append(
            own.with_columns(
                confidence=pl.Series(scaled.max(axis=1)),
                probabilities=pl.Series(scaled.astype(np.float32)).arr.to_list(),
            )
        )
    return replace(verdicts, frame=pl.concat(parts))


def reliability(frame: pl.DataFrame, bins: int = BINS) -> pl.DataFrame:
    """How often answers of about one confidence are right: a row for each bin that has any.

    `frame`: answers of an agent or outcomes of a strategy, with `confidence` in [0, 1] and
    `correct`. Columns: low (exclusive, but for the first bin) and high of the bin, answers (how
    many), their mean confidence, and their accuracy.
    """
    confidence = frame["confidence"].to_numpy()
    number = np.ceil(confidence * bins).astype(np.int64).clip(1, bins) - 1
    return (
        frame.select("confidence", "correct", bin=pl.Series(number, dtype=pl.Int64))
        .group_by("bin")
        .agg(
            answers=pl.len().cast(pl.Int64),
            confidence=pl.col("confidence").mean(),
            accuracy=pl.col("correct").mean(),
        )
        .sort("bin")
        .select(
            low=pl.col("bin") / bins,
            high=(pl.col("bin") + 1) / bins,
            answers="answers",
            confidence="confidence",
            accuracy="accuracy",
        )
        .cast(_BIN_SCHEMA)  # type: ignore[arg-type]
    )


def expected_calibration_error(frame: pl.DataFrame, bins: int = BINS) -> float | None:
    """The mean distance between confidence and accuracy over the bins of `reliability`, each
    weighing as many answers as it has: 0 is perfect, 1 the worst. None without answers."""
    if frame.is_empty():
        return None
    table = reliability(frame, bins)
    gaps = (table["confidence"] - table["accuracy"]).abs()
    return float((gaps * table["answers"]).sum() / len(frame))
