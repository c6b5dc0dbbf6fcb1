"""The end of a sign-in, where the hub sends users back to their server."""

from __future__ import annotations

from jupyterhub.services.auth import HubOAuthCallbackHandler
from tornado import web

from .streamed_body import StreamedBody

# This cookie marks a browser that begins its sign-in for the second time.
_RETRY_COOKIE = "mosshub-sign-in-again"
_RETRY_COOKIE_VALUE = "begun-anew"
_RETRY_COOKIE_MAX_AGE_S = 60


class CallbackHandler(StreamedBody, HubOAuthCallbackHandler):
    """Ends the sign-in at the hub.

    The hub's code works once. A browser loads this page a second time after Back, or when the
    network failed before the answer came. The sign-in then begins again. If it fails again within a
    minute, the error is shown, so that no browser runs in a circle.
    """

    @property
    def _is_host_only(self) -> bool:
        """Whether the hub wants cookies that no other host can set."""
        return self.hub_auth.cookie_host_prefix_enabled

    @property
    def _retry_cookie(self) -> str:
        return f"__Host-{_RETRY_COOKIE}" if self._is_host_only else _RETRY_COOKIE

    async def get(self) -> None:
        try:
            await super().get()  # type: ignore[misc]
        except web.HTTPError as e:
            if self.get_argument("error", "") or self.get_cookie(self._retry_cookie):
                e.reason = "The sign-in could not be finished. Open your editor from the hub"
                raise
            base = self.settings["base_url"]
            self.set_cookie(
                self._retry_cookie,
                _RETRY_COOKIE_VALUE,
                max_age=_RETRY_COOKIE_MAX_AGE_S,
                path="/" if self._is_host_only else base,
                httponly=True,
                secure=self._is_host_only,
            )
            self.redirect(base)
