"""Where each data set comes from: loaders, and the reasons why one cannot work here."""

import os
from pathlib import Path
from types import MappingProxyType

import numpy as np

from imageclass._keras import keras_and_tensorflow
from imageclass.data.dataset import CLASS_NAMES, Dataset, DatasetError
from imageclass.data.idx import read_idx

#: Where Debian's package `dataset-fashion-mnist` puts its files. The environment variable
#: `FASHION_MNIST_DIR` names another place.
FASHION_MNIST_DIR = "/usr/share/datasets/fashion-mnist"

# Scikit-learn's digits are not split into training and test: the split must be the same for all.
_SPLIT_SEED = 0

def load_digits() -> Dataset:
    """Return scikit-learn's 8x8 digits, a quarter of them as test images."""
    import sklearn.datasets
    from sklearn.model_selection import train_test_split

    pixels, labels = sklearn.datasets.load_digits(return_X_y=True)
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


def why_no_fashion_mnist() -> str | None:
    """Return the reason why Fashion-MNIST cannot be loaded, with what to do; None if it can."""
    directory = _fashion_mnist_directory()
    missing = [name for name in _FASHION_FILES.values() if not (directory / name).is_file()]
    if not missing:
        return None
    return (
        f"{missing[0]} is not in {directory}. On Debian or Ubuntu: apt install"
        " dataset-fashion-mnist. Elsewhere: put the four files there, or name their directory in"
        " FASHION_MNIST_DIR."
    )


def load_fashion_mnist() -> Dataset:
    """Return Fashion-MNIST, 70,000 images of 28x28x1.

    Raises:
        DatasetError: a file is missing or damaged.
    """
    if reason := why_no_fashion_mnist():
        raise DatasetError(f"The data set fashion-mnist cannot be loaded: {reason}")
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


def why_no_cifar10() -> str | None:
    """Return the reason why CIFAR-10 cannot be loaded, with what to do; None if it may be."""
    from importlib.util import find_spec

    if find_spec("tensorflow") is None:
        return "it comes through Keras: install imageclass[tensorflow]."
    return None


def load_cifar10() -> Dataset:
    """Return CIFAR-10, 60,000 images of 32x32x3; Keras downloads it the first time.

    Raises:
        DatasetError: Keras is not installed, or the download failed.
    """
    if reason := why_no_cifar10():
        raise DatasetError(f"The data set cifar10 cannot be loaded: {reason}")
    keras, _ = keras_and_tensorflow()
    try:
        (train_images, train_labels), (test_images, test_labels) = (
            keras.datasets.cifar10.load_data()
        )
    except Exception as error:  # Keras wraps every network fault in a bare Exception
        raise DatasetError(
            "The data set cifar10 cannot be loaded: Keras downloads it (170 MB), and that failed"
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
