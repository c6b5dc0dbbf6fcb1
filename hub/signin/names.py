"""People's names, made safe for file systems and for Kafka, without collision."""

from escapism import escape
from jupyterhub import orm
from sqlalchemy import event
from tornado import web

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
# First words of topics that belong to a team or a group: no person's name may look like one.
_RESERVED = frozenset({"team", "group"})
MAX_LENGTH = 120


def safe_name(username: str) -> str:
    """Return `username` in lower-case letters, digits and hyphens only.

    A hyphen starts the hexadecimal code of a character that is not safe (`a.b` becomes `a-2eb`),
    so two names never meet, and `.` and `_` stay free as separators in Kafka's topic names.
    """
    if username in _RESERVED:
        return f"-{ord(username[0]):x}{username[1:]}"
    return escape(username, safe=_SAFE, escape_char="-").lower()


def topic_prefix(username: str) -> str:
    """Return the prefix of a person's own topics and consumer groups, e.g. `ada.`."""
    return f"{safe_name(username)}."


def refusal(username: str) -> str | None:
    """Say why `username` cannot be a name here; None when it can."""
    if not username.strip():
        return "Please give a name."
    if any(not ch.isprintable() or ch in "/\\" for ch in username):
        return "A name cannot hold slashes, line breaks or control characters."
    if len(safe_name(username)) > MAX_LENGTH:
        return "That name is too long: use at most 60 letters and digits."
    return None


def keep_names() -> None:
    """Refuse to rename people, as the panel offers: files, topics and sign-in go by the name."""

    @event.listens_for(orm.User.name, "set", active_history=True, retval=True)
    def keep(user: orm.User, name: str | None, before: object, _) -> str | None:
        if not isinstance(before, str):
            return name
        # jupyterhub 6.1.1 sets None where the panel sends the name as it was.
        if name not in (None, before):
            raise web.HTTPError(
                400,
                f"{before} cannot be renamed: files and topics belong to the name. Who needs "
                "another one comes in with another account, and takes their files along.",
            )
        return before
