"""Keras models that take raw uint8 images.

TensorFlow takes seconds and half a gigabyte to import, so it is imported inside the functions.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from imageclass._keras import keras_and_tensorflow
from imageclass.models.classifier import Shape

if TYPE_CHECKING:
    import keras


class ModelError(Exception):
    """A model is unknown or cannot be built here; the text says why and what to do."""


def build_cnn(image_shape: Shape, num_classes: int, seed: int = 0) -> keras.Model:
    """Build a small convolutional network: three convolutions, two poolings, two dense layers.

    It has 432,490 parameters for CIFAR-10 (32x32x3, 10 classes), like the CNN of the notebook that
    this project replaces, and suits images from 8x8x1 to 32x32x3.

    Args:
        image_shape: (height, width, channels) of its input, uint8 pixels as they are: its first
            layer scales them to [0, 1].
        num_classes: length of its output, probabilities, float32 (n, num_classes).
        seed: decides the initial weights.

    Raises:
        ValueError: the images are smaller than 4x4.
    """
    part = _Parts(image_shape, seed)
    x = part.convolution(part.pixels, 32)
    x = part.convolution(x, 32)
    x = part.layers.MaxPooling2D()(x)
    x = part.convolution(x, 96)
    x = part.layers.MaxPooling2D()(x)
    x = part.layers.Flatten()(x)
    x = part.layers.Dense(64, use_bias=False, kernel_initializer=part.weights())(x)
    x = part.layers.ReLU()(part.normalized(x))
    x = part.dropout(x, 0.2)
    return part.model(x, num_classes, "cnn")


def build_resnet(image_shape: Shape, num_classes: int, seed: int = 0) -> keras.Model:
    """Build a small residual network (He et al. 2015, arXiv:1512.03385).

    It consists of a convolution with pooling, three residual blocks of 64, 128 and 256 channels,
    the mean over the image and two dense layers. The second and the third block halve height and
    width. It has 1,263,242 parameters for CIFAR-10, like the ResNet of the notebook that this
    project replaces.

    Args and errors are those of `build_cnn`.
    """
    part = _Parts(image_shape, seed)
    x = part.convolution(part.pixels, 64, use_bias=True)
    x = part.layers.MaxPooling2D()(x)
    for channels, stride in ((64, 1), (128, 2), (256, 2)):
        shortcut = x
        if x.shape[-1] != channels:
            shortcut = part.convolution(
                x, channels, size=1, strides=stride, use_bias=True, relu=False
            )
        x = part.convolution(x, channels, strides=stride, use_bias=True)
        x = part.convolution(x, channels, use_bias=True, relu=False)
        x = part.layers.ReLU()(part.layers.Add()([x, shortcut]))
    x = part.layers.GlobalAveragePooling2D()(x)
    x = part.layers.Dense(128, activation="relu", kernel_initializer=part.weights())(x)
    x = part.dropout(x, 0.2)
    return part.model(x, num_classes, "resnet")


def build_mobilenet(
    image_shape: Shape, num_classes: int, seed: int = 0, weights: str | None = "imagenet"
) -> keras.Model:
    """Build MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) with a new last layer.

    Images are resized to 96x96, and grey ones turned to colour, in its first layers.

    Args:
        image_shape: as for `build_cnn`.
        num_classes: as for `build_cnn`.
        seed: as for `build_cnn`.
        weights: "imagenet": it starts from weights trained on photographs (Keras downloads 9 MB
            once), and only its last layer learns. None: all of it learns, from random weights.

    Raises:
        ModelError: the weights cannot be loaded.
        ValueError: the images are smaller than 4x4, or `weights` is something else.
    """
    if weights not in ("imagenet", None):
        raise ValueError(f"weights must be 'imagenet' or None, not {weights!r}.")
    part = _Parts(image_shape, seed)
    side = 96
    base = _mobilenet(part.keras, side, weights)
    if weights is None:
        for variable in base.trainable_variables:  # Keras' own draw takes no seed
            if len(variable.shape) > 1:
                variable.assign(part.weights()(variable.shape))
    else:
        base.trainable = False
    x = part.layers.Resizing(side, side)(part.pixels)
    x = part.layers.Rescaling(2, offset=-1)(x)  # MobileNetV2 takes pixels from -1 to 1
    if image_shape[2] == 1:
        x = part.layers.Concatenate()([x, x, x])
    x = base(x) if weights is None else base(x, training=False)
    return part.model(part.dropout(x, 0.2), num_classes, "mobilenet")


def _mobilenet(keras: ModuleType, side: int, weights: str | None) -> keras.Model:
    """Return MobileNetV2 without its last layer; weights come from Keras' cache or its server."""
    file = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{side}_no_top.h5"
    place = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models" / file
    was_there = place.exists()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # Keras' progress bar
            return keras.applications.MobileNetV2(
                input_shape=(side, side, 3), include_top=False, pooling="avg", weights=weights
            )
    except Exception as error:  # Keras wraps a network's fault in a bare one, h5py has its own
        if weights is None:
            raise
        what, do = (
            (f"{place} cannot be read", "Delete that file and try again")
            if was_there
            else (
                f"{place} is not there, and Keras could not download it",
                "Connect to the internet and try again; or download it elsewhere and put it there",
            )
        )
        raise ModelError(
            f"MobileNetV2's ImageNet weights cannot be loaded: {what} ({error}). {do}; or choose"
            " weights=None to train from scratch."
        ) from error


class _Parts:
    """The layers that the networks consist of.

    Each has its own seed: a generator for all would make a layer depend on those before it.
    """

    def __init__(self, image_shape: Shape, seed: int) -> None:
        if min(image_shape[:2]) < 4:
            raise ValueError(f"Images of shape {image_shape} are too small: 4x4 is the least.")
        self.keras, _ = keras_and_tensorflow()
        self.layers = self.keras.layers
        self._seeds: Iterator[int] = count(seed * 1000)
        self._input = self.keras.Input(image_shape, dtype="uint8")
        self.pixels = self.layers.Rescaling(1 / 255, dtype="float32")(self._input)

    def weights(self) -> Any:
        return self.keras.initializers.HeUniform(seed=next(self._seeds))

    def dropout(self, x: Any, share: float) -> Any:
        return self.layers.Dropout(share, seed=next(self._seeds))(x)

    def normalized(self, x: Any) -> Any:
        # Keras' own momentum of 0.99 needs more batches than a small data set has.
        return self.layers.BatchNormalization(momentum=0.9)(x)

    def convolution(
        self,
        x: Any,
        channels: int,
        size: int = 3,
        *,
        strides: int = 1,
        use_bias: bool = False,
        relu: bool = True,
    ) -> Any:
        x = self.layers.Conv2D(
            channels,
            size,
            strides=strides,
            padding="same",
            use_bias=use_bias,
            kernel_initializer=self.weights(),
        )(x)
        x = self.normalized(x)
        return self.layers.ReLU()(x) if relu else x

    def model(self, x: Any, num_classes: int, name: str) -> keras.Model:
        probabilities = self.layers.Dense(
            num_classes, activation="softmax", kernel_initializer=self.weights()
        )(x)
        return self.keras.Model(self._input, probabilities, name=name)


#: The models by name: functions of (image_shape, num_classes, seed, **options) -> keras.Model.
MODELS: MappingProxyType[str, Callable[..., keras.Model]] = MappingProxyType(
    {"cnn": build_cnn, "resnet": build_resnet, "mobilenet": build_mobilenet}
)


def builder(name: str) -> Callable[..., keras.Model]:
    """Return the function of `MODELS` that builds a model.

    Raises:
        ModelError: there is no model of that name; the text names all.
    """
    try:
        return MODELS[name]
    except KeyError:
        raise ModelError(
            f"There is no model {name!r}. Choose one of: {', '.join(MODELS)}."
        ) from None
