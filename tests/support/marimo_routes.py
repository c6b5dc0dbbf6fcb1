"""All routes of marimo's server, listed by marimo itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from marimo._server import lsp
from marimo._server.main import create_starlette_app
from starlette.routing import Mount, Route, WebSocketRoute

WEBSOCKET = "WEBSOCKET"


def _walk(routes: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        path = prefix + getattr(route, "path", "")
        if isinstance(route, Mount):
            if route.routes:
                yield from _walk(route.routes, path)
            else:
                yield "GET", path + "/index.js"
        elif isinstance(route, WebSocketRoute):
            yield WEBSOCKET, path
        elif isinstance(route, Route):
            for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
                yield method, path


def marimo_routes() -> list[tuple[str, str]]:
    """Return method (or `WEBSOCKET`) and path of each route, without a slash at the start."""
    app = create_starlette_app(base_url="", enable_auth=False)
    found = {(method, re.sub(r"\{[^}]*\}", "x", path)[1:]) for method, path in _walk(app.routes)}
    for cls in vars(lsp).values():
        name = getattr(cls, "id", None)
        if isinstance(cls, type) and issubclass(cls, lsp.LspServer) and isinstance(name, str):
            found |= {(WEBSOCKET, f"lsp/{name}"), ("GET", f"lsp/{name}")}
    return sorted(found)
