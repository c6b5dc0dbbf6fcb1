"""Data sets: what is there is right, what is not says why and what to do."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from imageclass.data import datasets
from imageclass.data.idx import read_idx


def test_digits_are_always_there() -> None:
    digits = datasets.load("digits")
    assert datasets.available()["digits"] is None
    assert digits.train_images.shape == (1347, 8, 8, 1)
    assert digits.test_images.shape == (450, 8, 8, 1)
    assert digits.image_shape == (8, 8, 1)
    assert digits.train_images.dtype == np.uint8
    assert (digits.train_images.min(), digits.train_images.max()) == (0, 255)
    assert digits.test_labels.dtype == np.int64
    assert set(digits.test_labels) == set(range(10)) == set(map(int, digits.class_names))


def test_what_is_loaded_cannot_be_changed_for_the_next_caller() -> None:
    with pytest.raises(ValueError, match="read-only"):
        datasets.load("digits").train_images[0] = 0


def test_unknown_data_set_names_the_known_ones() -> None:
    with pytest.raises(datasets.DatasetError, match=r"'nope'.*digits, fashion-mnist, cifar10"):
        datasets.load("nope")


def test_missing_files_are_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path))
    datasets._load.cache_clear()
    reason = datasets.available()["fashion-mnist"]
    assert reason is not None
    assert str(tmp_path) in reason
    with pytest.raises(datasets.DatasetError, match="apt install dataset-fashion-mnist"):
        datasets.load("fashion-mnist")
    datasets._load.cache_clear()


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes(), mtime=0)


def test_fashion_mnist_is_read_from_its_idx_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(pixels))
        labels = np.array([9, 0, 4], np.uint8)
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(labels))
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path))
    datasets._load.cache_clear()
    fashion = datasets.load("fashion-mnist")
    datasets._load.cache_clear()
    np.testing.assert_array_equal(fashion.test_images, pixels[..., np.newaxis])
    assert [fashion.class_names[label] for label in fashion.train_labels] == [
        "Ankle boot",
        "T-shirt/top",
        "Coat",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip at all",
        gzip.compress(b"\x00\x00\x08\x01", mtime=0),  # ends before its sizes
        gzip.compress(b"\x00\x00\x0d\x01\x00\x00\x00\x01abcd", mtime=0),  # floats
        idx(np.zeros(10, np.uint8))[:-6],  # a download that broke off
        gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x05abc", mtime=0),  # fewer than it says
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.gz"
    path.write_bytes(content)
    with pytest.raises(datasets.DatasetError, match=r"damaged\.gz"):
        read_idx(path)
