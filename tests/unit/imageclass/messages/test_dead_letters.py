"""The wire format of dead letters."""

from imageclass.messages.dead_letters import Record, encode_dead_letter
from imageclass.messages.headers import Header


def record(value: bytes | None, head: list[Header]) -> Record:
    return Record(topic="t", partition=2, offset=40, value=value, headers=head)


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


def test_a_batch_that_nobody_can_decode_is_kept_as_it_was() -> None:
    batch = Record("t", 2, 40, b"raw", None, "the batch is damaged", last=42)
    key, value, head = encode_dead_letter(batch, "cnn", batch.fault)
    assert (key, value) == (b"t/2/40/cnn", b"raw")
    assert dict(head)["dead-letter.incomplete"] == b"its headers"
    too_large = Record("t", 2, 40, None, [], "5000000 bytes are more", size=5_000_000)
    _, value, head = encode_dead_letter(too_large, "cnn", too_large.fault)
    assert (value, dict(head)["dead-letter.size"]) == (b"", b"5000000")
    assert dict(head)["dead-letter.incomplete"] == b"its value"
