"""Starts a server while its user is still at the identity provider (START_EARLY).

A browser that knows whose it is asks for the sign-in: then that user's server starts, unless they
are blocked, the provider no longer allows them, or it was tried within the last minute. Nobody is
signed in by that, and whoever comes back from the provider as somebody else finds their own server.
"""

import asyncio
import time
from collections.abc import Mapping

from jupyterhub.handlers import BaseHandler
from jupyterhub.user import User
from tornado import web

#: Between two early starts of one user.
PAUSE_S = 60.0
_begun: dict[str, float] = {}
_starts: set[asyncio.Task] = set()  # a task that nobody holds may be collected


def begin(handler: BaseHandler, user: User) -> None:
    """Begin to start a user's server, if it may be; return at once.

    Args:
        handler: of the request for the sign-in.
        user: whose browser asks.
    """
    now = time.monotonic()
    if not is_click(handler.request.headers) or now - _begun.get(user.name, -PAUSE_S) < PAUSE_S:
        return
    _begun[user.name] = now
    start = asyncio.create_task(_start(handler, user))
    _starts.add(start)
    start.add_done_callback(_starts.discard)


def is_click(headers: Mapping[str, str]) -> bool:
    """Return whether a page of the hub asks, and not a page of somebody else.

    Args:
        headers: the request's headers.
    """
    return headers.get("Sec-Fetch-Site", "").lower() == "same-origin"


async def _start(handler: BaseHandler, user: User) -> None:
    """Start the server. Why it did not start is in the log; its user learns it from the hub."""
    spawner = user.spawners[""]
    # A list of images is a choice that nobody can make here.
    if spawner.active or spawner.options_form:
        return
    try:
        if await _is_allowed(handler, user) and not spawner.active:
            handler.log.info("%s is about to sign in: their server starts", user.name)
            await handler.spawn_single_user(user)
    except Exception as error:
        handler.log.warning("%s's server did not start early: %s", user.name, error)


async def _is_allowed(handler: BaseHandler, user: User) -> bool:
    """Return whether the provider still allows a user. Nobody asks the user.

    Raises:
        HTTPError: an admin has blocked the user.
    """
    authenticator = handler.authenticator
    if not authenticator.check_blocked_users(user.name, None):
        raise web.HTTPError(403, "blocked")
    refreshed = await authenticator.refresh_user(user, handler)
    if not refreshed:
        return False
    if refreshed is not True:
        await handler.auth_to_user(refreshed, user)
    handler._refreshed_users = {user.name}  # JupyterHub's: so that it does not ask a second time
    return True
