"""Numbers that say how good a classifier's probabilities are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Metrics:
    """What a classifier got right and wrong on `images` many labelled images.

    `accuracy`: share in [0, 1]; `loss`: mean cross-entropy in nats; `confusion[i][j]`: how many
    images of class i were taken for class j; `precision[i]`: share of the images taken for class
    i that are of it, `recall[i]`: share of the images of class i that were taken for it, both 0
    where there is none.
    """

    images: int
    accuracy: float
    loss: float
    confusion: tuple[tuple[int, ...], ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]


def measure(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> Metrics:
    """The metrics of `probabilities`, float32 (n, classes), for the true `labels`, int64 (n,).

    Raises `ValueError` if there are none, or not as many of one as of the other.
    """
    if len(labels) == 0 or len(probabilities) != len(labels):
        raise ValueError(f"{len(probabilities)} answers for {len(labels)} labels: need 1 each.")
    # Takes a second to import, and whoever only reads saved metrics does not need it.
    from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

    classes = np.arange(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    # In double precision: scikit-learn wants sums of 1 to more digits than float32 has.
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    precision, recall, _, _ = precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0.0
    )
    matrix = confusion_matrix(labels, predicted, labels=classes)
    return Metrics(
        images=len(labels),
        accuracy=float((predicted == labels).mean()),
        loss=float(log_loss(labels, exact, labels=classes)),
        confusion=tuple(tuple(map(int, row)) for row in matrix),
        precision=tuple(map(float, precision)),
        recall=tuple(map(float, recall)),
    )
