"""The wire format of dead letters."""

from types import SimpleNamespace

from imageclass.messages.dead_letters import encode_dead_letter


def record(value: bytes | None, head: list[tuple[str, bytes | None]]) -> SimpleNamespace:
    return SimpleNamespace(topic="t", partition=2, offset=40, value=value, headers=head)


def test_a_dead_letter_keeps_the_message_and_tells_why() -> None:
    key, value, head = encode_dead_letter(record(b"body", [("run", b"\xff")]), "cnn", "no UTF-8")
    assert (key, value) == (b"t/2/40/cnn", b"body")
    assert dict(head) == {
        "run": b"\xff",
        "dead-letter.reason": b"no UTF-8",
        "dead-letter.agent": b"cnn",
        "dead-letter.origin": b"t/2/40",
        "dead-letter.size": b"4",
    }


def test_a_dead_letter_always_fits_into_a_message() -> None:
    huge = record(bytes(5_000_000), [("run", bytes(2_000_000)), ("note", None)])
    key, value, head = encode_dead_letter(huge, "cnn", "long " * 1_000)
    size = len(key) + len(value) + sum(len(name) + len(content) for name, content in head)
    assert size < 1_000
    assert dict(head)["dead-letter.size"] == b"5000000"
    assert dict(head)["dead-letter.incomplete"] == b"its value"
