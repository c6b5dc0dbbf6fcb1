"""What an admin does to one user: stop, start, block, unblock, remove, and a message."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from jupyterhub.apihandlers.users import UserAPIHandler
from jupyterhub.user import User
from tornado import web

from hub.pages.errors import failure_words
from hub.server_status.stops import note_stop_by
from hub.signin.blocked import end_sessions

if TYPE_CHECKING:
    from hub.admin.handlers import PersonAction

#: Seconds that a page waits for a start that fails at once.
START_GRACE_S = 1.0
_NOT_YOURSELF = "You cannot do this to yourself. Ask another admin."


async def stop(handler: "PersonAction", user: User) -> str:
    """Stop the user's editor."""
    server = user.spawners[""]
    if server.pending:
        raise web.HTTPError(409, f"{user.name}'s editor is starting or stopping. Wait a moment.")
    if not server.ready:
        return "not-running"
    await _stop(handler, user)
    return "stopped"


async def start(handler: "PersonAction", user: User) -> str:
    """Start the user's editor, with the image that it had last."""
    server = user.get_or_create_spawner("", "", replace_failed=True)
    if server.pending or server.ready:
        return "started"
    starting = asyncio.ensure_future(handler.spawn_single_user(user))
    done, _ = await asyncio.wait([starting], timeout=START_GRACE_S)
    if done and (error := starting.exception()):
        raise web.HTTPError(409, f"{user.name}'s editor did not start: {failure_words(error)}")
    # Of a later failure the page shows the reason; here it only must be taken.
    starting.add_done_callback(lambda task: task.cancelled() or task.exception())
    return "started"


async def block(handler: "PersonAction", user: User) -> str:
    """End the user's sessions, editor and account on the broker; nobody signs in by this name."""
    _check_other(handler, user)
    handler.parts.blocked.add(user.name)
    end_sessions(user, handler.db)
    if reconciler := getattr(handler.authenticator, "reconciler", None):
        await reconciler.revoke(user.name)
    server = user.spawners[""]
    if server.ready and not server.pending:
        await _stop(handler, user)
    elif server.pending == "spawn" and server._spawn_future:
        server._spawn_future.cancel()
    return "blocked"


async def unblock(handler: "PersonAction", user: User) -> str:
    """Let a user in again."""
    handler.parts.blocked.discard(user.name)
    return "unblocked"


async def remove(handler: "PersonAction", user: User) -> str:
    """Remove a user as JupyterHub's panel does; their files stay."""
    _check_other(handler, user)
    name = user.name
    await UserAPIHandler.delete(handler, name)
    handler.parts.messages.send("", name)
    return "removed"


async def message(handler: "PersonAction", user: User) -> str:
    """Tell the user something, or take it back."""
    text = handler.get_body_argument("text", "")
    handler.parts.messages.send(text, user.name)
    return "told" if text.strip() else "untold"


async def _stop(handler: "PersonAction", user: User) -> None:
    """Stop a server that runs; its open pages say who did."""
    note_stop_by(handler.current_user, user.spawners[""])
    await handler.stop_single_user(user)


def _check_other(handler: "PersonAction", user: User) -> None:
    if user.name == handler.current_user.name:
        raise web.HTTPError(409, _NOT_YOURSELF)


#: By the last part of the button's address.
ACTIONS: dict[str, Callable[["PersonAction", User], Awaitable[str]]] = {
    "stop": stop,
    "start": start,
    "block": block,
    "unblock": unblock,
    "remove": remove,
    "message": message,
}
#: What the next page says. `{name}` is the user's name.
SAID = {
    "not-running": "{name}'s editor was not running.",
    "stopped": "{name}'s editor is stopped. The files stay.",
    "started": "{name}'s editor starts.",
    "blocked": "{name} is blocked: signed out, with no editor and no account on the broker.",
    "unblocked": "{name} may come in again.",
    "removed": "{name} is removed. The files are kept.",
    "told": "{name} reads your message on Home.",
    "untold": "{name} no longer has a message.",
    "told-all": "Everybody reads your message on Home.",
    "untold-all": "The message to everybody is gone.",
}
