"""What a request gets that does not get marimo's answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from tornado import iostream, web

from . import pages
from .origin import is_page_load

log = logging.getLogger("marimo_singleuser")


class ShortCircuit(Exception):
    """Ends a request early with an answer that is no error.

    Attributes:
        answer: function that sends the answer.
    """

    def __init__(self, answer: Callable[[], None]) -> None:
        super().__init__()
        self.answer = answer


class ErrorPages(web.RequestHandler):
    """Shows errors as pages and logs them without query strings, which hold OAuth codes."""

    @property
    def _is_websocket(self) -> bool:
        return self.request.headers.get("Upgrade", "").lower() == "websocket"

    @property
    def _is_page_load(self) -> bool:
        return is_page_load(self.request.method or "", self.request.headers)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send the error: a page to a browser that loads one, JSON to everything else."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        # tornado sends no reason with characters beyond Latin-1: a user's name may have some.
        reason = (isinstance(error, web.HTTPError) and error.reason) or self._reason
        if self._is_page_load and not self._is_websocket:
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(pages.error(status_code, f"{reason}."))
        else:
            self.finish({"detail": reason})

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log errors of this program; refusals and browsers that disconnect are none."""
        if isinstance(value, web.HTTPError):
            if value.status_code >= 500:
                message = str(value.log_message or "").partition("?")[0]
                log.error("%d %s %s", value.status_code, self._request_summary(), message)
        elif not isinstance(value, iostream.StreamClosedError):
            log.error("error in %s", self._request_summary(), exc_info=(typ, value, tb))

    def _handle_request_exception(self, e: BaseException) -> None:
        if isinstance(e, ShortCircuit):
            e.answer()
        else:
            super()._handle_request_exception(e)

    def _request_summary(self) -> str:
        return f"{self.request.method} {self.request.path}"
