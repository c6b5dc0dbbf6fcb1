"""Who is at work: every agent says so every few seconds, on a topic that keeps its last word."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import polars as pl
from kafka import TopicPartition

from imageclass.connection import Connection
from imageclass.status import AgentStatus

#: Seconds between two announcements of an agent that works.
HEARTBEAT_SECONDS = 3.0
#: After so many seconds without one it is taken for dead: its process was killed, or the broker
#: does not hear it.
DEAD_AFTER_SECONDS = 10.0

SCHEMA = {
    "name": pl.String,
    "instance": pl.String,
    "topic": pl.String,
    "state": pl.String,
    "alive": pl.Boolean,
    "age_s": pl.Float64,
    "model": pl.String,
    "dataset": pl.String,
    "received": pl.Int64,
    "answered": pl.Int64,
    "rejected": pl.Int64,
    "skipped": pl.Int64,
    "expired": pl.Int64,
    "errors": pl.Int64,
    "lag": pl.Int64,
    "rate": pl.Float64,
    "paused": pl.Boolean,
    "batch_size": pl.Int64,
    "max_wait": pl.Float64,
    "canary": pl.String,
    "share": pl.Float64,
    "last_error": pl.String,
}


class Announcer:
    """Writes an agent's announcements. Key: the instance; value: its status as JSON."""

    def __init__(self, send: Callable[[bytes, bytes], object], instance: str, topic: str) -> None:
        """`send` gets key and value of each; `topic` is that of the requests it answers."""
        self._send, self._instance, self._topic = send, instance, topic
        self._last: tuple[float, AgentStatus] | None = None

    def announce(self, status: AgentStatus) -> None:
        """Announce `status`, unless nothing but numbers changed and the next heartbeat isn't due.

        `rate` is what was answered in a second since the last announcement.
        """
        now, rate = time.monotonic(), 0.0
        if self._last is not None:
            then, before = self._last
            same = all(
                getattr(status, name) == getattr(before, name)
                for name in ("state", "model", "canary", "share", "batch_size", "max_wait")
            )
            if same and now - then < HEARTBEAT_SECONDS:
                return
            rate = (status.answered - before.answered) / max(now - then, 0.001)
        self._last = (now, status)
        words = {
            **asdict(status),
            "instance": self._instance,
            "topic": self._topic,
            "rate": round(rate, 1),
            "last_error": status.last_error[:300],
        }
        self._send(self._instance.encode(), json.dumps(words).encode())


def agents_seen(connection: Connection) -> pl.DataFrame:
    """A row for each agent that announced itself within the last week, by name (see `SCHEMA`).

    `age_s`: seconds since its last word. `alive`: that was not "stopped", and not longer ago than
    `DEAD_AFTER_SECONDS`. `instance` is one `Agent`: several of one `name` share its requests. The
    other columns are those of `AgentStatus`, and `rate`, images answered in a second. Raises
    `connection.NoBroker`.
    """
    last: dict[bytes, tuple[float, dict[str, Any]]] = {}
    with connection.consumer() as consumer:
        place = TopicPartition(connection.topics.agents, 0)
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end = consumer.end_offsets([place])[place]
        while consumer.position(place) < end:
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    last[record.key] = (record.timestamp / 1000, json.loads(record.value))
    now, rows = time.time(), []
    for said, words in last.values():
        age = max(0.0, now - said)
        alive = words.get("state") != "stopped" and age <= DEAD_AFTER_SECONDS
        row = {**words, "age_s": age, "alive": alive}
        rows.append({column: row.get(column) for column in SCHEMA})
    return pl.DataFrame(rows, schema=SCHEMA).sort(
        "name", "alive", "age_s", descending=[False, True, False]
    )


def wait_until_seen(connection: Connection, name: str, timeout: float = 10.0) -> None:
    """Wait until `agents_seen` has an agent `name` that is alive: its first word takes a moment
    longer than its start. Returns after `timeout` seconds in any case. Raises
    `connection.NoBroker`."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if not agents_seen(connection).filter(pl.col("name") == name, "alive").is_empty():
            return
        time.sleep(0.1)
