"""Labelled images to learn from, as plain arrays.

`digits` comes with scikit-learn and is always there; the others need files or the internet, and
say so when they cannot be had.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from imageclass._keras import keras_and_tensorflow

#: Where Debian's package `dataset-fashion-mnist` puts its files; another place through
#: the environment variable `FASHION_MNIST_DIR`.
FASHION_MNIST_DIR = "/usr/share/datasets/fashion-mnist"

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

_SPLIT_SEED = 0  # scikit-learn's digits come in one piece: the split must be the same for all


class DatasetError(Exception):
    """A data set is unknown or cannot be had; the text says why and what to do."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their labels.

    `*_images`: uint8, shape (n, height, width, channels), 0 is black and 255 white (or full
    colour); `*_labels`: int64, shape (n,), an index into `class_names`. The arrays are read-only:
    `load` gives the same ones to every caller. `mirror`: an image flipped left to right is still
    one of its class, which digits are not.
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


def load(name: str) -> Dataset:
    """The data set `name`, one of `available()`; kept in memory after the first call.

    Raises `DatasetError` for an unknown name (naming the known ones) and for one that cannot be
    had here (saying why and what to do).
    """
    return _load(name)


@cache
def _load(name: str) -> Dataset:
    try:
        loader, _ = _SOURCES[name]
    except KeyError:
        known = ", ".join(_SOURCES)
        raise DatasetError(f"There is no data set {name!r}. Choose one of: {known}.") from None
    return loader()


def available() -> dict[str, str | None]:
    """Every known data set, with None if it can be had or the reason why it cannot.

    Looks only at what is on this machine, so it is quick: a data set that must be downloaded
    counts as available when its downloader is there; `load` may still fail without internet.
    """
    return {name: reason() for name, (_, reason) in _SOURCES.items()}


def _load_digits() -> Dataset:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    # Scikit-learn's digits count 0 to 16 (they are 4x4 blocks of black-and-white dots).
    images = np.round(pixels * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    train, test = train_test_split(
        np.arange(len(images)), test_size=0.25, random_state=_SPLIT_SEED, stratify=labels
    )
    labels = labels.astype(np.int64)
    return Dataset(
        "digits",
        images[train],
        labels[train],
        images[test],
        labels[test],
        CLASS_NAMES["digits"],
    )


def _fashion_mnist_directory() -> Path:
    return Path(os.environ.get("FASHION_MNIST_DIR") or FASHION_MNIST_DIR)


_FASHION_FILES = MappingProxyType(
    {
        "train_images": "train-images-idx3-ubyte.gz",
        "train_labels": "train-labels-idx1-ubyte.gz",
        "test_images": "t10k-images-idx3-ubyte.gz",
        "test_labels": "t10k-labels-idx1-ubyte.gz",
    }
)


def _why_no_fashion_mnist() -> str | None:
    directory = _fashion_mnist_directory()
    missing = [name for name in _FASHION_FILES.values() if not (directory / name).is_file()]
    if not missing:
        return None
    return (
        f"{missing[0]} is not in {directory}. On Debian or Ubuntu: apt install"
        " dataset-fashion-mnist. Elsewhere: put the four files there, or name their directory in"
        " FASHION_MNIST_DIR."
    )


def _load_fashion_mnist() -> Dataset:
    if reason := _why_no_fashion_mnist():
        raise DatasetError(f"The data set fashion-mnist cannot be had: {reason}")
    directory = _fashion_mnist_directory()
    arrays = {part: read_idx(directory / name) for part, name in _FASHION_FILES.items()}
    return Dataset(
        "fashion-mnist",
        arrays["train_images"][..., np.newaxis],
        arrays["train_labels"].astype(np.int64),
        arrays["test_images"][..., np.newaxis],
        arrays["test_labels"].astype(np.int64),
        CLASS_NAMES["fashion-mnist"],
        mirror=True,
    )


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in a gzipped IDX file of unsigned bytes (the format of MNIST).

    Raises `DatasetError` naming the file if it is not one.
    """
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:  # EOFError: a download that broke off
        raise DatasetError(f"{path} cannot be read: {error}. Install it again.") from error
    # Two zero bytes, the type (8 is unsigned byte), the number of dimensions, then each
    # dimension as a big-endian 32-bit number.
    if len(data) < 4 or data[:3] != b"\x00\x00\x08" or len(data) < 4 + 4 * data[3]:
        raise DatasetError(f"{path} is not an IDX file of unsigned bytes. Install it again.")
    header = 4 + 4 * data[3]
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4).astype(int)
    if len(data) != header + int(np.prod(shape)):
        raise DatasetError(f"{path} is cut off or too long. Install it again.")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _why_no_cifar10() -> str | None:
    from importlib.util import find_spec

    if find_spec("tensorflow") is None:
        return "it comes through Keras: install imageclass[tensorflow]."
    return None


def _load_cifar10() -> Dataset:
    if reason := _why_no_cifar10():
        raise DatasetError(f"The data set cifar10 cannot be had: {reason}")
    keras, _ = keras_and_tensorflow()
    try:
        (train_images, train_labels), (test_images, test_labels) = (
            keras.datasets.cifar10.load_data()
        )
    except Exception as error:  # Keras wraps every network fault in a bare Exception
        raise DatasetError(
            "The data set cifar10 cannot be had: Keras downloads it (170 MB), and that failed"
            f" ({error}). Connect to the internet and try again, or choose another data set."
        ) from error
    return Dataset(
        "cifar10",
        train_images,
        train_labels.reshape(-1).astype(np.int64),
        test_images,
        test_labels.reshape(-1).astype(np.int64),
        CLASS_NAMES["cifar10"],
        mirror=True,
    )


_SOURCES: MappingProxyType[str, tuple[Callable[[], Dataset], Callable[[], str | None]]] = (
    MappingProxyType(
        {
            "digits": (_load_digits, lambda: None),
            "fashion-mnist": (_load_fashion_mnist, _why_no_fashion_mnist),
            "cifar10": (_load_cifar10, _why_no_cifar10),
        }
    )
)
