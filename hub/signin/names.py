"""Users' names, made safe for file systems and for Kafka, without collisions."""

from urllib.parse import unquote

from escapism import escape
from jupyterhub import orm
from sqlalchemy import event
from tornado import web

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
# First words of topics that belong to the team or to a group: no user's prefix may be one.
_RESERVED = frozenset({"team", "group"})
# First word of the names of apps' accounts on the broker: no user may have it.
_APPS = "app"
#: Length of the longest safe name, in characters.
MAX_LENGTH = 120


def safe_name(username: str) -> str:
    """Return `username` in lower-case letters, digits and hyphens only.

    A hyphen starts the hexadecimal code of a character that is not safe: `a.b` becomes `a-2eb`.
    Two names therefore never become one, and `.` and `_` stay free as separators in topic names.
    """
    if username in _RESERVED:
        return f"-{ord(username[0]):x}{username[1:]}"
    return escape(username, safe=_SAFE, escape_char="-").lower()


def topic_prefix(username: str) -> str:
    """Return the prefix of a user's own topics and consumer groups, such as `ada.`."""
    return f"{safe_name(username)}."


def username_error(username: str) -> str | None:
    """Return why `username` is not allowed here, as a sentence; None if it is allowed."""
    if not username.strip():
        return "Please give a name."
    if username != username.strip():
        return "A name cannot begin or end with a space."
    if username == _APPS or username.startswith(f"{_APPS}."):
        return f"The name {_APPS} is the platform's own. Use another name, or ask an admin."
    if set(unquote(username)) == {"."}:
        return "A name cannot be made of dots only."
    if any(not ch.isprintable() or ch in "/\\" for ch in username):
        return "A name cannot hold slashes, line breaks or control characters."
    if len(safe_name(username)) > MAX_LENGTH:
        return "That name is too long: use at most 60 letters and digits."
    return None


def forbid_rename() -> None:
    """Make the hub refuse to rename users, which its admin panel offers.

    Files, topics and sign-in belong to the name.
    """

    @event.listens_for(orm.User.name, "set", active_history=True, retval=True)
    def keep(user: orm.User, name: str | None, before: object, _) -> str | None:
        if not isinstance(before, str):
            return name
        # WORKAROUND(jupyterhub 6.1.1): the panel sends the name as it was, and the hub sets None.
        # Test: test_nobody_is_renamed
        if name not in (None, before):
            raise web.HTTPError(
                400,
                f"{before} cannot be renamed: files and topics belong to the name. Another name "
                "needs another account at sign-in, and the files copied to it.",
            )
        return before
