"""Keras models that take raw uint8 images, and the fast way to ask them.

TensorFlow takes seconds and half a gigabyte to import, so it is imported inside the functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from imageclass._keras import keras_and_tensorflow

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]


class Classifier(Protocol):
    """What an agent asks: a callable that knows the shape of the images it takes."""

    image_shape: Shape  # (height, width, channels)

    def __call__(self, images: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Probabilities, float32 (n, classes), of images, uint8 (n, height, width, channels)."""
        ...


def build_cnn(image_shape: Shape, num_classes: int, seed: int = 0) -> keras.Model:
    """A small convolutional network, not yet trained, compiled for `training.train`.

    Two convolutions with pooling and two dense layers; it suits images from 8x8x1 to 32x32x3.
    It takes uint8 pixels as they are (scaling to [0, 1] is its first layer) and gives
    probabilities, float32 (n, num_classes). The same `seed` gives the same first weights.
    Raises `ValueError` for images smaller than 4x4, which do not survive two poolings.
    """
    if min(image_shape[:2]) < 4:
        raise ValueError(f"Images of shape {image_shape} are too small: 4x4 is the least.")
    keras, _ = keras_and_tensorflow()
    layers = keras.layers

    # A number of its own for each layer: one shared generator would depend on who else uses it.
    def weights(layer: int) -> object:
        return keras.initializers.HeUniform(seed=seed * 1000 + layer)

    model = keras.Sequential(
        [
            keras.Input(image_shape, dtype="uint8"),
            layers.Rescaling(1 / 255, dtype="float32"),
            layers.Conv2D(32, 3, padding="same", activation="relu", kernel_initializer=weights(1)),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu", kernel_initializer=weights(2)),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.25, seed=seed * 1000 + 3),
            layers.Dense(128, activation="relu", kernel_initializer=weights(4)),
            layers.Dropout(0.25, seed=seed * 1000 + 5),
            layers.Dense(num_classes, activation="softmax", kernel_initializer=weights(6)),
        ],
        name="cnn",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


class CompiledClassifier:
    """A Keras model as a `Classifier`, compiled once for each of a few fixed batch sizes.

    A new shape would make TensorFlow trace the model anew, in the middle of the stream. So each
    call is padded to the next of the sizes 1, 16, 64 and `batch_size`, all traced on construction;
    more than `batch_size` images are done in slices. The weights are the model's own: training
    it further changes the answers.
    """

    def __init__(self, model: keras.Model, batch_size: int = 256) -> None:
        """Raises `ValueError` for a batch size below 1."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, not {batch_size}.")
        _, tf = keras_and_tensorflow()
        self._tf = tf
        _, height, width, channels = model.input_shape
        self.image_shape: Shape = (height, width, channels)
        self.batch_sizes = sorted(
            {size for size in (1, 16, 64) if size < batch_size} | {batch_size}
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
        """Probabilities, float32 (n, classes), of `images`, uint8 (n, *image_shape)."""
        largest = self.batch_sizes[-1]
        slices = range(0, len(images), largest) if len(images) else [0]
        return np.concatenate([self._one(images[start : start + largest]) for start in slices])

    def _one(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        size = next(size for size in self.batch_sizes if size >= len(images))
        padded = np.zeros((size, *self.image_shape), np.uint8)
        padded[: len(images)] = images
        return np.asarray(self._calls[size](self._tf.constant(padded)))[: len(images)]
