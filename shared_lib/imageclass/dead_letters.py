"""What an agent sets aside: the message as it came, and why it could not be processed."""

from typing import NamedTuple

from imageclass.messages import MAX_IMAGE_BYTES, Headers

_MAX_HEADER_BYTES = 16_000  # with MAX_IMAGE_BYTES it stays under Kafka's 1 MiB


class Record(NamedTuple):
    """A message as it was read, of whatever client."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: list[tuple[str, bytes | None]] | None


def encode_dead_letter(record: Record, agent: str, reason: str) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of the dead letter for `record`.

    The key names where the record lies and who refused it, so the same dead letter written twice
    (an agent restarted before it could commit) is known as one. The value and headers are the
    record's own, the headers followed by `dead-letter.reason`, `.agent`, `.origin` and `.size`
    (bytes of the original value). A value or headers too large to be written again are left out.
    """
    origin = f"{record.topic}/{record.partition}/{record.offset}"
    value = record.value or b""
    headers: Headers = [(name, content or b"") for name, content in record.headers or ()]
    if sum(len(name.encode()) + len(content) for name, content in headers) > _MAX_HEADER_BYTES:
        headers = []
    headers += [
        ("dead-letter.reason", reason[:500].encode()),
        ("dead-letter.agent", agent.encode()),
        ("dead-letter.origin", origin.encode()),
        ("dead-letter.size", str(len(value)).encode()),
    ]
    kept = value if len(value) <= MAX_IMAGE_BYTES else b""
    return f"{origin}/{agent}".encode(), kept, headers
