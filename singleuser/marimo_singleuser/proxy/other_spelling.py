"""Addresses that are this server's, written in another way than the hub writes them."""

from __future__ import annotations

from tornado import web

from .paths import below
from .streamed_body import StreamedBody


class OtherSpelling(StreamedBody):
    """Leads `/user/o'brien/…` to `/user/o%27brien/…`, and an address without a slash to its own.

    A browser sends the sign-in's cookies only to the spelling of the hub.
    """

    def initialize(self, base_url: str) -> None:
        """Take the server's base URL; tornado calls this."""
        self._base_url = base_url

    def get(self) -> None:
        """Redirect the request.

        Raises:
            web.HTTPError: 404, the address is not this server's.
        """
        path = below(self._base_url, self.request.path)
        if path is None:
            raise web.HTTPError(404, reason="This address is not your editor's")
        query = f"?{self.request.query}" if self.request.query else ""
        self.set_header("Location", f"{self._base_url}{path}{query}")
        self.set_status(307)
        self.finish()

    head = post = put = delete = patch = options = get
