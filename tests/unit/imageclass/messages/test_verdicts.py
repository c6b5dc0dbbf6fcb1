"""The wire format of verdicts."""

import json

import pytest
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.verdicts import decode_verdict, encode_verdict
from imageclass.runs.outcomes import decide
from imageclass.runs.run import Run
from imageclass.runs.verdicts import encode_verdicts

from tests.support.messages import ANSWER, VERDICT
from tests.support.runs import THIRD


def test_every_request_is_announced(run: Run) -> None:
    messages = encode_verdicts(run, decide(run, "majority vote"), "majority vote")
    assert list(messages) == ["q0", "q1", "q2"]
    decided, alone, undecided = (decode_verdict(value) for value in messages.values())
    assert (decided.run, decided.request, decided.dataset) == ("run", "q0", "hand-made")
    assert (decided.strategy, decided.index, decided.sent_ms) == ("majority vote", 0, 1000.0)
    assert (decided.label_name, decided.predicted_name, decided.correct) == ("ant", "cat", False)
    assert decided.confidence == 1.0
    (first, second) = decided.answers
    assert (first.agent, first.model, first.predicted, first.correct) == ("a", "hash-a", 0, True)
    assert first.confidence == pytest.approx(THIRD)
    assert first.latency_ms == 10 + THIRD
    assert second.agent == "b"
    assert alone.correct is True
    assert (undecided.predicted, undecided.confidence, undecided.correct) == (None, None, None)
    assert undecided.answers == ()
    for value in messages.values():
        assert encode_verdict(decode_verdict(value)) == value


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"version": None},
        {"run": ""},
        {"run": 7},
        {"index": -1},
        {"index": 1.5},
        {"index": True},
        {"sent_ms": float("nan")},
        {"sent_ms": float("inf")},
        {"sent_ms": 10**400},
        {"label": "0"},
        {"label_name": "x" * 2_000},
        {"label_name": "\ud800"},
        {"answers": [ANSWER | {"model": "\udfff"}]},
        {"predicted": None},
        {"predicted": 1},
        {"confidence": 1.01},
        {"confidence": "1"},
        {"correct": 1},
        {"correct": False},
        {"answers": None},
        {"answers": [ANSWER, None]},
        {"answers": [ANSWER | {"confidence": -0.1}]},
        {"answers": [ANSWER | {"more": 1}]},
        {"answers": [{"agent": "a"}]},
        {"more": 1},
    ],
    ids=str,
)
def test_malformed_verdicts_are_refused(changes: dict) -> None:
    assert decode_verdict(json.dumps(VERDICT).encode()).answers[0].agent == "a"  # the near miss
    with pytest.raises(InvalidMessage):
        decode_verdict(json.dumps(VERDICT | changes).encode())


@pytest.mark.parametrize("missing", VERDICT)
def test_no_field_may_be_missing(missing: str) -> None:
    rest = {name: content for name, content in VERDICT.items() if name != missing}
    with pytest.raises(InvalidMessage):
        decode_verdict(json.dumps(rest).encode())


@pytest.mark.parametrize(
    "value",
    [None, b"", b"hello", b"\xff\xfe", b"7", b"[" * 100_000, b" " * 2_000_000, b'{"a":NaN}'],
)
def test_what_is_no_verdict_is_refused(value: bytes | None) -> None:
    with pytest.raises(InvalidMessage):
        decode_verdict(value)
