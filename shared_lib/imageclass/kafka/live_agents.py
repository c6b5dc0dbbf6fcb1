"""The agents that are at work, read from their heartbeats."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import polars as pl

from imageclass.kafka.connection import Connection
from imageclass.kafka.reader import read_to_end
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.heartbeats import DEAD_AFTER_S, FIELDS, decode_heartbeat

_COLUMN_TYPES = {str: pl.String, bool: pl.Boolean, int: pl.Int64, float: pl.Float64}
_FIRST = ("name", "instance", "topic", "state")
_POLL_S = 0.1

#: Columns of `list_agents`: those of a heartbeat, and `alive` and `age_s`.
SCHEMA: dict[str, Any] = {
    **{name: _COLUMN_TYPES[FIELDS[name]] for name in _FIRST},
    "alive": pl.Boolean,
    "age_s": pl.Float64,
    **{name: _COLUMN_TYPES[kind] for name, kind in FIELDS.items() if name not in _FIRST},
}


def list_agents(connection: Connection) -> pl.DataFrame:
    """Return a row for each agent with a heartbeat in the last week, sorted by name.

    Several agents of one name share its requests; `instance` tells them apart.

    Returns:
        Columns as in `SCHEMA`: those of `AgentStatus`; `instance`, `topic` (of the requests) and
        `rate` (predictions in a second); `age_s`, seconds since the last heartbeat; and `alive`,
        that it is younger than `DEAD_AFTER_S` and its state is not "stopped".

    Raises:
        NoBroker: the broker does not answer.
    """
    last: dict[bytes, tuple[float, dict[str, Any]]] = {}
    for record in read_to_end(connection, [connection.topics.agents]):
        with suppress(InvalidMessage):  # anything may be written there
            last[record.key] = (record.timestamp / 1000, decode_heartbeat(record.value))
    now, rows = time.time(), []
    for sent, fields in last.values():
        age = max(0.0, now - sent)
        alive = fields["state"] != "stopped" and age <= DEAD_AFTER_S
        rows.append({**fields, "age_s": age, "alive": alive})
    return pl.DataFrame(rows, schema=SCHEMA).sort(
        "name", "alive", "age_s", descending=[False, True, False]
    )


def wait_until_seen(connection: Connection, name: str, timeout: float = 10.0) -> None:
    """Wait until `list_agents` has an agent of that name that is alive.

    Its first heartbeat comes a moment after its start.

    Args:
        connection: the broker.
        name: the agent's name.
        timeout: seconds after which it returns in any case.

    Raises:
        NoBroker: the broker does not answer.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if not list_agents(connection).filter(pl.col("name") == name, "alive").is_empty():
            return
        time.sleep(_POLL_S)
