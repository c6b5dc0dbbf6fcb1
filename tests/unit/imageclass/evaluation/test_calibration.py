"""Calibration of confidences, against numbers worked out by hand."""

import numpy as np
import polars as pl
import pytest
from imageclass.evaluation import calibration
from imageclass.runs.calibrate import calibrate
from imageclass.runs.run import probability_matrix

from tests.support.runs import make_run


def test_the_calibration_error_is_the_mean_gap() -> None:
    confidence = np.array([0.0, 0.5, 0.55, 0.6, 0.92, 1.0])
    correct = np.array([False, True, False, True, True, True])
    # Bins of a fifth: (0, 0.2], ..., (0.4, 0.6] with three answers of which two are right,
    # (0.8, 1] with two right ones.
    table = calibration.reliability(confidence, correct, bins=5)
    assert table.answers.tolist() == [1, 3, 2]
    assert table.low.tolist() == pytest.approx([0, 0.4, 0.8])
    assert table.high.tolist() == pytest.approx([0.2, 0.6, 1])
    assert table.confidence.tolist() == pytest.approx([0, 0.55, 0.96])
    assert table.accuracy.tolist() == pytest.approx([0, 2 / 3, 1])
    gap = (3 * (2 / 3 - 0.55) + 2 * 0.04) / 6
    found = calibration.expected_calibration_error(confidence, correct, bins=5)
    assert found == pytest.approx(gap)
    assert calibration.expected_calibration_error(confidence[:0], correct[:0]) is None
    assert not len(calibration.reliability(confidence[:0], correct[:0]).answers)


def too_sure(number: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from honest probabilities, and those probabilities made too sure."""
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (number, 3))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (rng.random((number, 1)) > honest.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    return calibration.scale(honest, 1 / temperature), labels


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    probabilities, labels = too_sure(20_000, temperature)
    found = calibration.fit_temperature(probabilities, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    best = calibration.negative_log_likelihood(calibration.scale(probabilities, found), labels)
    for other in (0.9 * found, 1.1 * found):
        worse = calibration.scale(probabilities, other)
        assert calibration.negative_log_likelihood(worse, labels) > best


def calibration_error(predictions: pl.DataFrame) -> float | None:
    confidence, correct = (predictions[name].to_numpy() for name in ("confidence", "correct"))
    return calibration.expected_calibration_error(confidence, correct)


def test_calibrated_verdicts_keep_their_answers_and_know_their_doubt() -> None:
    probabilities, labels = too_sure(3_000, 3.0)
    verdicts = make_run(labels.tolist(), {"a": list(probabilities), "b": list(probabilities)})
    temperature = calibration.fit_temperature(*too_sure(20_000, 3.0))
    after = calibrate(verdicts, {"a": temperature, "nobody": 2.0})
    own = {
        when: frame.filter(pl.col("agent") == "a").sort("index")
        for when, frame in (("before", verdicts.predictions), ("after", after.predictions))
    }
    assert own["after"].schema == own["before"].schema
    assert own["after"]["predicted"].equals(own["before"]["predicted"])
    np.testing.assert_allclose(probability_matrix(own["after"], 3).sum(axis=1), 1, atol=1e-6)
    before = calibration_error(own["before"])
    error = calibration_error(own["after"])
    assert before is not None
    assert error is not None
    assert error < 0.03 < 0.1 < before
    others = [
        frame.filter(pl.col("agent") == "b") for frame in (verdicts.predictions, after.predictions)
    ]
    assert others[0].equals(others[1])


def test_certainty_and_rubbish_stay_numbers() -> None:
    certain = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    for temperature in (0.05, 1.0, 20.0):
        scaled = calibration.scale(certain, temperature)
        np.testing.assert_allclose(scaled.sum(axis=1), 1)
        assert scaled[0].argmax() == 0
    assert np.isfinite(calibration.fit_temperature(certain, np.array([1, 2])))
    for probabilities, labels in ((certain, [0]), (np.zeros((0, 3)), []), (np.zeros(2), [0, 1])):
        with pytest.raises(ValueError, match="do not fit"):
            calibration.fit_temperature(probabilities, np.array(labels, int))
