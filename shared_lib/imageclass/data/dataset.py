"""What a data set is: labelled images as plain arrays, and the names of their classes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

#: The classes of each data set, in the order of their labels.
CLASS_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "digits": tuple("0123456789"),
        # As its own README names them.
        "fashion-mnist": (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        "cifar10": (
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
    }
)


class DatasetError(Exception):
    """A data set is unknown or not available; the text says why and what to do."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test images with their labels. The arrays are read-only.

    Attributes:
        name: name of the data set.
        train_images: uint8, shape (n, height, width, channels); 0 is black, 255 white.
        train_labels: int64, shape (n,), indices into `class_names`.
        test_images: as `train_images`.
        test_labels: as `train_labels`.
        class_names: names of the classes, in the order of the labels.
        mirror: whether an image that is flipped left to right still belongs to its class.
    """

    name: str
    train_images: NDArray[np.uint8] = field(repr=False)
    train_labels: NDArray[np.int64] = field(repr=False)
    test_images: NDArray[np.uint8] = field(repr=False)
    test_labels: NDArray[np.int64] = field(repr=False)
    class_names: tuple[str, ...]
    mirror: bool = False

    def __post_init__(self) -> None:
        for images, labels in (
            (self.train_images, self.train_labels),
            (self.test_images, self.test_labels),
        ):
            if images.ndim != 4 or images.dtype != np.uint8:
                raise ValueError(f"{self.name}: images must be uint8 of shape (n, h, w, c)")
            if labels.shape != (len(images),) or labels.dtype != np.int64:
                raise ValueError(f"{self.name}: labels must be int64, one for each image")
            images.setflags(write=False)
            labels.setflags(write=False)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every image."""
        _, height, width, channels = self.train_images.shape
        return height, width, channels

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits, a hash of all images, labels and class names."""
        about = [self.image_shape, self.class_names, self.mirror]
        digest = hashlib.sha256(json.dumps(about).encode())
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:12]
