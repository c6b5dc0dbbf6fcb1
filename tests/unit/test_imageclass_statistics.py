"""Intervals, tests and calibration, against numbers worked out by hand or printed elsewhere."""

import numpy as np
import polars as pl
import pytest
from imageclass.evaluation import calibration, statistics
from imageclass.runs import outcomes, tables
from imageclass.runs.calibrate import calibrate
from imageclass.runs.run import probability_matrix

from tests.hand_made import run_of

ANT, BEE, CAT = np.eye(3)


# Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_printed_one(
    correct: int, total: int, low: float, high: float
) -> None:
    assert statistics.wilson(correct, total) == pytest.approx((low, high), abs=5e-5)
    mirrored = statistics.wilson(total - correct, total)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_of_nothing_nothing_is_known() -> None:
    assert statistics.wilson(0, 0) == (0, 1)
    low, high = statistics.wilson(90, 100, level=0.99)
    assert low < statistics.wilson(90, 100)[0] < 0.9 < statistics.wilson(90, 100)[1] < high


def outcome(correct: list[bool], first: int = 0) -> pl.DataFrame:
    names = [f"q{n}" for n in range(first, first + len(correct))]
    schema = {"request_id": pl.String, "correct": pl.Boolean}
    return pl.DataFrame({"request_id": names, "correct": correct}, schema=schema)


# p is twice the tail of a fair coin: of 8 throws 1 or less, 2 * (1 + 8) / 256. The second row is
# the approval of a prime minister in Agresti, "Categorical Data Analysis".
@pytest.mark.parametrize(
    ("both", "only_first", "only_second", "neither", "p"),
    [
        (1, 1, 7, 12, 18 / 256),
        (794, 86, 150, 570, 3.716e-05),
        (5, 3, 3, 0, 1.0),
        (5, 0, 0, 2, 1.0),
        (0, 0, 0, 0, 1.0),
        (0, 6, 0, 0, 2 / 64),
    ],
)
def test_mcnemars_exact_test(
    both: int, only_first: int, only_second: int, neither: int, p: float
) -> None:
    counts = (both, only_first, only_second, neither)
    first = outcome(list(np.repeat([True, True, False, False], counts)))
    second = outcome(list(np.repeat([True, False, True, False], counts)))
    found = outcomes.compare(first, second.sample(fraction=1, shuffle=True, seed=1))
    assert (found.both, found.only_first, found.only_second, found.neither) == counts
    assert found.p == pytest.approx(p, rel=1e-3)
    swapped = outcomes.compare(second, first)
    assert (swapped.only_first, swapped.p) == (only_second, pytest.approx(found.p))


def test_only_requests_that_both_have_are_compared() -> None:
    found = outcomes.compare(outcome([True] * 5), outcome([False] * 5, first=3))
    assert (found.only_first, found.both, found.p) == (2, 0, 0.5)
    table = tables.mcnemar_table({"a": outcome([True]), "b": outcome([False]), "c": outcome([])})
    assert table.select("first", "second", "only_first").rows() == [
        ("a", "b", 1), ("a", "c", 0), ("b", "c", 0),
    ]  # fmt: skip
    assert tables.mcnemar_table({"a": outcome([True])}).is_empty()


def test_kappa_is_cohens() -> None:
    # Of 200 cases 140 are alike, 0.7; by chance 0.6 * 0.5 + 0.3 * 0.3 + 0.1 * 0.2 = 0.41.
    counts = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    rows, columns = np.indices(counts.shape)
    first, second = (np.repeat(side.ravel(), counts.ravel()) for side in (rows, columns))
    assert statistics.cohens_kappa(first, second) == pytest.approx(0.29 / 0.59)
    assert statistics.cohens_kappa(first, first) == 1
    assert statistics.cohens_kappa(np.zeros(9, int), np.zeros(9, int)) is None
    assert statistics.cohens_kappa(np.array([], int), np.array([], int)) is None
    halves = np.array([0, 1])
    assert statistics.cohens_kappa(halves, halves[::-1]) == -1


RUN = run_of(
    [0, 1, 2, 0],
    {"a": [ANT, BEE, BEE, ANT], "b": [ANT, CAT, CAT, None], "c": [None] * 4},
)


def test_tables_have_every_agent_and_strategy() -> None:
    table = tables.accuracy_table(RUN, {"soft vote": outcomes.decide(RUN, "soft vote")})
    rows = table.select("name", "kind", "requests", "undecided", "correct", "accuracy").rows()
    assert rows == [
        ("a", "agent", 4, 0, 3, 0.75),
        ("b", "agent", 4, 1, 2, pytest.approx(2 / 3)),
        ("c", "agent", 4, 4, 0, None),
        ("soft vote", "strategy", 4, 0, 3, 0.75),
    ]
    assert table.row(2)[-2:] == (0, 1)
    assert tuple(table.row(0)[-2:]) == statistics.wilson(3, 4)


def test_agreement_counts_what_both_have_answered() -> None:
    table = tables.agreement_table(outcomes.by_agent(RUN))
    rows = {(row[0], row[1]): row[2:] for row in table.rows()}
    assert len(rows) == 9
    # q0 alike, q1 and q2 not; by chance 1/3 * 1/3: (1/3 - 1/9) / (8/9).
    assert rows["a", "b"] == rows["b", "a"] == (3, pytest.approx(1 / 3), pytest.approx(0.25))
    assert rows["a", "a"] == (4, 1, 1)
    assert rows["a", "c"] == (0, None, None)


def test_latencies_and_classes() -> None:
    first, second, third = tables.latency_table(RUN).rows()
    assert first == ("a", 4, 11.5, pytest.approx(12.7), pytest.approx(12.97), 13.0)
    assert second[:3] == ("b", 3, 15.0)
    assert third == ("c", 0, None, None, None, None)
    classes = {row[:2]: row[2:] for row in tables.class_table(RUN).rows()}
    assert classes["a", "ant"] == (0, 2, 2, 1.0)
    assert classes["a", "cat"] == (2, 1, 0, 0.0)
    assert classes["b", "cat"] == (2, 1, 1, 1.0)
    assert ("c", "ant") not in classes


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
    verdicts = run_of(labels.tolist(), {"a": list(probabilities), "b": list(probabilities)})
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
