"""Decide between agents: from the probabilities of each agent to one class for each image.

A strategy takes three arrays of a agents, n images and c classes:

- `probabilities`: float64, shape (a, n, c); zeros where an agent has not answered.
- `answered`: bool, shape (a, n). An agent without an answer has no vote on that image. Every
  image has at least one answer.
- `validation`: labelled images from which a strategy learns how far to trust each agent. They are
  neither training nor test images.

It returns a `Decision`. Where everything is equal the agent with the lowest index decides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Validation:
    """What every agent predicted for the same m validation images.

    Attributes:
        probabilities: shape (agents, m, classes), m at least 1.
        labels: int, shape (m,), the true classes.
    """

    probabilities: NDArray[np.floating]
    labels: NDArray[np.integer]


class Decision(NamedTuple):
    """One class for each image.

    Attributes:
        predicted: int64, shape (n,), the index of the chosen class.
        confidence: float64, shape (n,), in [0, 1].
    """

    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64]


Strategy = Callable[[NDArray[np.float64], NDArray[np.bool_], Validation | None], Decision]


def highest_confidence(
    probabilities: NDArray[np.float64],
    answered: NDArray[np.bool_],
    validation: Validation | None = None,
) -> Decision:
    """Take the prediction of the agent with the highest confidence, and that confidence."""
    best_agent = _confidences(probabilities, answered).argmax(axis=0)
    chosen = probabilities[best_agent, np.arange(answered.shape[1])]
    return _decision(chosen.argmax(axis=1), chosen.max(axis=1, initial=0))


def majority_vote(
    probabilities: NDArray[np.float64],
    answered: NDArray[np.bool_],
    validation: Validation | None = None,
) -> Decision:
    """Take the class that most agents predict.

    Of classes with equally many votes the one with the highest single confidence wins. The
    decision's confidence is the mean confidence of the agents that predict the class.
    """
    agents, _, classes = probabilities.shape
    return _vote(probabilities, answered, np.ones((agents, classes)))


def weighted_vote(
    probabilities: NDArray[np.float64],
    answered: NDArray[np.bool_],
    validation: Validation | None = None,
) -> Decision:
    """Take the class with the most weight; a vote weighs the agent's precision on that class.

    The precision is measured on the validation images: of those that the agent predicted to be of
    the class, the share that were. It is smoothed by Laplace's rule of succession,
    (correct + 1) / (predicted + 2), so a class that an agent never predicted weighs a half. Ties
    and confidence are as in `majority_vote`.

    Raises:
        ValueError: there is no `validation`.
    """
    labels = _required(validation).labels
    agents, _, classes = probabilities.shape
    weights = np.empty((agents, classes))
    for agent, own in enumerate(_required(validation).probabilities):
        predicted = own.argmax(axis=1)
        total = np.bincount(predicted, minlength=classes)
        correct = np.bincount(predicted[predicted == labels], minlength=classes)
        weights[agent] = (correct + 1) / (total + 2)
    return _vote(probabilities, answered, weights)


def soft_vote(
    probabilities: NDArray[np.float64],
    answered: NDArray[np.bool_],
    validation: Validation | None = None,
) -> Decision:
    """Take the class with the highest mean probability over the agents, and that mean."""
    mean = probabilities.sum(axis=0) / answered.sum(axis=0)[:, np.newaxis]
    return _decision(mean.argmax(axis=1), mean.max(axis=1, initial=0))


def stacking(
    probabilities: NDArray[np.float64],
    answered: NDArray[np.bool_],
    validation: Validation | None = None,
) -> Decision:
    """Let a logistic regression decide, with the probabilities of all agents as its features.

    It is fitted on the validation images (Wolpert 1992, "Stacked generalization"), which takes
    seconds for thousands of them. Images that the same agents answered share a regression on those
    agents. The decision's confidence is the regression's probability.

    Raises:
        ValueError: there is no `validation`, or it has one class only.
    """
    from sklearn.linear_model import LogisticRegression

    data = _required(validation)
    if len(np.unique(data.labels)) < 2:
        raise ValueError("Stacking needs validation images of two classes or more.")
    predicted = np.zeros(answered.shape[1], np.int64)
    confidence = np.zeros(answered.shape[1])
    for present in np.unique(answered, axis=1).T:
        regression = LogisticRegression(max_iter=1_000)
        regression.fit(np.hstack(list(data.probabilities[present])), data.labels)
        images = (answered == present[:, np.newaxis]).all(axis=0)
        found = regression.predict_proba(np.hstack(list(probabilities[present][:, images])))
        predicted[images] = regression.classes_[found.argmax(axis=1)]
        confidence[images] = found.max(axis=1)
    return _decision(predicted, confidence)


#: By the name that people read. Those in `NEED_VALIDATION` do not work without it.
STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "highest confidence": highest_confidence,
        "majority vote": majority_vote,
        "weighted vote": weighted_vote,
        "soft vote": soft_vote,
        "stacking": stacking,
    }
)
NEED_VALIDATION = frozenset({"weighted vote", "stacking"})


def _required(validation: Validation | None) -> Validation:
    if validation is None:
        raise ValueError("This strategy needs validation data.")
    return validation


def _confidences(
    probabilities: NDArray[np.float64], answered: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the highest probabilities, shape (agents, n); -1 where there is no answer."""
    return np.where(answered, probabilities.max(axis=2), -1.0)


def _vote(
    probabilities: NDArray[np.float64],
    answered: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> Decision:
    """Take the class with the most weight; `weights`: float64, shape (agents, classes)."""
    agents, images, classes = probabilities.shape
    choices = probabilities.argmax(axis=2)
    confidences = _confidences(probabilities, answered)
    weight, votes, total = (np.zeros((images, classes)) for _ in range(3))
    highest = np.full((images, classes), -1.0)
    for agent in range(agents):
        rows = np.flatnonzero(answered[agent])
        cells = rows, choices[agent, rows]
        weight[cells] += weights[agent, choices[agent, rows]]
        votes[cells] += 1
        total[cells] += confidences[agent, rows]
        highest[cells] = np.maximum(highest[cells], confidences[agent, rows])
    heaviest = np.isclose(weight, weight.max(axis=1, keepdims=True), rtol=1e-9, atol=0)
    contest = np.where(heaviest, highest, -1.0)
    best = contest == contest.max(axis=1, keepdims=True)
    # Classes that are still equal: the first agent's among them.
    predicted = np.zeros(images, np.int64)
    for agent in reversed(range(agents)):
        is_best = answered[agent] & best[np.arange(images), choices[agent]]
        predicted[is_best] = choices[agent, is_best]
    cells = np.arange(images), predicted
    return _decision(predicted, total[cells] / votes[cells])


def _decision(predicted: NDArray[np.int64], confidence: NDArray[np.float64]) -> Decision:
    # Rounded probabilities can have a sum a little over 1.
    return Decision(predicted.astype(np.int64), confidence.clip(0, 1))
