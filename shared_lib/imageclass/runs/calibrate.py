"""Apply temperature scaling to the predictions of a run."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from imageclass.evaluation.calibration import scale
from imageclass.runs.run import Run, probability_matrix


def calibrate(run: Run, temperatures: Mapping[str, float]) -> Run:
    """Return a run as it would be if agents were calibrated.

    Probabilities and confidences change; the predicted classes do not.

    Args:
        run: the run, which stays as it is.
        temperatures: by agent, what `calibration.fit_temperature` found for it; the predictions of
            other agents stay.
    """
    parts = [run.predictions.filter(~pl.col("agent").is_in(list(temperatures)))]
    for agent, temperature in temperatures.items():
        own = run.of_agent(agent)
        if own.is_empty():
            continue
        scaled = scale(probability_matrix(own, len(run.class_names)), temperature)
        parts.append(
            own.with_columns(
                confidence=pl.Series(scaled.max(axis=1)),
                probabilities=pl.Series(scaled.astype(np.float32)).arr.to_list(),
            )
        )
    return replace(run, predictions=pl.concat(parts))
