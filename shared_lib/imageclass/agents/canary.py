"""What an agent answers with: a model, and perhaps a newer one that is tried on a share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imageclass.messages.requests import Request
from imageclass.models.classifier import Classifier


@dataclass(frozen=True)
class Canary:
    """A model that answers `share` (0 to 1) of the requests in the other one's place."""

    classifier: Classifier
    share: float
    model: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"A canary's share must be from 0 to 1, not {self.share}.")

    def takes(self, request_id: str) -> bool:
        """Whether this request is the canary's: a matter of its id alone, so that every agent
        decides alike and a request that comes again meets the same model."""
        digest = hashlib.blake2b(request_id.encode(), digest_size=8).digest()
        return int.from_bytes(digest) < self.share * 2**64


class CanaryFailed(Exception):
    """The canary could not answer; the text is its error."""


@dataclass(frozen=True)
class Serving:
    """The model that answers, for which data set (empty: for any). `model`: its hash."""

    classifier: Classifier
    dataset: str = ""
    model: str = ""
    canary: Canary | None = None

    def try_out(self, classifier: Classifier, share: float, model: str = "") -> Serving:
        """The same with a canary. Raises `ValueError` if it takes images of another shape."""
        if classifier.image_shape != self.classifier.image_shape:
            raise ValueError(
                f"The canary takes images of shape {classifier.image_shape}, the agent's model"
                f" {self.classifier.image_shape}: swap the model instead."
            )
        return replace(self, canary=Canary(classifier, share, model))

    def promoted(self) -> Serving:
        """The canary in the model's place. Raises `ValueError` if there is none."""
        if self.canary is None:
            raise ValueError("There is no canary to promote.")
        return Serving(self.canary.classifier, self.dataset, self.canary.model)

    def answer(
        self, requests: Sequence[Request], images: NDArray[np.uint8]
    ) -> tuple[list[NDArray[np.float32]], list[str]]:
        """Probabilities, float32 (classes,), and the hash of the model that gave them, for each.

        `images`: uint8 (n, height, width, channels). Raises what the model raises, and
        `CanaryFailed` if it was the canary.
        """
        count = len(requests)
        if self.canary is None:
            return list(ask(self.classifier, images)), [self.model] * count
        tried = np.array([self.canary.takes(request.request) for request in requests], bool)
        rows: list = [None] * count
        models = [self.model] * count
        for position, row in _asked(self.classifier, images, ~tried):
            rows[position] = row
        try:
            for position, row in _asked(self.canary.classifier, images, tried):
                rows[position], models[position] = row, self.canary.model
        except Exception as error:
            raise CanaryFailed(f"{type(error).__name__}: {error}") from error
        return rows, models


def ask(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the model says. Raises `ArithmeticError` for what is not a number."""
    probabilities = classifier(images)
    if not np.isfinite(probabilities).all():
        raise ArithmeticError("the model gives probabilities that are not numbers")
    return probabilities


def _asked(
    classifier: Classifier, images: NDArray[np.uint8], mine: NDArray[np.bool_]
) -> list[tuple[int, NDArray[np.float32]]]:
    positions = np.flatnonzero(mine).tolist()
    if not positions:
        return []
    return list(zip(positions, ask(classifier, images[mine]), strict=True))
