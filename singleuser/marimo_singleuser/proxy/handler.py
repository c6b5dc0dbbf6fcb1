"""The request handler for everything that marimo answers."""

from __future__ import annotations

from typing import Any

from .http_proxy import HTTPProxy
from .websocket_proxy import WebSocketProxy


class MarimoHandler(HTTPProxy, WebSocketProxy):
    """Passes requests and WebSockets of signed-in users on to marimo.

    The parts share one path: `SignInRequired.prepare` admits a request, then `get` or another
    method passes it on.
    """

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Pass on a GET or a WebSocket."""
        if self._is_websocket:
            await self._proxy_websocket(*args, **kwargs)
        else:
            await self._proxy_http()

    async def _any_method(self, path: str) -> None:
        await self._proxy_http()

    http_get = post = put = delete = head = patch = options = _any_method
