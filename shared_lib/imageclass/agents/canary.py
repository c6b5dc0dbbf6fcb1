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
    """A model that answers a share of the requests in the other one's place.

    Attributes:
        classifier: the model.
        share: its share of the requests, from 0 to 1.
        model: its hash, empty if unknown.
    """

    classifier: Classifier
    share: float
    model: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"A canary's share must be from 0 to 1, not {self.share}.")

    def takes(self, request_id: str) -> bool:
        """Return whether a request is the canary's.

        The id alone decides: every agent decides alike, and a request that comes again meets the
        same model.
        """
        digest = hashlib.blake2b(request_id.encode(), digest_size=8).digest()
        return int.from_bytes(digest) < self.share * 2**64


class CanaryFailed(Exception):
    """The canary could not answer; the text is its error."""


@dataclass(frozen=True)
class Serving:
    """The model that answers.

    Attributes:
        classifier: the model.
        dataset: name of the data set whose requests it answers; empty for any.
        model: its hash, empty if unknown.
        canary: the newer model that is tried, if there is one.
    """

    classifier: Classifier
    dataset: str = ""
    model: str = ""
    canary: Canary | None = None

    def with_canary(self, classifier: Classifier, share: float, model: str = "") -> Serving:
        """Return the same with a canary.

        Args:
            classifier: the newer model.
            share: its share of the requests, from 0 to 1.
            model: its hash.

        Raises:
            ValueError: the share is out of its range, or the images' shapes differ.
        """
        if classifier.image_shape != self.classifier.image_shape:
            raise ValueError(
                f"The canary takes images of shape {classifier.image_shape}, the agent's model"
                f" {self.classifier.image_shape}: swap the model instead."
            )
        return replace(self, canary=Canary(classifier, share, model))

    def promoted(self) -> Serving:
        """Return the canary in the model's place.

        Raises:
            ValueError: there is no canary.
        """
        if self.canary is None:
            raise ValueError("There is no canary to promote.")
        return Serving(self.canary.classifier, self.dataset, self.canary.model)

    def predict(
        self, requests: Sequence[Request], images: NDArray[np.uint8]
    ) -> tuple[list[NDArray[np.float32]], list[str]]:
        """Return probabilities for each request, and the hash of the model that gave them.

        Args:
            requests: n requests.
            images: their images, uint8 (n, height, width, channels).

        Returns:
            n arrays, float32 (classes,), and n hashes.

        Raises:
            CanaryFailed: the canary raised an error.
            Exception: what the model raises.
        """
        count = len(requests)
        if self.canary is None:
            return list(_probabilities(self.classifier, images)), [self.model] * count
        for_canary = np.array([self.canary.takes(request.request) for request in requests], bool)
        rows: list = [None] * count
        models = [self.model] * count
        for position, row in _predict_some(self.classifier, images, ~for_canary):
            rows[position] = row
        try:
            for position, row in _predict_some(self.canary.classifier, images, for_canary):
                rows[position], models[position] = row, self.canary.model
        except Exception as error:
            raise CanaryFailed(f"{type(error).__name__}: {error}") from error
        return rows, models


def _probabilities(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    probabilities = classifier(images)
    if not np.isfinite(probabilities).all():
        raise ArithmeticError("the model gives probabilities that are not numbers")
    return probabilities


def _predict_some(
    classifier: Classifier, images: NDArray[np.uint8], chosen: NDArray[np.bool_]
) -> list[tuple[int, NDArray[np.float32]]]:
    positions = np.flatnonzero(chosen).tolist()
    if not positions:
        return []
    return list(zip(positions, _probabilities(classifier, images[chosen]), strict=True))
