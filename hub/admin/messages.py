"""What admins tell one user or all of them, and the route where users' servers read it."""

import json
import secrets
import time
from dataclasses import asdict
from pathlib import Path

from mosshub_contract.files import write_atomically
from mosshub_contract.team_messages import MAX_CHARS, TeamMessage, to_json

from hub.own_server import OwnServerHandler


class MessageStore:
    """One message to everybody and one to each user at most, in memory and in a file.

    Args:
        path: the file; a restarted hub reads it again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._to_all: TeamMessage | None = None
        self._to_user: dict[str, TeamMessage] = {}
        if path.exists():
            kept = json.loads(path.read_text())
            self._to_all = TeamMessage(**kept["to_all"]) if kept["to_all"] else None
            self._to_user = {name: TeamMessage(**m) for name, m in kept["to_user"].items()}

    def __deepcopy__(self, memo: dict) -> "MessageStore":
        """Return this store: traitlets copies what is configured."""
        return self

    @property
    def to_all(self) -> TeamMessage | None:
        """The message to everybody."""
        return self._to_all

    def to_user(self, name: str) -> TeamMessage | None:
        """Return the message to a user alone."""
        return self._to_user.get(name)

    def for_user(self, name: str) -> list[TeamMessage]:
        """Return what a user reads: what everybody is told, and what they alone are told."""
        return [m for m in (self._to_all, self._to_user.get(name)) if m is not None]

    def send(self, text: str, name: str | None = None) -> None:
        """Replace the message to a user, or to everybody; an empty text takes it back.

        Args:
            text: plain text; it is cut at MAX_CHARS.
            name: the user's name; None for everybody.
        """
        text = text.strip()[:MAX_CHARS]
        message = None
        if text:
            message = TeamMessage(secrets.token_hex(8), text, to_all=name is None, sent=time.time())
        if name is None:
            self._to_all = message
        elif message:
            self._to_user[name] = message
        else:
            self._to_user.pop(name, None)
        self._write()

    def _write(self) -> None:
        kept = {
            "to_all": asdict(self._to_all) if self._to_all else None,
            "to_user": {name: asdict(message) for name, message in self._to_user.items()},
        }
        write_atomically(self._path, json.dumps(kept), mode=0o600)


class MessagesHandler(OwnServerHandler):
    """Tells a user's server the messages to that user."""

    def initialize(self, messages: MessageStore) -> None:
        self.messages = messages

    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.write(to_json(self.messages.for_user(self.owner().name)))
