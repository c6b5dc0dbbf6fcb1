"""Training: what networks learn from, and that they learn the same again."""

import numpy as np
import pytest
from imageclass._keras import keras_and_tensorflow
from imageclass.data.augmentation import augmented
from imageclass.data.datasets import load
from imageclass.models import architectures, classifier, training

DIGITS = load("digits")


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

    @pytest.mark.slow
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


@pytest.mark.slow
def test_training_learns_and_reports() -> None:
    history, metrics, _, steps = train_once("cnn", 3, epochs=3)
    assert metrics.accuracy > 0.9
    assert metrics.images == 450
    assert [epoch.epoch for epoch in history] == [1, 2, 3]
    assert history[-1].loss < history[0].loss
    total = training.total_batches(len(DIGITS.train_images), 3, 32)
    assert steps == [(done, total) for done in range(1, total + 1)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_the_same_seed_gives_the_same_weights_whatever_others_draw(name: str) -> None:
    keras, tf = keras_and_tensorflow()
    history, metrics, weights, _ = train_once(name, 3, 1, num_images=64)
    # Another cell may set these, or draw from them; it has no part in this.
    keras.utils.set_random_seed(99)
    tf.random.uniform([3])
    state = np.random.get_state()[1].copy()
    again, metrics_again, weights_again, _ = train_once(name, 3, 1, num_images=64)
    assert (again, metrics_again) == (history, metrics)
    for one, other in zip(weights, weights_again, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(state, np.random.get_state()[1])
    first, other = (
        architectures.builder(name)(DIGITS.image_shape, 10, seed).get_weights()[0]
        for seed in (3, 4)
    )
    assert not np.array_equal(first, other)


class Planned(Exception):
    """The schedule is made; nothing needs to be trained."""


def test_the_learning_rate_rises_and_then_falls_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    keras, _ = keras_and_tensorflow()
    rates: list[float] = []
    schedule = keras.optimizers.schedules.CosineDecay

    def kept(*args: object, **kwargs: object) -> object:
        made = schedule(*args, **kwargs)
        rates.extend(float(made(step)) for step in range(101))
        raise Planned

    monkeypatch.setattr(keras.optimizers.schedules, "CosineDecay", kept)
    model = architectures.build_cnn(DIGITS.image_shape, 10)
    with pytest.raises(Planned):
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
