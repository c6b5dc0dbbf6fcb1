"""Asks the hub who is signed in."""

from __future__ import annotations

import contextlib
import hashlib

from jupyterhub.services.auth import HubOAuth
from tornado import web


class HubSignIn(HubOAuth):
    """JupyterHub's sign-in, which asks the hub again whenever a page is loaded.

    Its answers are valid for a while. A sign-out at the hub must count at once: the browser may
    have another user now. JupyterHub notices it by a cookie of the hub, which servers do not get
    where each user has an origin.
    """

    def get_session_id(self, handler: web.RequestHandler) -> str:
        """Return no session: a cookie of that name may come from anywhere in the domain."""
        return ""

    async def ask_again(self, handler: web.RequestHandler) -> None:
        """Ask the hub about the request's token. A hub that is away changes nothing.

        Args:
            handler: the handler of a request that loads a page.
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
