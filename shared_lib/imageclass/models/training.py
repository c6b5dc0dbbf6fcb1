"""Train a model and measure it, with plain data in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imageclass._keras import keras_and_tensorflow
from imageclass.data.augmentation import augmented
from imageclass.data.datasets import Dataset
from imageclass.models.classifier import CompiledClassifier
from imageclass.models.metrics import Metrics, measure

if TYPE_CHECKING:
    import keras

_VALIDATION_SHARE = 0.1
_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


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
    augment: bool = True,
    learning_rate: float = 2e-3,
    on_batch: Callable[[int, int], object] | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> list[Epoch]:
    """Train `model` in place on the training images of `dataset`; one `Epoch` for each pass.

    `num_images` takes only so many (drawn by `seed`); a tenth of them is held back to validate
    (`split` says which). `augment` changes the images learned from a little, anew in every epoch.
    Adam's `learning_rate` is reached after a tenth of the batches, in a straight line, and falls
    to nothing along a cosine (Loshchilov and Hutter 2016, arXiv:1608.03983).
    `on_batch(done, total)` is called after every batch, both counted over all epochs, and
    `on_epoch` after every epoch. The test images are not touched. The same model, seed and
    machine give the same result. Raises `ValueError` for numbers that make no sense.
    """
    learning, validation = split(dataset, num_images, seed)
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be 1 or more: {epochs}, {batch_size}.")
    keras, _ = keras_and_tensorflow()
    per_epoch = -(-len(learning) // batch_size)
    total = epochs * per_epoch
    warm_up = max(1, total // 10)
    history: list[Epoch] = []

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

    # One generator for all that is drawn, in one order: no global seed has a part in it.
    def batches() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        generator = np.random.default_rng([seed, 1])
        for _ in range(epochs):
            order = generator.permutation(learning)
            for start in range(0, len(order), batch_size):
                chosen = order[start : start + batch_size]
                images = dataset.train_images[chosen]
                if augment:
                    images = augmented(images, generator, mirror=dataset.mirror)
                yield images, dataset.train_labels[chosen]

    # A second model of the same layers, so that the optimizer's state is not saved with the first.
    learner = keras.Model(model.inputs, model.outputs)
    learner.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                learning_rate / warm_up,
                decay_steps=max(1, total - warm_up),
                warmup_target=learning_rate,
                warmup_steps=warm_up,
            )
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    learner.fit(
        batches(),
        epochs=epochs,
        steps_per_epoch=per_epoch,
        validation_data=(dataset.train_images[validation], dataset.train_labels[validation]),
        validation_batch_size=512,
        callbacks=[Report()],
        shuffle=False,  # the batches are shuffled already
        verbose=0,
    )
    return history


def split(
    dataset: Dataset, num_images: int | None = None, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of the training images `train` learns from, and which tenth it holds back: their
    indices, int64. Raises `ValueError` for a `num_images` that the data set cannot give."""
    available = len(dataset.train_images)
    num_images = available if num_images is None else num_images
    if not 2 <= num_images <= available:
        raise ValueError(f"num_images must be from 2 to {available}, not {num_images}.")
    drawn = np.random.default_rng(seed).permutation(available)[:num_images]
    held_back = _held_back(num_images)
    return drawn[held_back:], drawn[:held_back]


def total_batches(num_images: int, epochs: int, batch_size: int) -> int:
    """How many batches `train` works through for these numbers, over all epochs."""
    return epochs * -(-(num_images - _held_back(num_images)) // batch_size)


def _held_back(num_images: int) -> int:
    return max(1, int(num_images * _VALIDATION_SHARE))


def evaluate(model: keras.Model, dataset: Dataset) -> Metrics:
    """What `model` gets right and wrong on all test images of `dataset`."""
    return measure(CompiledClassifier(model)(dataset.test_images), dataset.test_labels)
