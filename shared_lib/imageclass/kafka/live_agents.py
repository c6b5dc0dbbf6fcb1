"""Which agents are at work: read from their heartbeats."""

from __future__ import annotations

import json
import time
from typing import Any

import polars as pl

from imageclass.kafka.connection import Connection
from imageclass.kafka.reader import read_to_end
from imageclass.messages.heartbeats import DEAD_AFTER_SECONDS

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


def list_agents(connection: Connection) -> pl.DataFrame:
    """A row for each agent that announced itself within the last week, by name (see `SCHEMA`).

    `age_s`: seconds since its last word. `alive`: that was not "stopped", and not longer ago than
    `DEAD_AFTER_SECONDS`. `instance` is one `Agent`: several of one `name` share its requests. The
    other columns are those of `AgentStatus`, and `rate`, images answered in a second. Raises
    `connection.NoBroker`.
    """
    last: dict[bytes, tuple[float, dict[str, Any]]] = {}
    for record in read_to_end(connection, [connection.topics.agents]):
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
        if not list_agents(connection).filter(pl.col("name") == name, "alive").is_empty():
            return
        time.sleep(0.1)
