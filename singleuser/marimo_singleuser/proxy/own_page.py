"""A request that this program answers without marimo."""

from __future__ import annotations

from urllib.parse import parse_qs

from tornado import web

from .services import Services
from .sign_in import SignInRequired

#: Below the server's base URL: what is ours and not marimo's.
OWN = "_mosshub/"
_MAX_FORM_BYTES = 64 * 1024


class OwnPage(SignInRequired):
    """A request of a signed-in user that this program answers without marimo."""

    SUPPORTED_METHODS: tuple[str, ...] = ("GET", "HEAD")

    def initialize(self, services: Services) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize(services)
        self._body = bytearray()

    async def _prepare_request(self) -> None:
        if "Transfer-Encoding" in self.request.headers or self._content_length > _MAX_FORM_BYTES:
            raise web.HTTPError(413, reason="Refused: no form of this page is that large")

    async def data_received(self, chunk: bytes) -> None:
        """Keep a part of a form; what a refused request sends is dropped."""
        if self._admitted:
            self._body += chunk

    def _field(self, name: str) -> str:
        """Return a field of the form that was sent.

        Raises:
            web.HTTPError: 400, there is no such field.
        """
        values = parse_qs(self._body.decode("utf-8", "replace")).get(name)
        if not values:
            raise web.HTTPError(400, reason="This form is not complete. Go back and try once more")
        return values[0]
