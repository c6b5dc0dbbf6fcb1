"""The wire format of verdicts: a JSON message for each request, which the judge announces.

The key is the request's id, the value a JSON object in UTF-8; docs/messages.md has its fields.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from imageclass.messages.headers import InvalidMessage, is_text

FORMAT_VERSION = 1

_MAX_BYTES = 1_000_000
_LARGEST = 2**53  # above it not every reader of JSON has exact numbers


@dataclass(frozen=True)
class AgentAnswer:
    """What one agent answered to a request; fields as in docs/messages.md."""

    agent: str
    model: str
    predicted: int
    confidence: float
    correct: bool
    latency_ms: float


@dataclass(frozen=True)
class Verdict:
    """The judge's verdict about one request; fields as in docs/messages.md."""

    run: str
    request: str
    dataset: str
    strategy: str
    index: int
    sent_ms: float
    label: int
    label_name: str
    predicted: int | None
    predicted_name: str | None
    confidence: float | None
    correct: bool | None
    answers: tuple[AgentAnswer, ...]


def encode_verdict(verdict: Verdict) -> bytes:
    """Return the value of the Kafka message for a verdict."""
    content = {"version": FORMAT_VERSION, **asdict(verdict)}
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


def decode_verdict(value: bytes | None) -> Verdict:
    """Return the verdict in a Kafka message's value.

    Raises:
        InvalidMessage: it is not JSON, or a field is missing, unknown or wrong.
    """
    if not value or len(value) > _MAX_BYTES:
        raise InvalidMessage(f"a verdict of {len(value or b'')} bytes")
    try:
        content = json.loads(value)
    # Nested too deep ends in a RecursionError; every wrong byte in a ValueError.
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f"the verdict is not JSON: {error}") from error
    if not isinstance(content, dict) or content.pop("version", None) != FORMAT_VERSION:
        raise InvalidMessage(f"not a verdict of format version {FORMAT_VERSION}")
    _check(content, _VERDICT_FIELDS, "the verdict")
    for answer in content["answers"]:
        _check(answer, _ANSWER_FIELDS, "an answer")
    decided = [content[name] is not None for name in _TOGETHER]
    if any(decided) != all(decided):
        raise InvalidMessage(f"{', '.join(_TOGETHER)} must be there together or all be null")
    if all(decided) and content["correct"] != (content["predicted"] == content["label"]):
        raise InvalidMessage("correct does not say whether predicted is label")
    answers = tuple(AgentAnswer(**answer) for answer in content["answers"])
    return Verdict(**{**content, "answers": answers})


_TOGETHER = ("predicted", "predicted_name", "confidence", "correct")


def _text(value: Any) -> bool:
    return is_text(value, 1_000)


def _name(value: Any) -> bool:
    return _text(value) and value != ""


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _amount(value: Any) -> bool:
    # Written so that a NaN, which JSON does not have and Python reads, fails it too.
    return type(value) in (int, float) and 0 <= value < _LARGEST


def _share(value: Any) -> bool:
    return _amount(value) and value <= 1


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


_VERDICT_FIELDS = {
    "run": _name,
    "request": _name,
    "dataset": _name,
    "strategy": _name,
    "index": _count,
    "sent_ms": _amount,
    "label": _count,
    "label_name": _text,
    "predicted": lambda value: value is None or _count(value),
    "predicted_name": lambda value: value is None or _text(value),
    "confidence": lambda value: value is None or _share(value),
    "correct": lambda value: value is None or _truth(value),
    "answers": lambda value: isinstance(value, list) and len(value) <= 1_000,
}
_ANSWER_FIELDS = {
    "agent": _name,
    "model": _text,
    "predicted": _count,
    "confidence": _share,
    "correct": _truth,
    "latency_ms": _amount,
}


def _check(content: Any, checks: dict, what: str) -> None:
    if not isinstance(content, dict) or set(content) != set(checks):
        raise InvalidMessage(f"{what} has not exactly the fields {', '.join(checks)}")
    for name, good in checks.items():
        if not good(content[name]):
            raise InvalidMessage(f"{what} has {str(content[name])[:40]!r} for {name}")
