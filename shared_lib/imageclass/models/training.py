"""Train a model and measure it, with plain data in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    """What one pass over the training images gave.

    Attributes:
        epoch: its number, from 1.
        loss: mean cross-entropy on the training images, in nats.
        accuracy: on the training images, from 0 to 1.
        val_loss: mean cross-entropy on the validation images, in nats.
        val_accuracy: on the validation images, from 0 to 1.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float


OnBatch = Callable[[int, int], object]  # (done, total)
OnEpoch = Callable[[Epoch], object]


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
    on_batch: OnBatch | None = None,
    on_epoch: OnEpoch | None = None,
) -> list[Epoch]:
    """Train `model` in place on the training images of a data set. Test images are not touched.

    The same model, seed and machine give the same result on a CPU. On a GPU sums are added in
    another order each time: weights differ by about a hundredth (bench/results/gpu.md).

    Args:
        model: a Keras model with probabilities as its output.
        dataset: the images.
        epochs: passes over the training images.
        batch_size: images in a batch.
        num_images: how many training images are used, drawn by `seed`; None for all. A tenth of
            them is held back for validation (see `split`).
        seed: decides all that is drawn.
        augment: change the training images a little in every epoch.
        learning_rate: Adam's. It is reached after a tenth of the batches, in a straight line, and
            falls to nothing along a cosine (Loshchilov and Hutter 2016, arXiv:1608.03983).
        on_batch: called with (done, total) after every batch, both counted over all epochs.
        on_epoch: called with the `Epoch` after every epoch.

    Returns:
        An entry for each epoch.

    Raises:
        ValueError: a number makes no sense.
    """
    learning, validation = split(dataset, num_images, seed)
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be 1 or more: {epochs}, {batch_size}.")
    per_epoch = -(-len(learning) // batch_size)
    total = epochs * per_epoch
    reporter = _Reporter(total, on_batch, on_epoch)
    _learner(model, learning_rate, total).fit(
        _batches(dataset, learning, epochs, batch_size, seed, augment),
        epochs=epochs,
        steps_per_epoch=per_epoch,
        validation_data=(dataset.train_images[validation], dataset.train_labels[validation]),
        validation_batch_size=512,
        callbacks=[reporter.callback()],
        shuffle=False,  # the batches are shuffled already
        verbose=0,
    )
    return reporter.history


def _batches(
    dataset: Dataset,
    learning: NDArray[np.int64],
    epochs: int,
    batch_size: int,
    seed: int,
    augment: bool,
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    # One generator for all that is drawn, in one order: no global seed has a part in it.
    generator = np.random.default_rng([seed, 1])
    for _ in range(epochs):
        order = generator.permutation(learning)
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            images = dataset.train_images[chosen]
            if augment:
                images = augmented(images, generator, mirror=dataset.mirror)
            yield images, dataset.train_labels[chosen]


def _learner(model: keras.Model, learning_rate: float, total_batches: int) -> keras.Model:
    """Return a second model of the same layers, so that no optimizer is saved with the first."""
    keras, _ = keras_and_tensorflow()
    warm_up = max(1, total_batches // 10)
    learner = keras.Model(model.inputs, model.outputs)
    learner.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                learning_rate / warm_up,
                decay_steps=max(1, total_batches - warm_up),
                warmup_target=learning_rate,
                warmup_steps=warm_up,
            )
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return learner


class _Reporter:
    """Collects the history of a training, and tells the caller how far it is."""

    def __init__(self, total: int, on_batch: OnBatch | None, on_epoch: OnEpoch | None) -> None:
        self.history: list[Epoch] = []
        self._done, self._total = 0, total
        self._on_batch, self._on_epoch = on_batch, on_epoch

    def callback(self) -> Any:
        """Return it as a callback for `keras.Model.fit`."""
        keras, _ = keras_and_tensorflow()
        return keras.callbacks.LambdaCallback(
            on_train_batch_end=self._batch_ended, on_epoch_end=self._epoch_ended
        )

    def _batch_ended(self, batch: int, logs: dict[str, float] | None) -> None:
        self._done += 1
        if self._on_batch:
            self._on_batch(self._done, self._total)

    def _epoch_ended(self, epoch: int, logs: dict[str, float]) -> None:
        numbers = {name: float(logs[name]) for name in _METRICS}
        self.history.append(Epoch(epoch + 1, **numbers))
        if self._on_epoch:
            self._on_epoch(self.history[-1])


def split(
    dataset: Dataset, num_images: int | None = None, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which of the training images `train` learns from, and which it validates with.

    Args:
        dataset: the images.
        num_images: how many are used, drawn by `seed`; None for all.
        seed: decides the draw.

    Returns:
        Indices of the training images, int64, and of the tenth that is held back, int64.

    Raises:
        ValueError: the data set has fewer than `num_images`, or `num_images` is below 2.
    """
    available = len(dataset.train_images)
    num_images = available if num_images is None else num_images
    if not 2 <= num_images <= available:
        raise ValueError(f"num_images must be from 2 to {available}, not {num_images}.")
    drawn = np.random.default_rng(seed).permutation(available)[:num_images]
    held_back = _held_back(num_images)
    return drawn[held_back:], drawn[:held_back]


def total_batches(num_images: int, epochs: int, batch_size: int) -> int:
    """Return the number of batches that `train` works through, over all epochs."""
    return epochs * -(-(num_images - _held_back(num_images)) // batch_size)


def _held_back(num_images: int) -> int:
    return max(1, int(num_images * _VALIDATION_SHARE))


def evaluate(model: keras.Model, dataset: Dataset) -> Metrics:
    """Return a Keras model's metrics on all test images of a data set."""
    return measure(CompiledClassifier(model)(dataset.test_images), dataset.test_labels)
