"""What an agent answers with: a model, and perhaps a newer one that is tried on a share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

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

        The images of one request go to one model.

        Args:
            requests: n requests.
            images: the images of all, uint8 (images, height, width, channels).

        Returns:
            n arrays, float32 (images of the request, classes), and n hashes.

        Raises:
            CanaryFailed: the canary raised an error.
            Exception: what the model raises.
        """
        counts = [request.count for request in requests]
        if self.canary is None:
            rows = _probabilities(self.classifier, images)
            return _split(rows, counts), [self.model] * len(counts)
        takes = [self.canary.takes(request.request) for request in requests]
        parts = _split(images, counts)
        found = _predict_some(
            self.classifier, parts, [n for n, take in enumerate(takes) if not take]
        )
        try:
            own = [n for n, take in enumerate(takes) if take]
            found |= _predict_some(self.canary.classifier, parts, own)
        except Exception as error:
            raise CanaryFailed(f"{type(error).__name__}: {error}") from error
        models = [self.canary.model if take else self.model for take in takes]
        return [found[number] for number in range(len(counts))], models


def _probabilities(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    probabilities = classifier(images)
    if not np.isfinite(probabilities).all():
        raise ArithmeticError("the model gives probabilities that are not numbers")
    return probabilities


def _split(rows: NDArray, counts: Sequence[int]) -> list[NDArray]:
    """Return consecutive parts of `rows` that have so many each."""
    ends = accumulate(counts)
    return [rows[end - count : end] for count, end in zip(counts, ends, strict=True)]


def _predict_some(
    classifier: Classifier, parts: Sequence[NDArray[np.uint8]], chosen: Sequence[int]
) -> dict[int, NDArray[np.float32]]:
    """Return the probabilities of the chosen parts, by their positions."""
    if not chosen:
        return {}
    rows = _probabilities(classifier, np.concatenate([parts[number] for number in chosen]))
    return dict(zip(chosen, _split(rows, [len(parts[n]) for n in chosen]), strict=True))
