"""The end of a sign-in, where the hub sends people back to their server."""

from __future__ import annotations

from jupyterhub.services.auth import HubOAuthCallbackHandler
from tornado import web

from .error_pages import PlainErrors

# Marks a browser whose sign-in was begun anew, for so many seconds: once, not in a circle.
_AGAIN = "mosshub-sign-in-again"
_AGAIN_AGE = 60


class CallbackHandler(PlainErrors, HubOAuthCallbackHandler):
    """Ends the sign-in at the hub.

    The hub's code works once. A page that is loaded again, with Back or because the network went
    away before the answer came, begins the sign-in anew; after that the error is shown.
    """

    async def get(self) -> None:
        try:
            await super().get()  # type: ignore[misc]
        except web.HTTPError as e:
            if self.get_argument("error", "") or self.get_cookie(_AGAIN):
                e.reason = "The sign-in could not be finished. Open your editor from the hub"
                raise
            base = self.settings["base_url"]
            self.set_cookie(_AGAIN, "begun-anew", max_age=_AGAIN_AGE, path=base, httponly=True)
            self.redirect(base)
