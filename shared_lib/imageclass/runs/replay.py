"""Read dead letters and send their messages again.

The topic has two kinds of messages: dead letters, and marks. A mark says that the message of a
dead letter was sent again; the two are written in one transaction, so there is never one without
the other. All who replay under one prefix share a transactional id: the broker lets only the
latest of them finish, and that one has read every earlier mark. So no message is sent again twice,
even if several people replay at once or a process ends meanwhile.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from imageclass.data.limits import MAX_IMAGE_BYTES
from imageclass.kafka.connection import Connection
from imageclass.kafka.reader import read_to_end
from imageclass.messages.dead_letters import MAX_DEAD_LETTER_HEADER_BYTES
from imageclass.messages.headers import Headers, header_bytes
from imageclass.messages.text import printable

_ORIGIN = "dead-letter.origin"
_REPLAYED = "dead-letter.replayed"


@dataclass(frozen=True, eq=False)
class DeadLetter:
    """A message that an agent could not process.

    Attributes:
        origin: where the message is, topic/partition/offset.
        agent: the agent's name.
        reason: why it could not be processed.
        value: the message's body as it arrived, if `complete`.
        headers: its headers, likewise.
        size: the original size of the body, in bytes.
        complete: whether body and headers could be read and were small enough to be kept.
        time_ms: when the dead letter was written, in milliseconds since 1970.
        replayed: whether the message was sent again, for this dead letter or another agent's.
    """

    origin: str
    agent: str
    reason: str
    value: bytes
    headers: Headers
    size: int
    complete: bool
    time_ms: int
    replayed: bool = False


@dataclass
class Replay:
    """What a replay did, by the dead letters' origin.

    Attributes:
        sent: sent again.
        already: sent again before, so not this time.
        refused: not sent again, with the reason.
    """

    sent: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


class ReplayError(Exception):
    """Nothing was sent again; the text says why and what to do."""


def read(connection: Connection, *, limit: int = 1_000) -> list[DeadLetter]:
    """Read the newest dead letters, the newest first, each once.

    The whole topic is read, about 40,000 dead letters in a second.

    Args:
        connection: the broker.
        limit: how many are returned at most.

    Raises:
        NoBroker: the broker does not answer.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    replayed = set()
    for record in _read_topic(connection):
        about = {n: (c or b"").decode("utf-8", "replace") for n, c in record.headers or ()}
        origin = about.get(_ORIGIN, "")
        if _REPLAYED in about:
            replayed.add(origin)
        elif (key := (origin, printable(about.get("dead-letter.agent", "")))) not in found:
            found[key] = {
                "reason": printable(about.get("dead-letter.reason", "")),
                "value": record.value or b"",
                "headers": [(n, c) for n, c in record.headers if not n.startswith("dead-letter.")],
                "size": _size(about.get("dead-letter.size", ""), record.value),
                "complete": "dead-letter.incomplete" not in about,
                "time_ms": record.timestamp,
            }
    newest = sorted(found.items(), key=lambda item: item[1]["time_ms"], reverse=True)[:limit]
    return [
        DeadLetter(origin, agent, **parts, replayed=origin in replayed)
        for (origin, agent), parts in newest
    ]


def replay(
    connection: Connection, dead_letters: Iterable[DeadLetter], *, deadline_ms: int | None = None
) -> Replay:
    """Send the messages of dead letters again, to the topics they came from.

    A message is sent again at most once ever. It stays as it was but for its deadline.

    Args:
        connection: the broker.
        dead_letters: see `read`.
        deadline_ms: the new deadline, in milliseconds since 1970; by default none.

    Returns:
        What was sent and what was not. All that can be sent is sent, or nothing.

    Raises:
        ReplayError: the broker failed meanwhile, or somebody else replays at the same time.
        NoBroker: the broker does not answer.
    """
    done = Replay()
    topics = connection.topics
    with connection.producer(transactional_id=f"{topics.prefix}dead-letters.replay") as producer:
        try:
            producer.init_transactions()  # from here on no other replay can finish
            marks = (dict(record.headers or ()) for record in _read_topic(connection))
            known = {mark.get(_ORIGIN) for mark in marks if _REPLAYED in mark}
            with connection.admin() as admin:
                existing = frozenset(admin.list_topics())
            producer.begin_transaction()
            for one in {one.origin: one for one in dead_letters}.values():
                if one.origin.encode() in known:
                    done.already.append(one.origin)
                elif reason := _refusal(one, topics.prefix, existing):
                    done.refused[one.origin] = reason
                else:
                    _send_again(producer, topics.dead_letters, one, deadline_ms)
                    done.sent.append(one.origin)
            producer.commit_transaction()
        except KafkaError as error:
            with suppress(KafkaError):
                producer.abort_transaction()
            raise ReplayError(
                f"Nothing was sent again ({type(error).__name__}: {error}). If somebody else is"
                " replaying too, read the dead letters again; otherwise try again."
            ) from error
    return done


def _send_again(
    producer: KafkaProducer, marks_topic: str, dead_letter: DeadLetter, deadline_ms: int | None
) -> None:
    headers = [(name, content) for name, content in dead_letter.headers if name != "deadline"]
    if deadline_ms is not None:
        headers.append(("deadline", str(deadline_ms).encode()))
    key = (dict(dead_letter.headers).get("request") or b"").partition(b",")[0] or None
    producer.send(_topic(dead_letter), key=key, value=dead_letter.value, headers=headers)
    origin = dead_letter.origin.encode()
    mark = [(_ORIGIN, origin), (_REPLAYED, str(int(time.time() * 1000)).encode())]
    producer.send(marks_topic, key=origin, headers=mark)


def _size(text: str, value: bytes | None) -> int:
    """Return the original size; where the header is no number, that of what is there."""
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else len(value or b"")


def _topic(dead_letter: DeadLetter) -> str:
    return dead_letter.origin.rsplit("/", 2)[0]


def _refusal(dead_letter: DeadLetter, prefix: str, existing: frozenset[str]) -> str:
    """Return why a message cannot be sent again; empty if it can. Anybody may write some."""
    size = max(dead_letter.size, len(dead_letter.value))
    if size > MAX_IMAGE_BYTES or (not dead_letter.complete and size > len(dead_letter.value)):
        return (
            f"The message of {dead_letter.size:,} bytes was too large to be kept. Send a smaller"
            " image."
        )
    if not dead_letter.complete or header_bytes(dead_letter.headers) > MAX_DEAD_LETTER_HEADER_BYTES:
        return "Its headers could not be read, or were too large to be kept. Send the image again."
    if not _topic(dead_letter).startswith(prefix):
        return f"It came from {_topic(dead_letter)}, which is not one of the topics {prefix}*."
    if _topic(dead_letter) not in existing:
        return f"It came from {_topic(dead_letter)}, and there is no such topic."
    return ""


def _read_topic(connection: Connection) -> Iterator[Any]:
    """Yield every record on the topic of dead letters, without those of an aborted replay."""
    return read_to_end(
        connection, [connection.topics.dead_letters], isolation_level="read_committed"
    )
