"""Joining answers to requests, and deciding between agents."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from imageclass.evaluation import ensembles
from imageclass.evaluation.ensembles import STRATEGIES
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.predictions import Prediction, encode_prediction
from imageclass.runs import tie_break
from imageclass.runs.join import Join
from imageclass.runs.outcomes import Validation, decide
from imageclass.runs.run import SCHEMA, Run, SentRequest
from imageclass.runs.score import belongs_to_run, score

from tests.hand_made import CLASSES, run_of

ANT, BEE, CAT = np.eye(3)


def asked(*agents: str) -> Run:
    requests = {f"q{n}": SentRequest(index=n, label=n % 3, sent_ms=1000.0) for n in range(4)}
    return Run("r", "hand-made", CLASSES, agents, requests)


def prediction(request: str, agent: str, number: int = 0, classes: int = 3) -> Prediction:
    return Prediction("r", request, agent, np.eye(classes, dtype=np.float32)[number], "beef")


def record(answer: Prediction, timestamp: int = 1012, **changes: bytes) -> SimpleNamespace:
    value, headers = encode_prediction(answer)
    headers = [(name, changes.get(name, content)) for name, content in headers]
    return SimpleNamespace(timestamp=timestamp, value=value, headers=headers)


def test_answers_are_judged_by_the_judges_own_labels() -> None:
    verdicts = asked("cnn", "other")
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
    (row,) = score([over], [900.0], asked("cnn")).to_dicts()
    assert (row["confidence"], row["latency_ms"]) == (1.0, 0.0)


def test_each_answer_counts_once() -> None:
    verdicts = asked("cnn", "other")
    join = Join(verdicts)
    cut = record(prediction("q3", "cnn"))
    cut.value = cut.value[:-1]
    taken = join.add_predictions(
        [
            record(prediction("q0", "cnn", 0)),
            record(prediction("q0", "cnn", 1)),  # again, and another answer: the first counts
            record(prediction("q0", "other", 0)),
            record(prediction("q1", "cnn", 0)),
            record(prediction("q1", "stranger", 1)),
            record(prediction("q2", "cnn", 2), run=b"older"),
            record(prediction("q9", "cnn")),
            SimpleNamespace(timestamp=1, value=None, headers=None),
            cut,
        ]
    )
    assert (taken, join.received) == (3, 3)
    assert join.add_predictions([record(prediction("q0", "cnn", 0))]) == 0
    found = join.finish()
    assert (found.duplicates, found.invalid, found.missing) == ({"cnn": 2}, 2, 5)
    assert found.predictions.select("request_id", "agent", "correct").rows() == [
        ("q0", "cnn", True), ("q0", "other", True), ("q1", "cnn", False),
    ]  # fmt: skip
    # Collecting once more goes on where it ended.
    again = Join(found)
    assert (
        again.add_predictions(
            [record(prediction("q0", "cnn", 0)), record(prediction("q1", "other"))]
        )
        == 1
    )
    more = again.finish()
    assert more.duplicates == {"cnn": 3}
    assert (len(found.predictions), len(more.predictions)) == (3, 4)


def test_requests_are_handed_over_once_when_all_have_answered() -> None:
    join = Join(asked("cnn", "other"))
    join.add_predictions([record(prediction("q0", "cnn")), record(prediction("q1", "cnn"))])
    assert not join.take_completed().sent
    join.add_predictions([record(prediction("q1", "other")), record(prediction("q2", "other"))])
    part = join.take_completed()
    assert list(part.sent) == ["q1"]
    assert part.predictions["agent"].to_list() == ["cnn", "other"]
    assert not join.take_completed().sent
    join.add_predictions([record(prediction("q0", "other"))])
    assert list(join.take_completed().sent) == ["q0"]
    rest = join.incomplete()
    assert (list(rest.sent), rest.predictions["request_id"].to_list()) == (["q2", "q3"], ["q2"])
    # What was complete before is not handed over by a second collection.
    again = Join(join.finish())
    again.add_predictions([record(prediction("q2", "cnn"))])
    assert list(again.take_completed().sent) == ["q2"]
    assert list(again.incomplete().sent) == ["q3"]


def test_a_dead_letter_completes_unless_there_is_a_prediction() -> None:
    def letter(request: str, agent: str, run: str = "r") -> SimpleNamespace:
        headers = {"run": run, "request": request, "dead-letter.agent": agent}
        headers["dead-letter.reason"] = "expired 1.0 s before its turn"
        given = [(name, text.encode()) for name, text in headers.items()]
        return SimpleNamespace(timestamp=1, value=b"", headers=given)

    join = Join(asked("cnn"))
    join.add_predictions([record(prediction("q0", "cnn"))])
    foreign = [letter("q1", "cnn", "older"), letter("q9", "cnn"), letter("q1", "stranger")]
    mark = SimpleNamespace(timestamp=1, value=None, headers=[("dead-letter.replayed", b"1")])
    assert join.add_dead_letters([*foreign, mark, letter("q0", "cnn")]) == 0
    assert join.add_dead_letters([letter(f"q{n}", "cnn") for n in (1, 2, 3, 3)]) == 3
    assert join.is_complete
    join.add_predictions(
        [record(prediction("q2", "cnn"))]
    )  # sent again, or read later than the letter
    assert join.add_dead_letters([letter("q2", "cnn")]) == 0
    assert join.is_complete
    assert join.incomplete().dead_lettered.keys() == {("q1", "cnn"), ("q3", "cnn")}
    found = join.finish()
    assert found.missing == 2
    assert set(found.dead_lettered.values()) == {"expired 1.0 s before its turn"}
    assert not Join(asked("cnn")).is_complete


def test_the_summary_counts_what_is_missing() -> None:
    verdicts = run_of([0, 1, 2, 0], {"cnn": [None, BEE, CAT, CAT], "other": [None] * 4})
    verdicts = replace(verdicts, duplicates={"cnn": 2})
    assert verdicts.missing == 5
    cnn, other = verdicts.summary().to_dicts()
    assert (cnn["answered"], cnn["missing"], cnn["duplicates"], cnn["correct"]) == (3, 1, 2, 2)
    assert cnn["accuracy"] == pytest.approx(2 / 3)
    assert cnn["latency_p50_ms"] == 11.0
    assert (other["answered"], other["missing"], other["accuracy"]) == (0, 4, None)


# Three agents; what each strategy makes of it is worked out by hand below.
THREE = run_of(
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
    # Nobody has answered q4, and whoever has answered one has a vote in it.
    assert outcome["request_id"].to_list() == ["q0", "q1", "q2", "q3"]
    assert outcome["label"].to_list() == [1, 0, 0, 2]
    rows = outcome.select("predicted", "confidence").rows()
    return [(predicted, pytest.approx(confidence)) for predicted, confidence in rows]


def test_highest_confidence() -> None:
    assert decided("highest confidence") == [(0, 0.9), (2, 0.9), (1, 0.8), (2, 0.6)]


def test_agreement_with_its_tie_break() -> None:
    # q0: two for the bee against a surer ant. All others are ties, broken by confidence.
    assert decided("majority vote") == [(1, 0.65), (2, 0.9), (1, 0.8), (2, 0.6)]


def test_weighted_by_what_a_vote_for_the_class_was_worth() -> None:
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
    verdicts = run_of(labels[200:].tolist(), new)
    outcome = decide(verdicts, "stacking", validation)
    assert outcome["correct"].all()
    assert decide(verdicts, "soft vote")["correct"].mean() < 0.9
    # With "a" away, the other two are read on their own.
    without = run_of(labels[200:].tolist(), {**new, "a": [None] * 50 + new["a"][50:]})
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
    one = run_of([0, 1], {"a": [ANT, CAT]})
    nobody = run_of([0, 1], {"a": [None, None], "b": [None, None]})
    assert decide(nobody, strategy, VALIDATION).schema == decide(one, strategy, VALIDATION).schema
    assert decide(nobody, strategy, VALIDATION).is_empty()
    assert decide(run_of([], {"a": [], "b": []}), strategy, VALIDATION).is_empty()
    alike = run_of([0, 1], {"a": [ANT, BEE], "b": [ANT, BEE]})
    if strategy != "stacking":  # which may have learned to know better
        assert decide(one, strategy, VALIDATION)["predicted"].to_list() == [0, 2]
        assert decide(alike, strategy, VALIDATION)["predicted"].to_list() == [0, 1]


def test_a_third_decides_where_two_disagree() -> None:
    two = run_of(
        [0, 1, 2, 0, 1],
        {
            "a": [ANT, [0.1, 0.6, 0.3], [0.2, 0.8, 0.0], ANT, None],
            "b": [ANT, [0.7, 0.2, 0.1], [0.0, 0.1, 0.9], None, None],
        },
    )
    assert tie_break.disagreements(two) == ["q1", "q2"]
    opinions = run_of([0, 1, 2], {"c": [None, [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]})
    outcome = decide(tie_break.merge(two, opinions), "majority vote")
    # q1: c is with a. q2: three opinions, c is surest. Undisputed requests stay as they were.
    assert outcome.select("request_id", "predicted").rows() == [
        ("q0", 0), ("q1", 1), ("q2", 0), ("q3", 0),
    ]  # fmt: skip
    assert outcome["confidence"].to_list() == pytest.approx([1, 0.8, 1, 1])
    stranger = replace(run_of([0], {"c": [ANT]}), run_id="other")
    with pytest.raises(ValueError, match="another run"):
        tie_break.merge(two, stranger)


def test_no_dispute_and_no_opinion_change_nothing() -> None:
    alike = run_of([0, 1], {"a": [ANT, BEE], "b": [ANT, BEE]})
    assert tie_break.disagreements(alike) == []
    silent = run_of([0, 1], {"c": [None, None]})
    outcome = decide(tie_break.merge(alike, silent), "majority vote")
    assert outcome.equals(decide(alike, "majority vote"))
    assert isinstance(outcome, pl.DataFrame)
