"""Ways to decide between agents: pure functions from a run's verdicts to one outcome a request.

Each takes `Verdicts` and, where it learns how far to trust an agent, the agents' `Validation`
data; never anything from the test images. Each gives a frame with a row for every request that
at least one agent has answered: request_id, index, label, predicted, confidence in [0, 1] and
correct. Who has not answered has no vote; a request that nobody has answered has no outcome
(`statistics.accuracy_table` counts those). Where everything is equal, the agent named first in
`Verdicts.agents` decides.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imageclass.runs.run import Answers, Run

#: For each agent its probabilities, shape (n, classes), for the same n labelled images that it
#: has not learned from, and their labels, shape (n,).
Validation = Mapping[str, tuple[NDArray[np.floating], NDArray[np.integer]]]

Strategy = Callable[[Run, Validation | None], pl.DataFrame]


def highest_confidence(verdicts: Run, validation: Validation | None = None) -> pl.DataFrame:
    """The answer of the agent that is surest; its confidence."""
    answers = verdicts.answers()
    surest = _confidences(answers).argmax(axis=0)
    chosen = answers.probabilities[surest, np.arange(len(answers.labels))]
    return _outcomes(answers, chosen.argmax(axis=1), chosen.max(axis=1, initial=0))


def majority_vote(verdicts: Run, validation: Validation | None = None) -> pl.DataFrame:
    """The answer that most agents give, of equally many the one with the highest single
    confidence; the mean confidence of those who gave it."""
    answers = verdicts.answers()
    return _vote(answers, np.ones((len(verdicts.agents), answers.probabilities.shape[2])))


def weighted_vote(verdicts: Run, validation: Validation | None = None) -> pl.DataFrame:
    """As `agreement`, but an agent's vote for a class weighs what it was worth on the validation
    images: of those it took for that class, the share that were of that class.

    That share is smoothed by Laplace's rule of succession, (right + 1) / (taken + 2), so a class
    that an agent has never answered weighs a half. Raises `ValueError` if the validation data do
    not fit (see `check_validation`).
    """
    data = check_validation(verdicts, validation)
    classes = len(verdicts.dataset.class_names)
    weights = np.empty((len(verdicts.agents), classes))
    for row, agent in enumerate(verdicts.agents):
        probabilities, labels = data[agent]
        answered = probabilities.argmax(axis=1)
        taken = np.bincount(answered, minlength=classes)
        right = np.bincount(answered[answered == labels], minlength=classes)
        weights[row] = (right + 1) / (taken + 2)
    return _vote(verdicts.answers(), weights)


def soft_vote(verdicts: Run, validation: Validation | None = None) -> pl.DataFrame:
    """The class with the highest mean probability over the agents; that mean."""
    answers = verdicts.answers()
    mean = answers.probabilities.sum(axis=0) / answers.there.sum(axis=0)[:, np.newaxis]
    return _outcomes(answers, mean.argmax(axis=1), mean.max(axis=1, initial=0))


def stacking(verdicts: Run, validation: Validation | None = None) -> pl.DataFrame:
    """What a logistic regression on the probabilities of all agents side by side says, fitted on
    the validation images (Wolpert 1992, "Stacked generalization"); its probability.

    Fitting takes seconds for thousands of validation images. Where an agent's answer is missing, a
    regression on the others' decides. Raises `ValueError` if the validation data do not fit (see
    `check_validation`) or are of one class only.
    """
    from sklearn.linear_model import LogisticRegression

    data = check_validation(verdicts, validation)
    labels = data[verdicts.agents[0]][1]
    if len(np.unique(labels)) < 2:
        raise ValueError("Stacking needs validation images of two classes or more.")
    answers = verdicts.answers()
    predicted = np.zeros(len(answers.labels), np.int64)
    confidence = np.zeros(len(answers.labels))
    for there in np.unique(answers.there, axis=1).T:
        names = [agent for agent, is_there in zip(verdicts.agents, there, strict=True) if is_there]
        regression = LogisticRegression(max_iter=1_000)
        regression.fit(np.hstack([data[name][0] for name in names]), labels)
        rows = (answers.there == there[:, np.newaxis]).all(axis=0)
        found = regression.predict_proba(np.hstack(list(answers.probabilities[there][:, rows])))
        predicted[rows] = regression.classes_[found.argmax(axis=1)]
        confidence[rows] = found.max(axis=1)
    return _outcomes(answers, predicted, confidence)


#: By the name that people read. Those in `NEED_VALIDATION` do not work without it.
STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "highest confidence": highest_confidence,
        "agreement": majority_vote,
        "weighted": weighted_vote,
        "soft vote": soft_vote,
        "stacking": stacking,
    }
)
NEED_VALIDATION = frozenset({"weighted", "stacking"})


def check_validation(verdicts: Run, validation: Validation | None) -> Validation:
    """`validation`, if it is fit to weigh the agents of `verdicts` against each other.

    Raises `ValueError` if that of an agent is missing, is not of the shape that `Validation`
    says, or is not of the same images as the first agent's (known by their labels).
    """
    classes = len(verdicts.dataset.class_names)
    missing = [agent for agent in verdicts.agents if agent not in (validation or {})]
    if validation is None or missing:
        raise ValueError(
            f"There are no validation data of {', '.join(missing)}. Train the model with"
            " imageclass.versions, which keeps them, and pass {agent: version.validation()}."
        )
    first = np.asarray(validation[verdicts.agents[0]][1])
    for agent in verdicts.agents:
        probabilities, labels = validation[agent]
        if np.shape(probabilities) != (len(labels), classes) or not len(labels):
            raise ValueError(
                f"The validation data of {agent} have the shape {np.shape(probabilities)} for"
                f" {len(labels)} labels; {verdicts.dataset.name} needs (labels, {classes})."
            )
        if not np.isfinite(probabilities).all():
            raise ValueError(f"The validation data of {agent} are not all numbers.")
        if not np.array_equal(labels, first):
            raise ValueError(
                f"The validation data of {agent} and {verdicts.agents[0]} are not of the same"
                " images. Train both with the same num_images and seed."
            )
    return validation


def _confidences(answers: Answers) -> NDArray[np.float64]:
    """Shape (agents, n); below every confidence where there is no answer."""
    return np.where(answers.there, answers.probabilities.max(axis=2), -1.0)


def _vote(answers: Answers, weights: NDArray[np.float64]) -> pl.DataFrame:
    """The class with the most weight behind it; `weights`: shape (agents, classes)."""
    agents, number, classes = answers.probabilities.shape
    choices, confidences = answers.probabilities.argmax(axis=2), _confidences(answers)
    weight, votes, total = (np.zeros((number, classes)) for _ in range(3))
    surest = np.full((number, classes), -1.0)
    for agent in range(agents):
        rows = np.flatnonzero(answers.there[agent])
        cells = rows, choices[agent, rows]
        weight[cells] += weights[agent, choices[agent, rows]]
        votes[cells] += 1
        total[cells] += confidences[agent, rows]
        surest[cells] = np.maximum(surest[cells], confidences[agent, rows])
    heaviest = np.isclose(weight, weight.max(axis=1, keepdims=True), rtol=1e-9, atol=0)
    contest = np.where(heaviest, surest, -1.0)
    best = contest == contest.max(axis=1, keepdims=True)
    # Still equal: the first agent's among them.
    predicted = np.zeros(number, np.int64)
    for agent in reversed(range(agents)):
        is_best = answers.there[agent] & best[np.arange(number), choices[agent]]
        predicted[is_best] = choices[agent, is_best]
    cells = np.arange(number), predicted
    return _outcomes(answers, predicted, total[cells] / votes[cells])


def _outcomes(
    answers: Answers, predicted: NDArray[np.int64], confidence: NDArray[np.float64]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "request_id": pl.Series(answers.request_ids, dtype=pl.String),
            "index": answers.indices,
            "label": answers.labels,
            "predicted": predicted.astype(np.int64),
            "confidence": confidence.clip(0, 1),
            "correct": predicted == answers.labels,
        }
    )
