"""The wire format of predictions: probabilities with headers; docs/messages.md describes it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from imageclass.messages.headers import (
    FORMAT_VERSION,
    Header,
    Headers,
    InvalidMessage,
    body_of,
    check_version,
    fields_of,
    ids_of,
    need,
    need_id,
    need_ids,
)

_MAX_CLASSES = 10_000
_OF_A_PREDICTION = frozenset(
    {"version", "run", "request", "agent", "model", "dataset", "dtype", "byteorder", "classes"}
)


@dataclass(frozen=True, eq=False)
class Prediction:
    """An agent's answer to a request.

    Attributes:
        run: id of the run.
        request: id of the request; of several images, those of all, separated by commas.
        agent: name of the agent.
        probabilities: float32, shape (classes,); of several images (images, classes).
        model: hash of the model that gave them, empty if unknown.
        dataset: name of the data set whose classes they are for, empty if unknown.
    """

    run: str
    request: str
    agent: str
    probabilities: NDArray[np.float32]
    model: str = ""
    dataset: str = ""


def encode_prediction(prediction: Prediction) -> tuple[bytes, Headers]:
    """Return value and headers of the Kafka message for a prediction."""
    value = prediction.probabilities.astype("<f4", copy=False).tobytes()
    common = _prediction_headers(
        prediction.run,
        prediction.agent,
        prediction.model,
        prediction.dataset,
        prediction.probabilities.shape[-1],
    )
    return value, [*common, ("request", prediction.request.encode())]


@lru_cache(maxsize=256)
def _prediction_headers(run: str, agent: str, model: str, dataset: str, classes: int) -> Headers:
    headers = {
        "version": FORMAT_VERSION,
        "run": run,
        "agent": agent,
        "dtype": "float32",
        "byteorder": "little",
        "classes": str(classes),
    }
    if model:
        headers["model"] = model
    if dataset:
        headers["dataset"] = dataset
    return [(name, text.encode()) for name, text in headers.items()]


def decode_prediction(value: bytes | None, headers: Iterable[Header] | None) -> Prediction:
    """Return the prediction in a Kafka message, of one image or of several.

    Raises:
        InvalidMessage: something is missing, or does not fit together.
    """
    fields = fields_of(header for header in headers or () if header[0] in _OF_A_PREDICTION)
    check_version(fields)
    run, request, agent = need_id(fields, "run"), need_ids(fields), need_id(fields, "agent")
    model = need_id(fields, "model") if fields.get("model") else ""
    dataset = need_id(fields, "dataset") if fields.get("dataset") else ""
    if (dtype := need(fields, "dtype")) != "float32":
        raise InvalidMessage(f"dtype {dtype[:40]!r} of probabilities is not float32")
    # Predictions before version 0.2 do not name it; it was the same.
    if (order := fields.get("byteorder", "little")) != "little":
        raise InvalidMessage(f"byte order {order[:40]!r} of probabilities is not little")
    text = need(fields, "classes")
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > _MAX_CLASSES:
        raise InvalidMessage(f"classes {text[:40]!r} is not a number from 1 to {_MAX_CLASSES}")
    count = 1 + request.count(",")
    size = 4 * int(text) * count
    body = body_of(value, 4 * _MAX_CLASSES * count)
    if len(body) != size:
        images = f" of {count} images" if count > 1 else ""
        raise InvalidMessage(f"{text} classes{images} need {size} bytes, there are {len(body)}")
    probabilities = np.frombuffer(body, "<f4").astype(np.float32)
    if count > 1:
        probabilities = probabilities.reshape(count, -1)
    # Written so that a NaN fails it too.
    if not ((probabilities >= 0) & (probabilities <= 1.001)).all():
        raise InvalidMessage("probabilities outside of 0 to 1")
    return Prediction(run, request, agent, probabilities, model, dataset)


def decode_predictions(value: bytes | None, headers: Iterable[Header] | None) -> list[Prediction]:
    """Return the predictions in a Kafka message, one for each image.

    Raises:
        InvalidMessage: something is missing, or does not fit together.
    """
    all_images = decode_prediction(value, headers)
    if all_images.probabilities.ndim == 1:
        return [all_images]
    return [
        replace(all_images, request=request, probabilities=row)
        for request, row in zip(ids_of(all_images.request), all_images.probabilities, strict=True)
    ]
