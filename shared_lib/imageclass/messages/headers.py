"""The headers of messages: what all kinds share, and how they are read.

Their names and meanings: `messages`.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

FORMAT_VERSION = "1"

_ID = re.compile(r"[A-Za-z0-9._@+:-]{1,128}")
_MAX_HEADER_BYTES = 1_000

Header = tuple[str, bytes | None]  # as it is read
Headers = list[tuple[str, bytes]]  # as it is written


class InvalidMessage(ValueError):
    """A message does not follow the format; the text is the reason, fit for a dead letter."""


def is_id(text: str) -> bool:
    """Whether `text` can be the name of a run, a request, an agent or a data set in a message."""
    return _ID.fullmatch(text) is not None


def fields_of(headers: Iterable[Header]) -> dict[str, str]:
    """The headers as text, by name. Raises `InvalidMessage` for one that is there twice, is no
    UTF-8, or is longer than 1,000 bytes."""
    fields: dict[str, str] = {}
    for name, value in headers:
        if name in fields:
            raise InvalidMessage(f"header {name!r} is there twice")
        if value and len(value) > _MAX_HEADER_BYTES:
            raise InvalidMessage(f"header {name!r} of {len(value)} bytes is too long")
        try:
            fields[name] = (value or b"").decode()
        except UnicodeDecodeError:
            raise InvalidMessage(f"header {name!r} is not UTF-8") from None
    return fields


def check_version(fields: dict[str, str]) -> None:
    """Raises `InvalidMessage` if the message is of another version of the format."""
    version = need(fields, "version")
    if version != FORMAT_VERSION:
        raise InvalidMessage(f"format version {version[:40]!r}, this is {FORMAT_VERSION}")


def need(fields: dict[str, str], name: str) -> str:
    """The header of that name. Raises `InvalidMessage` if it is missing or empty."""
    if not (value := fields.get(name, "")):
        raise InvalidMessage(f"header {name!r} is missing")
    return value


def need_id(fields: dict[str, str], name: str) -> str:
    """The same for a header that must be an id (see `is_id`)."""
    value = need(fields, name)
    if not _ID.fullmatch(value):
        raise InvalidMessage(f"header {name!r} is not an id (letters, digits and ._@+:-, 128)")
    return value


class About(NamedTuple):
    """Which request of a run a message answers, or was set aside with: by whom and, of a dead
    letter, why (else empty)."""

    request: str
    agent: str
    reason: str


def of_run(record: Any, run: str) -> About | None:
    """What a `ConsumerRecord` of the topic of predictions or of dead letters is about; None if that
    is not this run."""
    about = dict(record.headers or ())
    if about.get("run") != run.encode():
        return None
    agent = about.get("dead-letter.agent") or about.get("agent")
    parts = (about.get("request"), agent, about.get("dead-letter.reason"))
    return About(*((part or b"").decode("utf-8", "replace") for part in parts))


def body_of(value: bytes | None, limit: int) -> bytes:
    if not value:
        raise InvalidMessage("the message is empty")
    if len(value) > limit:
        raise InvalidMessage(f"{len(value)} bytes are more than the {limit} allowed")
    return value
