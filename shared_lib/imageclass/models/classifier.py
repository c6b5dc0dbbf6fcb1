"""What an agent calls: images in, probabilities out; and a fast one made of a Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from imageclass._keras import keras_and_tensorflow

if TYPE_CHECKING:
    import keras


Shape = tuple[int, int, int]


class Classifier(Protocol):
    """A callable that takes images of one shape. An agent calls it from two threads at once.

    Attributes:
        image_shape: (height, width, channels) of its images.
    """

    image_shape: Shape

    def __call__(self, images: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Return probabilities, float32 (n, classes).

        Args:
            images: uint8, shape (n, height, width, channels).
        """
        ...


class CompiledClassifier:
    """A Keras model as a `Classifier`, compiled once for each of a few fixed batch sizes.

    A new shape would make TensorFlow trace the model again, in the middle of the stream. So the
    images of a call are padded to the next of the sizes 1, 8, 16, 32, 64, 128 and `batch_size`, all
    traced on construction. The weights are the model's: training it further changes the result.
    """

    def __init__(self, model: keras.Model, batch_size: int = 256) -> None:
        """Compile the model, which takes seconds.

        Args:
            model: takes uint8 images and gives probabilities.
            batch_size: the largest size; more images are done in slices.

        Raises:
            ValueError: `batch_size` is below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, not {batch_size}.")
        _, tf = keras_and_tensorflow()
        self._tf = tf
        _, height, width, channels = model.input_shape
        self.image_shape: Shape = (height, width, channels)
        self.batch_sizes = sorted(
            {size for size in (1, 8, 16, 32, 64, 128) if size < batch_size} | {batch_size}
        )
        # The concrete functions hold the weights only weakly: the model must stay.
        self._model = model
        function = tf.function(lambda images: model(images, training=False))
        self._calls = {
            size: function.get_concrete_function(tf.TensorSpec((size, *self.image_shape), tf.uint8))
            for size in self.batch_sizes
        }
        for size in self.batch_sizes:  # the first call is slow too
            self._one(np.zeros((size, *self.image_shape), np.uint8))

    def __call__(self, images: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Return probabilities, float32 (n, classes).

        Args:
            images: uint8, shape (n, *image_shape).
        """
        largest = self.batch_sizes[-1]
        slices = range(0, len(images), largest) if len(images) else [0]
        return np.concatenate([self._one(images[start : start + largest]) for start in slices])

    def _one(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        size = next(size for size in self.batch_sizes if size >= len(images))
        padded = np.zeros((size, *self.image_shape), np.uint8)
        padded[: len(images)] = images
        return np.asarray(self._calls[size](self._tf.constant(padded)))[: len(images)]
