"""Measure and correct the calibration of probabilities.

Probabilities are calibrated if, of all predictions with a confidence of 80 %, four in five are
correct. The measures and the correction are those of Guo, Pleiss, Sun and Weinberger 2017, "On
Calibration of Modern Neural Networks": the expected calibration error over bins of equal width,
the reliability diagram, and temperature scaling.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as in the paper's tables

_TEMPERATURE_RANGE = (0.05, 20.0)  # real networks lie between 0.5 and 5
_MIN_PROBABILITY = float(np.finfo(np.float32).tiny)  # before its logarithm is taken


def scale(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Divide a network's logits by a temperature.

    Args:
        probabilities: shape (n, classes), what the network predicts.
        temperature: above 1 lowers the confidence, below 1 raises it; the order of the classes
            stays.

    Returns:
        The new probabilities, float64, of the same shape.
    """
    # Logits are the probabilities' logarithms but for a constant, which the softmax takes out.
    logits = np.log(np.asarray(probabilities, np.float64).clip(_MIN_PROBABILITY, 1)) / temperature
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def negative_log_likelihood(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> float:
    """Compute the mean of -ln p, in nats, p being the true class's probability.

    Args:
        probabilities: shape (n, classes).
        labels: int, shape (n,), the true classes.
    """
    of_truth = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
    return float(-np.log(of_truth.clip(_MIN_PROBABILITY, 1)).mean())


def fit_temperature(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Find the temperature with the lowest negative log-likelihood.

    Args:
        probabilities: shape (n, classes), of validation images: neither training nor test images.
        labels: int, shape (n,), their true classes.

    Returns:
        The temperature, from 0.05 to 20.

    Raises:
        ValueError: n is 0, or the shapes do not fit.
    """
    from scipy.optimize import minimize_scalar

    if not len(labels) or np.ndim(probabilities) != 2 or len(probabilities) != len(labels):
        raise ValueError(
            f"Probabilities of shape {np.shape(probabilities)} and {len(labels)} labels do not fit;"
            " a temperature needs (n, classes) and n labels of validation images, n at least 1."
        )

    def loss(logarithm: float) -> float:
        return negative_log_likelihood(scale(probabilities, np.exp(logarithm)), labels)

    low, high = np.log(_TEMPERATURE_RANGE)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


class Reliability(NamedTuple):
    """The points of a reliability diagram: arrays with an element for each bin that has answers.

    Attributes:
        low: float64, the bin's lower end, exclusive but for the first bin.
        high: float64, its upper end.
        answers: int64, how many predictions have such a confidence.
        confidence: float64, their mean confidence.
        accuracy: float64, the share of them that is correct.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    answers: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def reliability(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], bins: int = BINS
) -> Reliability:
    """Compare confidence and accuracy, bin by bin.

    Args:
        confidence: shape (n,), in [0, 1].
        correct: bool, shape (n,), whether each prediction is correct.
        bins: how many bins of equal width [0, 1] is divided into.
    """
    number = np.ceil(np.asarray(confidence) * bins).astype(np.int64).clip(1, bins) - 1
    answers = np.bincount(number, minlength=bins)
    filled = np.flatnonzero(answers)
    totals = [
        np.bincount(number, weights=np.asarray(values, np.float64), minlength=bins)[filled]
        for values in (confidence, correct)
    ]
    count = answers[filled]
    return Reliability(
        filled / bins, (filled + 1) / bins, count, totals[0] / count, totals[1] / count
    )


def expected_calibration_error(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], bins: int = BINS
) -> float | None:
    """Compute the mean distance between confidence and accuracy, weighted by answers in each bin.

    Args:
        confidence: shape (n,), in [0, 1].
        correct: bool, shape (n,).
        bins: how many bins of equal width [0, 1] is divided into.

    Returns:
        0 for perfect calibration, at most 1; None if n is 0.
    """
    if not len(confidence):
        return None
    found = reliability(confidence, correct, bins)
    gaps = np.abs(found.confidence - found.accuracy)
    return float((gaps * found.answers).sum() / len(confidence))
