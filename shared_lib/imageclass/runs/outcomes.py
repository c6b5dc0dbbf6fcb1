"""Outcomes: one decided class for each request of a run, by an agent or by a strategy.

An *outcome frame* has a row for each request that at least one agent has answered: request_id,
index (of the test image), label, predicted, confidence in [0, 1] and correct. A request that
nobody has answered has no row; `tables.accuracy_table` counts those.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imageclass.evaluation import ensembles
from imageclass.evaluation.ensembles import NEED_VALIDATION, STRATEGIES
from imageclass.evaluation.statistics import McNemar, mcnemar
from imageclass.runs.run import Run

#: Outcome frames by the name of the agent or strategy.
Outcomes = Mapping[str, pl.DataFrame]

#: For each agent its probabilities, shape (n, classes), for the same n validation images, and
#: their labels, shape (n,).
Validation = Mapping[str, tuple[NDArray[np.floating], NDArray[np.integer]]]

_COLUMNS = ["request_id", "index", "label", "predicted", "confidence", "correct"]


def by_agent(run: Run) -> dict[str, pl.DataFrame]:
    """Return what each agent predicted, as an outcome frame for each."""
    return {agent: run.of_agent(agent).select(_COLUMNS) for agent in run.agents}


def decide(run: Run, strategy: str, validation: Validation | None = None) -> pl.DataFrame:
    """Decide between the agents of a run.

    Args:
        run: the run; where everything is equal the agent named first in `run.agents` decides.
        strategy: a name in `ensembles.STRATEGIES`, such as "soft vote".
        validation: for a strategy in `ensembles.NEED_VALIDATION`.

    Returns:
        An outcome frame.

    Raises:
        ValueError: there is no such strategy, or it needs validation data that are missing or do
            not fit; the text says which.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"There is no strategy {strategy!r}. There are: {', '.join(STRATEGIES)}.")
    data = _stack(run, validation) if strategy in NEED_VALIDATION else None
    arrays = run.arrays()
    predicted, confidence = STRATEGIES[strategy](arrays.probabilities, arrays.answered, data)
    return pl.DataFrame(
        {
            "request_id": pl.Series(arrays.request_ids, dtype=pl.String),
            "index": arrays.indices,
            "label": arrays.labels,
            "predicted": predicted,
            "confidence": confidence,
            "correct": predicted == arrays.labels,
        }
    )


def compare(first: pl.DataFrame, second: pl.DataFrame) -> McNemar:
    """Run McNemar's test on the requests that both outcome frames have."""
    pairs = first.select("request_id", "correct").join(
        second.select("request_id", other="correct"), on="request_id"
    )
    return mcnemar(pairs["correct"].to_numpy(), pairs["other"].to_numpy())


def _stack(run: Run, validation: Validation | None) -> ensembles.Validation:
    """Check the agents' validation data, and put them side by side.

    Raises:
        ValueError: those of an agent are missing, have another shape than `Validation` says, or
            are not of the same images as the first agent's (known by their labels).
    """
    classes = len(run.class_names)
    missing = [agent for agent in run.agents if agent not in (validation or {})]
    if validation is None or missing:
        raise ValueError(
            f"There are no validation data of {', '.join(missing)}. Train the model with"
            " train_or_load, which keeps them, and pass {agent: version.validation()}."
        )
    first = np.asarray(validation[run.agents[0]][1])
    for agent in run.agents:
        probabilities, labels = validation[agent]
        if np.shape(probabilities) != (len(labels), classes) or not len(labels):
            raise ValueError(
                f"The validation data of {agent} have the shape {np.shape(probabilities)} for"
                f" {len(labels)} labels; {run.dataset} needs (labels, {classes})."
            )
        if not np.isfinite(probabilities).all():
            raise ValueError(f"The validation data of {agent} are not all numbers.")
        if not np.array_equal(labels, first):
            raise ValueError(
                f"The validation data of {agent} and {run.agents[0]} are not of the same"
                " images. Train both with the same num_images and seed."
            )
    return ensembles.Validation(np.stack([validation[agent][0] for agent in run.agents]), first)
