"""Joining answers to requests."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from imageclass.messages.predictions import Prediction, encode_prediction
from imageclass.runs.join import Join

from tests.support.runs import prediction, sent_run


def record(answer: Prediction, timestamp: int = 1012, **changes: bytes) -> SimpleNamespace:
    value, headers = encode_prediction(answer)
    headers = [(name, changes.get(name, content)) for name, content in headers]
    return SimpleNamespace(timestamp=timestamp, value=value, headers=headers)


def test_each_answer_counts_once() -> None:
    verdicts = sent_run("cnn", "other")
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
    join = Join(sent_run("cnn", "other"))
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


def test_dead_letters_end_a_request_unless_it_is_answered() -> None:
    def dead_letter(request: str, agent: str, run: str = "r") -> SimpleNamespace:
        headers = {"run": run, "request": request, "dead-letter.agent": agent}
        headers["dead-letter.reason"] = "expired 1.0 s before its turn"
        given = [(name, text.encode()) for name, text in headers.items()]
        return SimpleNamespace(timestamp=1, value=b"", headers=given)

    join = Join(sent_run("cnn"))
    join.add_predictions([record(prediction("q0", "cnn"))])
    foreign = [
        dead_letter("q1", "cnn", "older"),
        dead_letter("q9", "cnn"),
        dead_letter("q1", "stranger"),
    ]
    mark = SimpleNamespace(timestamp=1, value=None, headers=[("dead-letter.replayed", b"1")])
    assert join.add_dead_letters([*foreign, mark, dead_letter("q0", "cnn")]) == 0
    assert join.add_dead_letters([dead_letter(f"q{n}", "cnn") for n in (1, 2, 3, 3)]) == 3
    assert join.is_complete
    join.add_predictions(
        [record(prediction("q2", "cnn"))]
    )  # sent again, or read later than the dead letter
    assert join.add_dead_letters([dead_letter("q2", "cnn")]) == 0
    assert join.is_complete
    assert join.incomplete().dead_lettered.keys() == {("q1", "cnn"), ("q3", "cnn")}
    found = join.finish()
    assert found.missing == 2
    assert set(found.dead_lettered.values()) == {"expired 1.0 s before its turn"}
    assert not Join(sent_run("cnn")).is_complete


def test_one_message_may_answer_several_requests() -> None:
    join = Join(sent_run("cnn"))
    rows = np.stack([prediction(f"q{n}", "cnn", n % 2).probabilities for n in range(3)])
    together = replace(prediction("q0", "cnn"), request="q0,q1,q2", probabilities=rows)
    assert join.add_predictions([record(prediction("q1", "cnn", 1)), record(together)]) == 3
    letter = record(replace(together, request="q2,q3"))
    letter.headers += [("dead-letter.agent", b"cnn"), ("dead-letter.reason", b"late")]
    assert join.add_dead_letters([letter]) == 1
    found = join.finish()
    assert found.duplicates == {"cnn": 1}
    assert found.predictions["request_id"].to_list() == ["q1", "q0", "q2"]
    assert found.dead_lettered == {("q3", "cnn"): "late"}
