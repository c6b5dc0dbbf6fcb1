"""The headers of messages: what all kinds share, and how they are read.

Their names and meanings: docs/messages.md.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from imageclass.messages.text import printable

FORMAT_VERSION = "1"
#: The most images in one message.
MAX_IMAGES = 128

_ID = re.compile(r"[A-Za-z0-9._@+:-]{1,128}")
# An agent's name is an id too, and part of its consumer group's name.
_AGENT_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_MAX_HEADER_BYTES = 1_000
_MAX_IDS_BYTES = 8_000

Header = tuple[str, bytes | None]  # as it is read
Headers = list[tuple[str, bytes]]  # as it is written


class InvalidMessage(ValueError):
    """A message does not follow the format; the text is the reason, fit for a dead letter."""


def is_id(text: str) -> bool:
    """Return whether `text` can be the id of a run, a request or a data set in a message."""
    return _ID.fullmatch(text) is not None


def header_bytes(headers: Iterable[Header]) -> int:
    """Return how many bytes names and contents of headers have."""
    return sum(len(name.encode()) + len(content or b"") for name, content in headers)


def ids_of(text: str) -> tuple[str, ...]:
    """Return the ids in the header `request` of a request, a prediction or a dead letter.

    A message about several images has their ids there, separated by commas.
    """
    return tuple(text.split(","))


def is_agent_name(text: str) -> bool:
    """Return whether `text` can be the name of an agent."""
    return _AGENT_NAME.fullmatch(text) is not None


def is_text(value: Any, limit: int) -> bool:
    """Return whether a value of a JSON document is text of at most `limit` characters.

    JSON's escapes can write halves of characters (`\\ud800`), which no table and no file takes.
    """
    if not isinstance(value, str) or len(value) > limit:
        return False
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def check_agent_name(name: str) -> None:
    """Check that an agent may have this name.

    Raises:
        ValueError: it may not; the text says which names are allowed.
    """
    if not is_agent_name(name):
        raise ValueError(
            f"An agent's name has 1 to 100 letters, digits, dots, _ and -: not {name!r}."
        )


def fields_of(headers: Iterable[Header]) -> dict[str, str]:
    """Return headers as text, by name.

    Raises:
        InvalidMessage: a header is there twice, is not UTF-8, or is longer than 1,000 bytes
            (`request`: 8,000).
    """
    fields: dict[str, str] = {}
    for name, value in headers:
        if name in fields:
            raise InvalidMessage(f"header {name!r} is there twice")
        limit = _MAX_IDS_BYTES if name == "request" else _MAX_HEADER_BYTES
        if value and len(value) > limit:
            raise InvalidMessage(f"header {name!r} of {len(value)} bytes is too long")
        try:
            fields[name] = (value or b"").decode()
        except UnicodeDecodeError:
            raise InvalidMessage(f"header {name!r} is not UTF-8") from None
    return fields


def check_version(fields: dict[str, str]) -> None:
    """Check that a message has this version of the format.

    Raises:
        InvalidMessage: it has another one, or names none.
    """
    version = need(fields, "version")
    if version != FORMAT_VERSION:
        raise InvalidMessage(f"format version {version[:40]!r}, this is {FORMAT_VERSION}")


def need(fields: dict[str, str], name: str) -> str:
    """Return the header of that name.

    Raises:
        InvalidMessage: it is missing or empty.
    """
    if not (value := fields.get(name, "")):
        raise InvalidMessage(f"header {name!r} is missing")
    return value


def need_id(fields: dict[str, str], name: str) -> str:
    """Return the header of that name, which must be an id (see `is_id`).

    Raises:
        InvalidMessage: it is missing, or no id.
    """
    value = need(fields, name)
    if not is_id(value):
        raise InvalidMessage(f"header {name!r} is not an id (letters, digits and ._@+:-, 128)")
    return value


def need_ids(fields: dict[str, str]) -> str:
    """Return the header `request`: the id of an image, or those of several (see `ids_of`).

    Raises:
        InvalidMessage: it is missing, has something that is no id, one id twice, or too many.
    """
    text = need(fields, "request")
    if "," not in text:
        return need_id(fields, "request")
    ids = ids_of(text)
    if len(ids) > MAX_IMAGES:
        raise InvalidMessage(f"{len(ids)} images in a message are more than {MAX_IMAGES}")
    if not all(map(is_id, ids)):
        raise InvalidMessage("header 'request' has something that is no id")
    if len(set(ids)) < len(ids):
        raise InvalidMessage("header 'request' has an id twice")
    return text


class About(NamedTuple):
    """What a prediction or a dead letter is about.

    Attributes:
        requests: the ids of its requests.
        agent: name of the agent that answered, or that wrote the dead letter.
        reason: why the request is a dead letter; empty for a prediction.
    """

    requests: tuple[str, ...]
    agent: str
    reason: str


def of_run(record: Any, run: str) -> About | None:
    """Return what a record on the topic of predictions or of dead letters is about.

    Args:
        record: a `ConsumerRecord`.
        run: id of the run that it should belong to.

    Returns:
        None if it belongs to another run.
    """
    about = dict(record.headers or ())
    if about.get("run") != run.encode():
        return None
    agent = about.get("dead-letter.agent") or about.get("agent")
    requests, name, reason = (
        printable((part or b"").decode("utf-8", "replace"))
        for part in (about.get("request"), agent, about.get("dead-letter.reason"))
    )
    return About(ids_of(requests), name, reason)


def body_of(value: bytes | None, limit: int) -> bytes:
    """Return a message's value.

    Raises:
        InvalidMessage: it is empty, or longer than `limit` bytes.
    """
    if not value:
        raise InvalidMessage("the message is empty")
    if len(value) > limit:
        raise InvalidMessage(f"{len(value)} bytes are more than the {limit} allowed")
    return value
