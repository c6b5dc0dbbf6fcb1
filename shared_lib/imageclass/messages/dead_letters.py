"""The wire format of dead letters: the message as it came, and why it could not be processed."""

from typing import NamedTuple

from imageclass.data.limits import MAX_IMAGE_BYTES
from imageclass.messages.headers import Header, Headers

_MAX_HEADER_BYTES = 16_000  # with MAX_IMAGE_BYTES it stays under Kafka's 1 MiB


class Record(NamedTuple):
    """A message as it was read, by either client."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: list[Header] | None


def encode_dead_letter(record: Record, agent: str, reason: str) -> tuple[bytes, bytes, Headers]:
    """Return key, value and headers of the dead letter for a record.

    The key names the record's place and the agent. So a dead letter that is written twice, because
    the agent was restarted before it could commit, is recognised as one. Value and headers are the
    record's own; the headers `dead-letter.reason`, `.agent`, `.origin` and `.size` (bytes of the
    original value) follow. A value, or headers, too large to be written again are left out, and
    `dead-letter.incomplete` says so.

    Args:
        record: the message that could not be processed.
        agent: name of the agent.
        reason: why, in words.
    """
    origin = f"{record.topic}/{record.partition}/{record.offset}"
    value = record.value or b""
    headers: Headers = [(name, content or b"") for name, content in record.headers or ()]
    large_headers = sum(len(n.encode()) + len(c) for n, c in headers) > _MAX_HEADER_BYTES
    large_value = len(value) > MAX_IMAGE_BYTES
    if large_headers:
        headers = []
    headers += [
        ("dead-letter.reason", reason[:500].encode()),
        ("dead-letter.agent", agent.encode()),
        ("dead-letter.origin", origin.encode()),
        ("dead-letter.size", str(len(value)).encode()),
    ]
    if large_value or large_headers:
        missing = "its value" if large_value else "its headers"
        headers.append(("dead-letter.incomplete", missing.encode()))
    return f"{origin}/{agent}".encode(), b"" if large_value else value, headers
