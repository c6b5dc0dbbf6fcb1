"""The wire format of dead letters: the message as it came, and why it could not be processed."""

from typing import NamedTuple

from imageclass.data.limits import MAX_IMAGE_BYTES
from imageclass.messages.headers import Header, Headers, header_bytes

#: The most bytes of headers that a dead letter keeps; with `MAX_IMAGE_BYTES` they stay under
#: Kafka's 1 MiB.
MAX_DEAD_LETTER_HEADER_BYTES = 16_000


class Record(NamedTuple):
    """A message as it was read, by either client.

    Attributes:
        topic: full name of the topic.
        partition: number of its partition.
        offset: its offset there.
        value: None if it has none, or one that is too large.
        headers: None if it has none, or if they cannot be decoded.
        fault: why it is not whole; empty if it is. Without headers, the value may be the bytes of
            a whole batch of records that cannot be decoded.
        last: the last of the offsets that it stands for; by default its own.
        size: bytes of its value, if that was too large to be read; by default those of `value`.
        images: how many images its headers name; 1 if it cannot be told.
    """

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: list[Header] | None
    fault: str = ""
    last: int | None = None
    size: int | None = None
    images: int = 1


def encode_dead_letter(record: Record, agent: str, reason: str) -> tuple[bytes, bytes, Headers]:
    """Return key, value and headers of the dead letter for a record.

    The key names the record's place and the agent. So a dead letter that is written twice, because
    the agent was restarted before it could commit, is recognised as one. Value and headers are the
    record's own; the headers `dead-letter.reason`, `.agent`, `.origin` and `.size` (bytes of the
    original value) follow. A value, or headers, that are too large to be written again or could
    not be decoded are left out, and `dead-letter.incomplete` says so.

    Args:
        record: the message that could not be processed.
        agent: name of the agent.
        reason: why, in words.
    """
    origin = f"{record.topic}/{record.partition}/{record.offset}"
    value = record.value or b""
    headers: Headers = [(name, content or b"") for name, content in record.headers or ()]
    large_headers = header_bytes(headers) > MAX_DEAD_LETTER_HEADER_BYTES
    size = len(value) if record.size is None else record.size
    large_value = size > MAX_IMAGE_BYTES
    if large_headers:
        headers = []
    headers += [
        ("dead-letter.reason", reason[:500].encode()),
        ("dead-letter.agent", agent.encode()),
        ("dead-letter.origin", origin.encode()),
        ("dead-letter.size", str(size).encode()),
    ]
    if large_value or large_headers or record.fault:
        missing = "its value" if large_value else "its headers"
        headers.append(("dead-letter.incomplete", missing.encode()))
    return f"{origin}/{agent}".encode(), b"" if large_value else value, headers
