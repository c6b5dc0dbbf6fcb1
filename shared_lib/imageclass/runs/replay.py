"""What an agent sets aside: the message as it came, and why it could not be processed.

Read them, and send them again. The topic has two kinds of messages: letters, and marks that a
letter's record has been sent again. A mark lies in the same topic and is written in one transaction
with the request that it speaks of, so there is never one without the other. All who replay
under one prefix share a transactional id: the broker lets only the latest of them finish, and that
one has seen every mark of those before it. So no record is sent again twice, whoever presses
the button, and whenever a process ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from imageclass.kafka.connection import Connection
from imageclass.messages.headers import Headers


@dataclass(frozen=True, eq=False)
class DeadLetter:
    """A message that an agent could not process. `origin`: where it lies, topic/partition/offset;
    `headers` and `value`: as they came, if `complete`; `size` of the value then, in bytes;
    `time_ms`: when it was set aside, milliseconds since 1970. `replayed`: its record was sent again
    already, be it for another agent's letter about it."""

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
    """What became of the letters, by origin: `sent` again, `already` sent before, and `refused`
    with the reason."""

    sent: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


class ReplayError(Exception):
    """Nothing was sent again; the text says why and what to do."""


def read(connection: Connection, *, limit: int = 1_000) -> list[DeadLetter]:
    """The newest `limit` dead letters, the newest first, each once. Reads the whole topic, about
    40,000 letters in a second. Raises `connection.NoBroker`."""
    letters: dict[tuple[str, str], dict[str, Any]] = {}
    replayed = set()
    for record in _everything(connection):
        about = {n: (c or b"").decode("utf-8", "replace") for n, c in record.headers or ()}
        origin = about.get("dead-letter.origin", "")
        if "dead-letter.replayed" in about:
            replayed.add(origin)
        elif (key := (origin, about.get("dead-letter.agent", ""))) not in letters:
            letters[key] = {
                "reason": about.get("dead-letter.reason", ""),
                "value": record.value or b"",
                "headers": [(n, c) for n, c in record.headers if not n.startswith("dead-letter.")],
                "size": int(about.get("dead-letter.size") or 0),
                "complete": "dead-letter.incomplete" not in about,
                "time_ms": record.timestamp,
            }
    newest = sorted(letters.items(), key=lambda item: item[1]["time_ms"], reverse=True)[:limit]
    return [
        DeadLetter(origin, agent, **parts, replayed=origin in replayed)
        for (origin, agent), parts in newest
    ]


def replay(
    connection: Connection, letters: Iterable[DeadLetter], *, deadline_ms: int | None = None
) -> Replay:
    """Send the records of these letters again to the topics they came from, as they came but for
    the deadline, which is `deadline_ms` (milliseconds since 1970) or none. Each at most once ever.

    All are sent, or none: raises `ReplayError` if the broker fails meanwhile or somebody
    else replays at the same time, and `connection.NoBroker` if it does not answer at all.
    """
    done = Replay()
    topics = connection.topics
    with connection.producer(transactional_id=f"{topics.prefix}dead-letters.replay") as producer:
        try:
            producer.init_transactions()  # from here on no other one can finish
            marks = (dict(record.headers or ()) for record in _everything(connection))
            known = {m.get("dead-letter.origin") for m in marks if "dead-letter.replayed" in m}
            producer.begin_transaction()
            for letter in {letter.origin: letter for letter in letters}.values():
                topic, _, _ = letter.origin.rsplit("/", 2)
                if letter.origin.encode() in known:
                    done.already.append(letter.origin)
                    continue
                if reason := _refusal(letter, topic, topics.prefix):
                    done.refused[letter.origin] = reason
                    continue
                headers = [(n, c) for n, c in letter.headers if n != "deadline"]
                if deadline_ms is not None:
                    headers.append(("deadline", str(deadline_ms).encode()))
                key = dict(letter.headers).get("request") or None
                producer.send(topic, key=key, value=letter.value, headers=headers)
                mark = [
                    ("dead-letter.origin", letter.origin.encode()),
                    ("dead-letter.replayed", str(int(time.time() * 1000)).encode()),
                ]
                producer.send(topics.dead_letters, key=letter.origin.encode(), headers=mark)
                done.sent.append(letter.origin)
            producer.commit_transaction()
        except KafkaError as error:
            with suppress(KafkaError):
                producer.abort_transaction()
            raise ReplayError(
                f"Nothing was sent again ({type(error).__name__}: {error}). If somebody else is"
                " replaying too, look at the letters anew; otherwise try again."
            ) from error
    return done


def _refusal(letter: DeadLetter, topic: str, prefix: str) -> str:
    if not letter.complete:
        return (
            f"The message of {letter.size:,} bytes was too large to be kept whole: send the image"
            " anew, smaller."
        )
    if not topic.startswith(prefix):
        return f"It came from {topic}, which is not one of the topics {prefix}*."
    return ""


def _everything(connection: Connection) -> Iterator[Any]:
    """Every record on the dead-letter topic now, without what an aborted replay left."""
    topic = connection.topics.dead_letters
    with connection.consumer(isolation_level="read_committed") as consumer:
        places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        while any(consumer.position(place) < end for place, end in ends.items()):
            for records in consumer.poll(timeout_ms=500, max_records=2_000).values():
                yield from records
