"""Images that were sent as one run, and the table of the predictions for them."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from imageclass.messages.headers import InvalidMessage
from imageclass.messages.predictions import decode_predictions

#: Columns of `prediction_table` and their types.
SCHEMA: dict[str, Any] = {
    "name": pl.String,
    "agent": pl.String,
    "model": pl.String,
    "predicted": pl.Int64,
    "confidence": pl.Float64,
    "probabilities": pl.List(pl.Float32),
    "latency_ms": pl.Float64,
}


@dataclass(frozen=True)
class SubmittedRun:
    """Images that were sent as one run.

    Attributes:
        run_id: the run's id.
        requests: the request's id for each image name.
        refused: by image name, why the image was not sent, a sentence.
        dataset: the data set that was named, empty if none was.
        sent_ms: by request, when it was sent, in milliseconds since 1970.
        starts: by partition, the end of the topic of predictions before the run, if it is known.
    """

    run_id: str
    requests: dict[str, str]
    refused: dict[str, str] = field(default_factory=dict)
    dataset: str = ""
    sent_ms: dict[str, float] = field(default_factory=dict, repr=False)
    starts: dict[int, int] = field(default_factory=dict, repr=False)


def prediction_table(sent: SubmittedRun, records: Iterable[Any]) -> pl.DataFrame:
    """Decode the records of `classify.iter_predictions`; those that cannot be read are left out.

    Returns:
        A row for each image and agent, in the order of sending (see `SCHEMA`): name, agent, model
        (short hash, may be empty), predicted (index of the class), confidence in [0, 1],
        probabilities (one for each class) and latency_ms.
    """
    names = {request: name for name, request in sent.requests.items()}
    found: dict[tuple[str, str], tuple] = {}
    for record in records:
        with suppress(InvalidMessage):
            for one in decode_predictions(record.value, record.headers):
                if one.request not in names:
                    continue
                best = int(one.probabilities.argmax())
                row = (
                    *(names[one.request], one.agent, one.model, best),
                    min(1.0, float(one.probabilities[best])),
                    one.probabilities.tolist(),
                    max(0.0, record.timestamp - sent.sent_ms[one.request]),
                )
                found.setdefault((one.request, one.agent), row)
    place = {request: number for number, request in enumerate(names)}
    rows = [found[key] for key in sorted(found, key=lambda key: (place[key[0]], key[1]))]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
