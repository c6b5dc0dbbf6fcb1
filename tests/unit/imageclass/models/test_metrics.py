"""Metrics against an example worked out by hand, and what the charts show of them."""

import numpy as np
import pytest
from imageclass.charts import training as training_charts
from imageclass.models.metrics import measure
from imageclass.models.training import Epoch

#: Six images of three classes; the second is taken for class 1, the last for class 0; nothing is
#: taken for class 2.
LABELS = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.2, 0.7, 0.1],
        [0.5, 0.25, 0.25],
        [0.1, 0.8, 0.1],
        [0.3, 0.4, 0.3],
        [0.6, 0.2, 0.2],
    ],
    np.float32,
)


def test_the_metrics_are_those_worked_out_by_hand() -> None:
    metrics = measure(PROBABILITIES, LABELS)
    assert metrics.images == 6
    assert metrics.accuracy == pytest.approx(4 / 6)
    assert metrics.confusion == ((2, 1, 0), (0, 2, 0), (1, 0, 0))
    assert metrics.precision == pytest.approx((2 / 3, 2 / 3, 0))
    assert metrics.recall == pytest.approx((2 / 3, 1, 0))
    expected = -np.log([0.8, 0.2, 0.5, 0.8, 0.4, 0.2]).mean()
    assert metrics.loss == pytest.approx(expected, rel=1e-5)
    assert all(isinstance(count, int) for row in metrics.confusion for count in row)


@pytest.mark.parametrize("count", [0, 5])
def test_answers_and_labels_must_be_as_many(count: int) -> None:
    with pytest.raises(ValueError, match="labels"):
        measure(PROBABILITIES[:count], LABELS[: 0 if count == 0 else 6])


def data(drawn: dict) -> list[dict]:
    (rows,) = drawn["datasets"].values()
    return rows


def test_the_heat_map_has_a_cell_for_each_pair_of_classes() -> None:
    drawn = training_charts.confusion_matrix(
        measure(PROBABILITIES, LABELS), ["a", "b", "c"]
    ).to_dict()
    cells = {(cell["class"], cell["predicted"]): cell for cell in data(drawn)}
    assert len(cells) == 9
    assert cells["a", "b"]["images"] == 1
    assert cells["a", "b"]["share"] == pytest.approx(1 / 3)
    assert cells["c", "c"]["images"] == 0


def test_precision_and_recall_have_two_bars_for_each_class() -> None:
    drawn = training_charts.precision_and_recall(
        measure(PROBABILITIES, LABELS), ["a", "b", "c"]
    ).to_dict()
    bars = {(bar["class"], bar["metric"]): bar["share"] for bar in data(drawn)}
    assert len(bars) == 6
    assert bars["b", "precision"] == pytest.approx(2 / 3)
    assert bars["b", "recall"] == 1


def test_the_curves_show_accuracy_and_loss_of_both_parts() -> None:
    history = [Epoch(n, 1 / n, 0.8, 2 / n, 0.7) for n in (1, 2, 3)]
    curves = (training_charts.learning_curve(history), training_charts.loss_curve(history))
    shown = {
        (row["epoch"], row["images"], row["value"])
        for curve in curves
        for rows in curve.to_dict()["datasets"].values()
        for row in rows
    }
    assert len(shown) == 12
    assert {(2, "validation", 0.7), (2, "training", 0.8), (2, "training", 0.5)} <= shown
