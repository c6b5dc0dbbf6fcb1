"""A run: its answers judged by the labels of the judge, and its summary."""

from dataclasses import replace

import numpy as np
import pytest
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.predictions import Prediction
from imageclass.runs.run import SCHEMA
from imageclass.runs.score import belongs_to_run, score

from tests.support.runs import BEE, CAT, make_run, prediction, sent_run


def test_answers_are_judged_by_the_judges_own_labels() -> None:
    verdicts = sent_run("cnn", "other")
    good = prediction("q2", "cnn", 2)
    assert belongs_to_run(good, verdicts)
    assert score([good], [1012.0], verdicts).to_dicts() == [
        {
            "request_id": "q2", "agent": "cnn", "index": 2, "label": 2, "predicted": 2,
            "confidence": 1.0, "correct": True, "latency_ms": 12.0, "model": "beef",
            "probabilities": [0, 0, 1],
        }
    ]  # fmt: skip
    assert score([], [], verdicts).schema == score([good], [1.0], verdicts).schema == SCHEMA
    assert not belongs_to_run(prediction("q2", "stranger"), verdicts)
    for wrong in (prediction("q9", "cnn"), prediction("q2", "cnn", classes=5)):
        with pytest.raises(InvalidMessage):
            belongs_to_run(wrong, verdicts)


def test_clocks_that_disagree_and_rounded_sums_stay_in_range() -> None:
    over = Prediction("r", "q0", "cnn", np.array([1.0005, 0, 0], np.float32))
    (row,) = score([over], [900.0], sent_run("cnn")).to_dicts()
    assert (row["confidence"], row["latency_ms"]) == (1.0, 0.0)


def test_the_summary_counts_what_is_missing() -> None:
    verdicts = make_run([0, 1, 2, 0], {"cnn": [None, BEE, CAT, CAT], "other": [None] * 4})
    verdicts = replace(verdicts, duplicates={"cnn": 2})
    assert verdicts.missing == 5
    cnn, other = verdicts.summary().to_dicts()
    assert (cnn["answered"], cnn["missing"], cnn["duplicates"], cnn["correct"]) == (3, 1, 2, 2)
    assert cnn["accuracy"] == pytest.approx(2 / 3)
    assert cnn["latency_p50_ms"] == 11.0
    assert (other["answered"], other["missing"], other["accuracy"]) == (0, 4, None)
