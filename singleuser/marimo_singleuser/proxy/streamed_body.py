"""Requests whose bodies come in parts, and answers that do not wait for them."""

from __future__ import annotations

from typing import Any, cast

from tornado import web
from tornado.http1connection import HTTP1Connection

from .error_pages import ErrorPages

#: What is read of somebody who is not let in. Saves and most uploads of a person who was signed out
#: meanwhile are smaller.
SMALL_BODY_BYTES = 32 * 1024**2
#: What is read of anybody else, in bytes: all of it.
ANY_SIZE = 2**63


@web.stream_request_body
class StreamedBody(ErrorPages):
    """Takes a body in parts, and keeps none of them: tornado would keep all in memory, of anybody.

    It says that a connection ends wherever tornado ends it without saying so: after an answer that
    is complete before the body is read, even where there is none, as with a method that is not
    supported. The hub's proxy would send somebody's next request on it, and show 503.
    """

    _waits_for_body = False

    def set_default_headers(self) -> None:
        """Say that the connection ends, as long as an answer would not wait for the body."""
        super().set_default_headers()
        # tornado calls this before `initialize`, too.
        if not self._waits_for_body:
            self.set_header("Connection", "close")

    def prepare(self) -> Any:
        """Drop a small body before the request is answered; tornado calls this."""
        self._wait_for_body(SMALL_BODY_BYTES)

    def _wait_for_body(self, at_most: int | None = None) -> None:
        """Keep the connection; the answer must not be sent before the body has been read.

        Args:
            at_most: bytes that are read. tornado ends the connection, with 400, if there are more.
                As many as the server takes if not given.
        """
        if at_most is not None:
            cast(HTTP1Connection, self.request.connection).set_max_body_size(at_most)
        self._waits_for_body = True
        self.clear_header("Connection")

    def data_received(self, chunk: bytes) -> Any:
        """Drop a part of the body; tornado calls this."""
