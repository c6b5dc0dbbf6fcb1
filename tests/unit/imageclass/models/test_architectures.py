"""Networks: what they are made of."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from imageclass._keras import keras_and_tensorflow
from imageclass.data.datasets import load
from imageclass.models import architectures

DIGITS = load("digits")


@pytest.mark.parametrize(("name", "count"), [("cnn", 432_490), ("resnet", 1_263_242)])
def test_the_networks_have_the_old_notebooks_size(name: str, count: int) -> None:
    assert architectures.MODELS[name]((32, 32, 3), 10).count_params() == count


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3)])
@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_raw_pixels_of_every_data_set_give_probabilities(
    name: str, shape: tuple[int, int, int]
) -> None:
    build = architectures.builder(name)
    images = np.random.default_rng(0).integers(0, 256, (3, *shape)).astype(np.uint8)
    probabilities = np.asarray(build(shape, 10, seed=5)(images))
    assert probabilities.shape == (3, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(probabilities, np.asarray(build(shape, 10, seed=5)(images)))
    assert not np.array_equal(probabilities, np.asarray(build(shape, 10, seed=6)(images)))


@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_images_too_small_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"\(2, 2, 1\) are too small"):
        architectures.builder(name)((2, 2, 1), 10)


def test_an_unknown_model_is_told_which_there_are() -> None:
    with pytest.raises(architectures.ModelError, match=r"no model 'vgg'.*: cnn, resnet, mobilenet"):
        architectures.builder("vgg")


def keras_home(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """A cache of the test's own: Keras reads the variable once, when it is imported."""
    keras, _ = keras_and_tensorflow()
    monkeypatch.setattr(keras.src.backend.config, "_KERAS_DIR", str(directory))
    monkeypatch.setenv("KERAS_HOME", str(directory))


class TestMobileNet:
    @pytest.mark.slow
    def test_without_pretrained_weights_it_repeats(self) -> None:
        images = DIGITS.test_images[:2]
        one, same = (
            architectures.build_mobilenet((8, 8, 1), 10, 3, weights=None) for _ in range(2)
        )
        probabilities = np.asarray(one(images))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_array_equal(probabilities, np.asarray(same(images)))

    def test_what_cannot_be_downloaded_is_said_and_leaves_nothing(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        keras, _ = keras_and_tensorflow()
        # An address that answers on no machine.
        monkeypatch.setattr(
            keras.src.applications.mobilenet_v2, "BASE_WEIGHT_PATH", "http://127.0.0.1:1/"
        )
        keras_home(monkeypatch, tmp_path)
        with pytest.raises(architectures.ModelError) as raised:
            architectures.build_mobilenet((8, 8, 1), 10)
        for word in (str(tmp_path / "models"), "Connect to the internet", "weights=None"):
            assert word in str(raised.value)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    @pytest.mark.slow
    def test_weights_that_are_there_are_taken_and_damaged_ones_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        keras, _ = keras_and_tensorflow()
        keras_home(monkeypatch, tmp_path)
        file = tmp_path / "models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5"
        file.parent.mkdir()
        file.write_bytes(b"not weights")
        with pytest.raises(architectures.ModelError, match=r"cannot be read.*Delete that file"):
            architectures.build_mobilenet((8, 8, 1), 10)
        base = keras.applications.MobileNetV2(
            input_shape=(96, 96, 3), include_top=False, pooling="avg", weights=None
        )
        first = base.trainable_variables[0]
        first.assign(np.full(first.shape, 0.125, np.float32))
        file.unlink()
        with h5py.File(file, "w") as group:  # the layout of the files that Keras offers
            keras.src.legacy.saving.legacy_h5_format.save_weights_to_hdf5_group(group, base)
        model = architectures.build_mobilenet((8, 8, 1), 10)
        (inner,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
        np.testing.assert_array_equal(inner.weights[0], np.full(first.shape, 0.125))
        assert len(model.trainable_variables) == 2, "only the last layer learns"
