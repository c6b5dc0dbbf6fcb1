"""The wire format of heartbeats: a JSON object with an agent's status, keyed by the agent's id.

The topic keeps the last one of each agent. Its fields are those of `FIELDS`. Of those only `name`,
`instance`, `topic` and `state` must be there, and readers leave out fields that they do not know.
"""

import json
from collections.abc import Mapping
from typing import Any

from imageclass.messages.headers import InvalidMessage, is_agent_name, is_text
from imageclass.messages.text import printable

#: Seconds between two heartbeats of an agent.
HEARTBEAT_INTERVAL_S = 3.0
#: Seconds after the last heartbeat until an agent counts as dead: its process was killed, or the
#: broker cannot be reached from there.
DEAD_AFTER_S = 10.0

#: The type of each field. What they mean: `agents.status.AgentStatus`, and `instance`: the agent's
#: id; `topic`: full name of its topic of requests; `rate`: predictions in a second.
FIELDS: dict[str, type] = {
    "name": str,
    "instance": str,
    "topic": str,
    "state": str,
    "model": str,
    "dataset": str,
    "received": int,
    "answered": int,
    "rejected": int,
    "skipped": int,
    "expired": int,
    "errors": int,
    "throttled": float,
    "lag": int,
    "rate": float,
    "paused": bool,
    "batch_size": int,
    "max_wait": float,
    "canary": str,
    "share": float,
    "last_error": str,
}

_REQUIRED = ("name", "instance", "topic", "state")
_MAX_ERROR_LENGTH = 300  # characters of `last_error`
_MAX_TEXT_LENGTH = 1_000
_MAX_BYTES = 100_000


def encode_heartbeat(fields: Mapping[str, Any]) -> bytes:
    """Return the value of the Kafka message for a heartbeat with these `FIELDS`."""
    error = fields["last_error"][:_MAX_ERROR_LENGTH]
    text = json.dumps({**fields, "last_error": error}, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")  # of half characters it makes JSON's own escape


def decode_heartbeat(value: bytes | None) -> dict[str, Any]:
    """Return the fields of a heartbeat, each of `FIELDS`; None for those that are not in it.

    Raises:
        InvalidMessage: the value is not a JSON object, lacks a field that must be there, or has
            another type for one.
    """
    if not value or len(value) > _MAX_BYTES:
        raise InvalidMessage(f"a heartbeat of {len(value or b'')} bytes")
    try:
        content = json.loads(value)
    # Nested too deep ends in a RecursionError; every wrong byte in a ValueError.
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f"the heartbeat is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise InvalidMessage("the heartbeat is not a JSON object")
    return {name: _checked(name, content.get(name), kind) for name, kind in FIELDS.items()}


def _checked(name: str, value: Any, kind: type) -> Any:
    if value is None and name not in _REQUIRED:
        return None
    # Written so that a NaN fails it too.
    if kind is float and type(value) in (int, float) and abs(value) < 2**63:
        return float(value)
    fits = type(value) is kind and kind is not float
    if kind is int:
        fits = fits and abs(value) < 2**63
    if kind is str:
        fits = fits and is_text(value, _MAX_TEXT_LENGTH)
    if not fits or (name == "name" and not is_agent_name(value)):
        raise InvalidMessage(f"the heartbeat has {str(value)[:40]!r} for {name}")
    return printable(value) if kind is str else value
