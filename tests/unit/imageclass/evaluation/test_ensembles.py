"""Ensembles decide between the agents of a run."""

import numpy as np
import pytest
from imageclass.evaluation import ensembles
from imageclass.evaluation.ensembles import STRATEGIES
from imageclass.runs.outcomes import Validation, decide
from imageclass.runs.run import Run

from tests.support.runs import ANT, BEE, CAT, make_run

# Three agents; what each strategy makes of it is worked out by hand below.
THREE = make_run(
    [1, 0, 0, 2, 1],
    {
        "a": [[0.9, 0.1, 0.0], [0.4, 0.3, 0.3], [0.1, 0.8, 0.1], None, None],
        "b": [[0.4, 0.6, 0.0], [0.2, 0.7, 0.1], [0.6, 0.2, 0.2], [0.2, 0.2, 0.6], None],
        "c": [[0.3, 0.7, 0.0], [0.0, 0.1, 0.9], None, [0.5, 0.3, 0.2], None],
    },
)


# Of the images taken for ant, bee and cat, a is right in (3 of 3, 0 of 1, 0 of 2), b in (1 of 1,
# 2 of 3, 1 of 2) and c in (0 of 0, 2 of 4, 1 of 2). Smoothed: (4/5, 1/3, 1/4), (2/3, 3/5, 1/2) and
# (1/2, 1/2, 1/2).
LABELS = np.array([0, 0, 0, 1, 1, 2])


VALIDATION = {
    "a": (np.array([ANT, ANT, ANT, CAT, CAT, BEE]), LABELS),
    "b": (np.array([ANT, CAT, BEE, BEE, BEE, CAT]), LABELS),
    "c": (np.array([BEE, BEE, CAT, BEE, BEE, CAT]), LABELS),
}


def decided(strategy: str, verdicts: Run = THREE) -> list[tuple[int, float]]:
    outcome = decide(verdicts, strategy, VALIDATION)
    assert outcome.columns == [
        "request_id", "index", "label", "predicted", "confidence", "correct",
    ]  # fmt: skip
    assert (outcome["correct"] == (outcome["predicted"] == outcome["label"])).all()
    assert outcome["confidence"].is_between(0, 1).all()
    assert not outcome.null_count().sum_horizontal().item()
    # No agent has answered q4; the others are decided by those that answered.
    assert outcome["request_id"].to_list() == ["q0", "q1", "q2", "q3"]
    assert outcome["label"].to_list() == [1, 0, 0, 2]
    rows = outcome.select("predicted", "confidence").rows()
    return [(predicted, pytest.approx(confidence)) for predicted, confidence in rows]


def test_highest_confidence() -> None:
    assert decided("highest confidence") == [(0, 0.9), (2, 0.9), (1, 0.8), (2, 0.6)]


def test_majority_vote_with_its_tie_break() -> None:
    # q0: two for the bee against a surer ant. All others are ties, broken by confidence.
    assert decided("majority vote") == [(1, 0.65), (2, 0.9), (1, 0.8), (2, 0.6)]


def test_weighted_vote_by_the_precision_on_the_class() -> None:
    # q0: ant 4/5, bee 3/5 + 1/2; q1: ant 4/5, bee 3/5, cat 1/2; q2: bee 1/3, ant 2/3; q3: cat and
    # ant 1/2 each, and the cat is the surer one.
    assert decided("weighted vote") == [(1, 0.65), (0, 0.4), (0, 0.6), (2, 0.6)]


def test_soft_vote() -> None:
    expected = [(0, 1.6 / 3), (2, 1.3 / 3), (1, 0.5), (2, 0.4)]
    assert decided("soft vote") == expected


def test_stacking_learns_whom_to_believe_and_in_what() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=300)
    right = np.eye(3)[labels] * 0.7 + 0.1
    noise = rng.dirichlet([1, 1, 1], 300)
    # "a" knows; "b" is as sure as can be of noise; "c" is always one off, which is as good.
    answers = {"a": right, "b": noise, "c": np.roll(right, 1, axis=1)}
    validation = {agent: (given[:200], labels[:200]) for agent, given in answers.items()}
    new = {agent: list(given[200:]) for agent, given in answers.items()}
    verdicts = make_run(labels[200:].tolist(), new)
    outcome = decide(verdicts, "stacking", validation)
    assert outcome["correct"].all()
    assert decide(verdicts, "soft vote")["correct"].mean() < 0.9
    # With "a" away, the other two are read on their own.
    without = make_run(labels[200:].tolist(), {**new, "a": [None] * 50 + new["a"][50:]})
    assert decide(without, "stacking", validation)["correct"].all()


@pytest.mark.parametrize("strategy", sorted(ensembles.NEED_VALIDATION))
@pytest.mark.parametrize(
    ("validation", "reason"),
    [
        (None, "no validation data of a, b, c"),
        ({"a": VALIDATION["a"], "c": VALIDATION["c"]}, "no validation data of b"),
        (VALIDATION | {"b": (VALIDATION["b"][0], LABELS[::-1])}, "b and a are not of the same"),
        (VALIDATION | {"c": (VALIDATION["c"][0][:5], LABELS[:5])}, "c and a are not of the same"),
        (VALIDATION | {"c": (VALIDATION["c"][0][:5], LABELS)}, r"c have the shape \(5, 3\)"),
        (VALIDATION | {"c": (np.ones((6, 4)), LABELS)}, r"c have the shape \(6, 4\)"),
        (VALIDATION | {"c": (np.full((6, 3), np.nan), LABELS)}, "c are not all numbers"),
    ],
)
def test_validation_data_that_do_not_fit_are_named(
    strategy: str, validation: Validation | None, reason: str
) -> None:
    decide(THREE, strategy, VALIDATION)  # the near miss
    with pytest.raises(ValueError, match=reason):
        decide(THREE, strategy, validation)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_agent_none_and_full_agreement(strategy: str) -> None:
    one = make_run([0, 1], {"a": [ANT, CAT]})
    nobody = make_run([0, 1], {"a": [None, None], "b": [None, None]})
    assert decide(nobody, strategy, VALIDATION).schema == decide(one, strategy, VALIDATION).schema
    assert decide(nobody, strategy, VALIDATION).is_empty()
    assert decide(make_run([], {"a": [], "b": []}), strategy, VALIDATION).is_empty()
    alike = make_run([0, 1], {"a": [ANT, BEE], "b": [ANT, BEE]})
    if strategy != "stacking":  # which may have learned to know better
        assert decide(one, strategy, VALIDATION)["predicted"].to_list() == [0, 2]
        assert decide(alike, strategy, VALIDATION)["predicted"].to_list() == [0, 1]
