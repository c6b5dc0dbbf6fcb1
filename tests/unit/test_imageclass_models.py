"""Networks: what they are made of, what they learn from, and that they learn the same again."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from imageclass._keras import keras_and_tensorflow
from imageclass.data.augmentation import augmented
from imageclass.data.datasets import load
from imageclass.models import architectures, classifier, training

DIGITS = load("digits")


@pytest.mark.parametrize(("name", "count"), [("cnn", 432_490), ("resnet", 1_263_242)])
def test_the_networks_have_the_old_notebooks_size(name: str, count: int) -> None:
    assert architectures.MODELS[name]((32, 32, 3), 10).count_params() == count


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


class TestAugmentation:
    def test_it_shifts_and_flips_each_image_by_its_own_lot(self) -> None:
        image = np.zeros((28, 28, 1), np.uint8)
        image[10, 5] = 200
        many = augmented(np.tile(image, (500, 1, 1, 1)), np.random.default_rng(0), mirror=True)
        assert (many.shape, many.dtype) == ((500, 28, 28, 1), np.uint8)
        assert (many.sum(axis=(1, 2, 3)) == 200).all()
        _, rows, columns, _ = np.nonzero(many)
        assert set(rows) == set(range(8, 13))
        assert set(columns) == {*range(3, 8), *range(20, 25)}

    def test_digits_are_never_flipped(self) -> None:
        image = np.zeros((8, 8, 1), np.uint8)
        image[4, 1] = 200
        many = augmented(np.tile(image, (200, 1, 1, 1)), np.random.default_rng(0), mirror=False)
        assert set(np.nonzero(many)[2]) == {0, 1, 2}
        assert not DIGITS.mirror

    def test_the_resnet_learns_from_it_and_answers_without_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[bool] = []

        def watched(images: np.ndarray, generator: np.random.Generator, mirror: bool) -> np.ndarray:
            calls.append(mirror)
            return augmented(images, generator, mirror=mirror)

        monkeypatch.setattr(training, "augmented", watched)
        resnet = architectures.build_resnet(DIGITS.image_shape, 10, seed=1)
        training.train(resnet, DIGITS, epochs=1, batch_size=64, num_images=300)
        assert calls == [False] * 5
        answers = classifier.CompiledClassifier(resnet)(DIGITS.test_images)
        np.testing.assert_array_equal(
            answers, classifier.CompiledClassifier(resnet)(DIGITS.test_images)
        )
        assert len(calls) == 5
        kinds = {type(layer).__name__ for layer in resnet.layers}
        assert not {kind for kind in kinds if kind.startswith("Random")}, kinds


@pytest.mark.parametrize("count", [0, 1, 2, 16, 17, 64, 65, 200])
def test_padding_and_slicing_change_no_answer(count: int) -> None:
    model = architectures.build_cnn((8, 8, 1), 10, seed=1)
    images = DIGITS.test_images[:count]
    answers = classifier.CompiledClassifier(model, batch_size=64)(images)
    assert answers.shape == (count, 10)
    if count:
        np.testing.assert_allclose(answers, np.asarray(model(images)), atol=1e-5)


def train_once(name: str, seed: int, epochs: int, num_images: int | None = None) -> tuple:
    """History, metrics, weights and reported steps of a training on the digits."""
    model = architectures.builder(name)(DIGITS.image_shape, 10, seed)
    steps: list[tuple[int, int]] = []
    history = training.train(
        model,
        DIGITS,
        epochs=epochs,
        batch_size=32,
        num_images=num_images,
        seed=seed,
        on_batch=lambda done, total: steps.append((done, total)),
    )
    return history, training.evaluate(model, DIGITS), model.get_weights(), steps


def test_training_learns_and_reports() -> None:
    history, metrics, _, steps = train_once("cnn", 3, epochs=3)
    assert metrics.accuracy > 0.9
    assert metrics.images == 450
    assert [epoch.epoch for epoch in history] == [1, 2, 3]
    assert history[-1].loss < history[0].loss
    total = training.total_batches(len(DIGITS.train_images), 3, 32)
    assert steps == [(done, total) for done in range(1, total + 1)]


@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_the_same_seed_gives_the_same_weights_whatever_others_draw(name: str) -> None:
    keras, tf = keras_and_tensorflow()
    history, metrics, weights, _ = train_once(name, 3, 1, num_images=300)
    # Another cell may set these, or draw from them; it has no part in this.
    keras.utils.set_random_seed(99)
    tf.random.uniform([3])
    state = np.random.get_state()[1].copy()
    again, metrics_again, weights_again, _ = train_once(name, 3, 1, num_images=300)
    assert (again, metrics_again) == (history, metrics)
    for one, other in zip(weights, weights_again, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(state, np.random.get_state()[1])
    _, _, others, _ = train_once(name, 4, 1, num_images=300)
    assert not np.array_equal(weights[0], others[0])


def test_the_learning_rate_rises_and_then_falls_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    keras, _ = keras_and_tensorflow()
    rates: list[float] = []
    schedule = keras.optimizers.schedules.CosineDecay

    def kept(*args: object, **kwargs: object) -> object:
        made = schedule(*args, **kwargs)
        rates.extend(float(made(step)) for step in range(101))
        return made

    monkeypatch.setattr(keras.optimizers.schedules, "CosineDecay", kept)
    model = architectures.build_cnn(DIGITS.image_shape, 10)
    training.train(model, DIGITS, epochs=10, batch_size=9, num_images=100, learning_rate=0.01)
    assert max(rates) == rates[10] == pytest.approx(0.01)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("numbers", [(0, 32, None), (1, 0, None), (1, 32, 1), (1, 32, 10**6)])
def test_numbers_that_make_no_sense_are_refused(numbers: tuple[int, int, int | None]) -> None:
    epochs, batch_size, num_images = numbers
    model = architectures.build_cnn(DIGITS.image_shape, 10)
    with pytest.raises(ValueError, match="must be"):
        training.train(model, DIGITS, epochs=epochs, batch_size=batch_size, num_images=num_images)
