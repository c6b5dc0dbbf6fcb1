"""A third agent decides where two disagree."""

from dataclasses import replace

import polars as pl
import pytest
from imageclass.runs import tie_break
from imageclass.runs.outcomes import decide

from tests.support.runs import ANT, BEE, make_run


def test_a_third_decides_where_two_disagree() -> None:
    two = make_run(
        [0, 1, 2, 0, 1],
        {
            "a": [ANT, [0.1, 0.6, 0.3], [0.2, 0.8, 0.0], ANT, None],
            "b": [ANT, [0.7, 0.2, 0.1], [0.0, 0.1, 0.9], None, None],
        },
    )
    assert tie_break.disagreements(two) == ["q1", "q2"]
    opinions = make_run([0, 1, 2], {"c": [None, [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]})
    outcome = decide(tie_break.merge(two, opinions), "majority vote")
    # q1: c is with a. q2: three opinions, c is surest. Undisputed requests stay as they were.
    assert outcome.select("request_id", "predicted").rows() == [
        ("q0", 0), ("q1", 1), ("q2", 0), ("q3", 0),
    ]  # fmt: skip
    assert outcome["confidence"].to_list() == pytest.approx([1, 0.8, 1, 1])
    stranger = replace(make_run([0], {"c": [ANT]}), run_id="other")
    with pytest.raises(ValueError, match="another run"):
        tie_break.merge(two, stranger)


def test_no_dispute_and_no_opinion_change_nothing() -> None:
    alike = make_run([0, 1], {"a": [ANT, BEE], "b": [ANT, BEE]})
    assert tie_break.disagreements(alike) == []
    silent = make_run([0, 1], {"c": [None, None]})
    outcome = decide(tie_break.merge(alike, silent), "majority vote")
    assert outcome.equals(decide(alike, "majority vote"))
    assert isinstance(outcome, pl.DataFrame)
