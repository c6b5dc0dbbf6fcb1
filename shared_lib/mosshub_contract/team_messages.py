"""What an admin tells one user or all of them, as it travels: hub → user's server → its pages.

A server asks for the messages to its own user at `API_PATH`, with its own token.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

#: Path of the hub's route, below the hub's API.
API_PATH = "/mosshub/messages"
#: The longest text, in characters.
MAX_CHARS = 500


@dataclass(frozen=True)
class TeamMessage:
    """A message.

    Attributes:
        id: what tells it from every other message, for pages where it can be dismissed.
        text: plain text.
        to_all: whether everybody gets it.
        sent: when it was sent, in seconds since 1970.
    """

    id: str
    text: str
    to_all: bool
    sent: float


def to_json(messages: list[TeamMessage]) -> str:
    """Return messages as the answer of the hub's route."""
    return json.dumps({"messages": [asdict(message) for message in messages]})


def from_json(text: str) -> list[TeamMessage]:
    """Return the messages in an answer of the hub's route.

    Raises:
        ValueError: it is not JSON, or no such answer.
    """
    try:
        return [_message(item) for item in json.loads(text)["messages"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a list of messages: {error!r}") from None


def _message(item: dict) -> TeamMessage:
    return TeamMessage(
        id=str(item["id"]),
        text=str(item["text"]),
        to_all=bool(item["to_all"]),
        sent=float(item["sent"]),
    )
