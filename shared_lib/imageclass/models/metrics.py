"""Numbers that say how good a classifier's probabilities are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Metrics:
    """What a classifier got right and wrong.

    Attributes:
        images: number of labelled images.
        accuracy: share of correct predictions, from 0 to 1.
        loss: mean cross-entropy, in nats.
        confusion: `confusion[i][j]` is the number of images of class i predicted as class j.
        precision: of the images predicted as a class, the share that belongs to it; 0 if none is.
        recall: of the images of a class, the share predicted as it; 0 if there are none.
    """

    images: int
    accuracy: float
    loss: float
    confusion: tuple[tuple[int, ...], ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]


def measure(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> Metrics:
    """Return the metrics of predictions.

    Args:
        probabilities: float32, shape (n, classes).
        labels: the true classes, int64, shape (n,).

    Raises:
        ValueError: n is 0, or differs between the two.
    """
    if len(labels) == 0 or len(probabilities) != len(labels):
        raise ValueError(f"{len(probabilities)} predictions for {len(labels)} labels: need 1 each.")
    # Takes a second to import, and reading saved metrics does not need it.
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
