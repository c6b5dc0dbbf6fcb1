"""Charts of a run."""

import altair as alt
import pytest
from imageclass.charts import runs as run_charts
from imageclass.runs import outcomes
from imageclass.runs.run import Run

from tests.support.runs import ANT, BEE, CAT, make_run


def drawn(chart: alt.Chart | alt.LayerChart | alt.FacetChart) -> list[dict]:
    """The rows of the chart's own data, after altair has checked it against its schema."""
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def test_bars_count_correct_and_wrong() -> None:
    bars = drawn(run_charts.correct_and_wrong(make_run([1, 2, 0, 1], {"a": [BEE, CAT, BEE, BEE]})))
    assert {(bar["label"], bar["prediction"], bar["images"]) for bar in bars} == {
        ("bee", "correct", 2), ("cat", "correct", 1), ("ant", "wrong", 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    "verdicts",
    [
        pytest.param(make_run([0, 1, 2], {"a": [ANT, CAT, CAT], "b": [BEE, BEE, BEE]}), id="two"),
        pytest.param(make_run([0, 1], {"a": [ANT, CAT]}), id="one agent"),
        pytest.param(make_run([0, 1], {"a": [ANT, BEE], "b": [None, None]}), id="one is silent"),
        pytest.param(make_run([0, 1], {"a": [None, None], "b": [None, None]}), id="no answers"),
    ],
)
def test_every_chart_can_be_drawn_of_every_run(verdicts: Run) -> None:
    voted = {"soft vote": outcomes.decide(verdicts, "soft vote")}
    compared = {**outcomes.by_agent(verdicts), **voted}
    answered = not verdicts.predictions.is_empty()
    assert bool(drawn(run_charts.correct_and_wrong(verdicts))) == answered
    names = {row["name"] for row in drawn(run_charts.accuracies(verdicts, voted))}
    assert ("soft vote" in names) == answered
    assert bool(drawn(run_charts.agreement_matrix(compared))) == answered
    assert bool(drawn(run_charts.class_heat_map(verdicts, voted))) == answered
    assert bool(drawn(run_charts.latencies(verdicts))) == answered
    assert bool(drawn(run_charts.vote_gains(verdicts, voted["soft vote"]))) == answered
    diagonal = {"confidence": 1.0, "accuracy": 1.0}
    assert diagonal in drawn(run_charts.reliability_diagram(compared))


def test_gains_tell_where_the_vote_is_better_than_the_best_agent() -> None:
    run = make_run([0, 1, 1, 2], {"a": [ANT, CAT, CAT, CAT], "b": [ANT, BEE, CAT, ANT]})
    vote = outcomes.decide(make_run([0, 1, 1, 2], {"vote": [ANT, BEE, BEE, ANT]}), "soft vote")
    rows = [row for row in drawn(run_charts.vote_gains(run, vote)) if "change" in row]
    assert [(row["row"], row["change"], row["effect"]) for row in rows] == [
        ("bee (2)", "+2", "helps"),
        ("ant (1)", "0", "helps"),
        ("cat (1)", "−1", "hurts"),
    ]
    assert {row["agent"] for row in rows} == {"a"}, "of equally good ones the first"
