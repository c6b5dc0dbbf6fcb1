"""How much a request may send the hub, which keeps all of it in memory before anybody looks.

JupyterHub takes 100 MB of anybody. More than a form is sent by programs with a token: snapshots of
apps, and copies of notebooks.
"""

from typing import Any, cast

from jupyterhub.handlers.base import auth_header_pat
from jupyterhub.orm import APIToken
from tornado import web
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest

FORM_BYTES = 1024**2


class SmallBodies(web.Application):
    """Ends the connection, with 400, where somebody without a token sends more than a form."""

    def find_handler(self, request: HTTPServerRequest, **options: Any) -> Any:
        """Bound a request's body as soon as its headers are there; tornado calls this."""
        if not (_is_large(request) and self._has_token(request)):
            cast(HTTP1Connection, request.connection).set_max_body_size(FORM_BYTES)
        return super().find_handler(request, **options)

    def _has_token(self, request: HTTPServerRequest) -> bool:
        found = auth_header_pat.match(request.headers.get("Authorization", ""))
        return found is not None and APIToken.find(self.settings["db"], found[1]) is not None


def _is_large(request: HTTPServerRequest) -> bool:
    size = request.headers.get("Content-Length", "")
    is_larger = size.isdecimal() and int(size) > FORM_BYTES
    return is_larger or "Transfer-Encoding" in request.headers
