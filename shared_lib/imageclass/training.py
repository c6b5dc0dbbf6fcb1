"""Train a model and measure it, with plain data in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imageclass._keras import keras_and_tensorflow
from imageclass.datasets import Dataset
from imageclass.models import CompiledClassifier

if TYPE_CHECKING:
    import keras

_VALIDATION_SHARE = 0.1


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training images gave. Losses are mean cross-entropies in nats;
    accuracies lie in [0, 1]; `val_*` come from the tenth of the images that is held back."""

    epoch: int  # from 1
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float


def train(
    model: keras.Model,
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    num_images: int | None = None,
    seed: int = 0,
    on_batch: Callable[[int, int], object] | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> list[Epoch]:
    """Train `model` in place on the training images of `dataset`; one `Epoch` for each pass.

    `num_images` takes only so many (drawn by `seed`); a tenth of them is held back to validate.
    `on_batch(done, total)` is called after every batch, both counted over all epochs, and
    `on_epoch` after every epoch. The test images are not touched. The same model, seed and
    machine give the same result. Raises `ValueError` for numbers that make no sense.
    """
    available = len(dataset.train_images)
    num_images = available if num_images is None else num_images
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be 1 or more: {epochs}, {batch_size}.")
    if not 2 <= num_images <= available:
        raise ValueError(f"num_images must be from 2 to {available}, not {num_images}.")
    keras, tf = keras_and_tensorflow()

    drawn = np.random.default_rng(seed).permutation(available)[:num_images]
    held_back = _held_back(num_images)
    validation, learning = drawn[:held_back], drawn[held_back:]
    total = total_batches(num_images, epochs, batch_size)

    class Report(keras.callbacks.Callback):  # type: ignore[name-defined]
        done = 0

        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            self.done += 1
            if on_batch:
                on_batch(self.done, total)

        def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
            history.append(Epoch(epoch + 1, **{name: float(logs[name]) for name in _METRICS}))  # type: ignore[index]
            if on_epoch:
                on_epoch(history[-1])

    history: list[Epoch] = []
    batches = (
        tf.data.Dataset.from_tensor_slices(
            (dataset.train_images[learning], dataset.train_labels[learning])
        )
        .shuffle(len(learning), seed=seed)
        .batch(batch_size)
        .prefetch(2)
    )
    model.fit(
        batches,
        epochs=epochs,
        validation_data=(dataset.train_images[validation], dataset.train_labels[validation]),
        validation_batch_size=512,
        callbacks=[Report()],
        shuffle=False,  # the batches are shuffled already
        verbose=0,
    )
    return history


_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


def total_batches(num_images: int, epochs: int, batch_size: int) -> int:
    """How many batches `train` works through for these numbers, over all epochs."""
    return epochs * -(-(num_images - _held_back(num_images)) // batch_size)


def _held_back(num_images: int) -> int:
    return max(1, int(num_images * _VALIDATION_SHARE))


def evaluate(model: keras.Model, dataset: Dataset) -> float:
    """The share in [0, 1] of all test images of `dataset` that `model` classifies rightly."""
    predicted = CompiledClassifier(model)(dataset.test_images).argmax(axis=1)
    return float((predicted == dataset.test_labels).mean())
