"""Asks the hub who is signed in."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

from jupyterhub.services.auth import HubOAuth
from tornado import web


class HubSignIn(HubOAuth):
    """JupyterHub's sign-in, which asks the hub again when a page or a WebSocket is opened.

    Its answers are valid for a while. A sign-out at the hub must count at once: the browser may
    have another user now. JupyterHub notices it by a cookie of the hub, which servers do not get
    where each user has an origin.
    """

    def get_session_id(self, handler: web.RequestHandler) -> str:
        """Return no session: a cookie of that name may come from anywhere in the domain."""
        return ""

    async def known_user(self, handler: web.RequestHandler) -> dict[str, Any] | None:
        """Return the user of a request as the hub knows them by now; None after their sign-out.

        Args:
            handler: the handler of the request, which may have begun long ago.

        Raises:
            web.HTTPError: the hub does not answer.
        """
        token = self.get_token(handler)
        return await self.user_for_token(token, sync=False) if token else None

    async def ask_again(self, handler: web.RequestHandler) -> None:
        """Ask the hub about the request's token. A hub that is away changes nothing.

        Args:
            handler: the handler of a request that loads a page or opens a WebSocket.
        """
        token = self.get_token(handler)
        if not token:
            return
        digest = hashlib.sha256(token.encode("utf8", "replace")).hexdigest()
        known = [key for key in self.cache.values if key.endswith(digest)]
        if not known:
            return  # the hub is asked in any case
        with contextlib.suppress(web.HTTPError):
            model = await self.user_for_token(token, use_cache=False, sync=False)
            for key in known:
                self.cache[key] = model
