"""Joining answers to requests."""

from types import SimpleNamespace

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
    taken = join.take(
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
    assert (taken, join.answers) == (3, 3)
    assert join.take([record(prediction("q0", "cnn", 0))]) == 0
    found = join.finish()
    assert (found.duplicates, found.invalid, found.missing) == ({"cnn": 2}, 2, 5)
    assert found.frame.select("request_id", "agent", "correct").rows() == [
        ("q0", "cnn", True), ("q0", "other", True), ("q1", "cnn", False),
    ]  # fmt: skip
    # Collecting once more goes on where it ended.
    again = Join(found)
    assert again.take([record(prediction("q0", "cnn", 0)), record(prediction("q1", "other"))]) == 1
    assert again.finish().duplicates == {"cnn": 3}
    assert len(found.frame) == 4


def test_requests_are_handed_over_once_when_all_have_answered() -> None:
    join = Join(sent_run("cnn", "other"))
    join.take([record(prediction("q0", "cnn")), record(prediction("q1", "cnn"))])
    assert not join.completed().asked
    join.take([record(prediction("q1", "other")), record(prediction("q2", "other"))])
    part = join.completed()
    assert list(part.asked) == ["q1"]
    assert part.frame["agent"].to_list() == ["cnn", "other"]
    assert not join.completed().asked
    join.take([record(prediction("q0", "other"))])
    assert list(join.completed().asked) == ["q0"]
    rest = join.incomplete()
    assert (list(rest.asked), rest.frame["request_id"].to_list()) == (["q2", "q3"], ["q2"])
    # What was complete before is not handed over by a second collection.
    again = Join(join.finish())
    again.take([record(prediction("q2", "cnn"))])
    assert list(again.completed().asked) == ["q2"]
    assert list(again.incomplete().asked) == ["q3"]


def test_dead_letters_end_a_request_unless_it_is_answered() -> None:
    def dead_letter(request: str, agent: str, run: str = "r") -> SimpleNamespace:
        headers = {"run": run, "request": request, "dead-letter.agent": agent}
        headers["dead-letter.reason"] = "expired 1.0 s before its turn"
        given = [(name, text.encode()) for name, text in headers.items()]
        return SimpleNamespace(timestamp=1, value=b"", headers=given)

    join = Join(sent_run("cnn"))
    join.take([record(prediction("q0", "cnn"))])
    foreign = [
        dead_letter("q1", "cnn", "older"),
        dead_letter("q9", "cnn"),
        dead_letter("q1", "stranger"),
    ]
    mark = SimpleNamespace(timestamp=1, value=None, headers=[("dead-letter.replayed", b"1")])
    assert join.take_aside([*foreign, mark, dead_letter("q0", "cnn")]) == 0
    assert join.take_aside([dead_letter(f"q{n}", "cnn") for n in (1, 2, 3, 3)]) == 3
    assert join.over
    join.take([record(prediction("q2", "cnn"))])  # sent again, or read later than the dead letter
    assert join.take_aside([dead_letter("q2", "cnn")]) == 0
    assert join.over
    assert join.incomplete().set_aside.keys() == {("q1", "cnn"), ("q3", "cnn")}
    found = join.finish()
    assert found.missing == 2
    assert set(found.set_aside.values()) == {"expired 1.0 s before its turn"}
    assert not Join(sent_run("cnn")).over
