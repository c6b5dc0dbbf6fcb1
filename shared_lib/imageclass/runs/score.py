"""Compare predictions with the labels that the judge keeps."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from imageclass.messages.headers import InvalidMessage
from imageclass.messages.predictions import Prediction
from imageclass.runs.run import SCHEMA, Run


def belongs_to_run(prediction: Prediction, run: Run) -> bool:
    """Tell whether a prediction is of an agent that `run` expects.

    Raises:
        InvalidMessage: it is of such an agent, but for a request that was not sent or for another
            number of classes.
    """
    if prediction.agent not in run.agents:
        return False
    if prediction.request not in run.sent:
        raise InvalidMessage(f"no request {prediction.request} in this run")
    if len(prediction.probabilities) != len(run.class_names):
        raise InvalidMessage(f"{len(prediction.probabilities)} probabilities")
    return True


def score(
    predictions: Sequence[Prediction], answered_ms: Sequence[float], run: Run
) -> pl.DataFrame:
    """Turn predictions that belong to `run` into rows of `Run.predictions`.

    Args:
        predictions: see `belongs_to_run`.
        answered_ms: when each was sent by its agent, in milliseconds since 1970.
        run: the run, for its labels and times of sending.
    """
    if not predictions:
        return pl.DataFrame(schema=SCHEMA)
    requests = [run.sent[prediction.request] for prediction in predictions]
    probabilities = np.stack([prediction.probabilities for prediction in predictions])
    predicted = probabilities.argmax(axis=1)
    labels = np.array([request.label for request in requests], np.int64)
    latency_ms = np.asarray(answered_ms, float) - np.array([one.sent_ms for one in requests])
    return pl.DataFrame(
        {
            "request_id": [prediction.request for prediction in predictions],
            "agent": [prediction.agent for prediction in predictions],
            "index": np.array([request.index for request in requests], np.int64),
            "label": labels,
            "predicted": predicted,
            # A sum of rounded numbers can be a little over 1, and the format allows it.
            "confidence": probabilities.max(axis=1).astype(np.float64).clip(0, 1),
            "correct": predicted == labels,
            # The agent's clock may be behind the judge's.
            "latency_ms": latency_ms.clip(0),
            "model": [prediction.model for prediction in predictions],
            "probabilities": pl.Series(probabilities).arr.to_list(),
        },
        schema=SCHEMA,
    )
