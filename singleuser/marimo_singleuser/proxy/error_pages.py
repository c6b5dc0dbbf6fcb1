"""What a request gets that does not get marimo's answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from mosshub_contract.page_loads import is_page_load
from tornado import httputil, iostream, web

from . import pages

log = logging.getLogger("marimo_singleuser")

# What a page says about an error that brings no sentence of its own.
_REASONS = {
    403: "You may not open this address. Open your editor from the hub",
    404: "There is nothing at this address. Open your editor from the hub",
    500: "Something went wrong in this server, and its log says what. Try again. If this happens "
    "again, show this page to an admin",
}
_OTHER_REASON = (
    "This server refused what your browser sent. Go back, load the page again, try again"
)
_AWAY_REASON = "Your editor does not answer at the moment. This page tries again by itself"
_AWAY = (502, 503, 504)
_AWAY_REFRESH_S = 5


def _sentence(status_code: int, reason: str) -> str:
    """Return what went wrong and what to do next, without the full stop."""
    if reason != httputil.responses.get(status_code):
        return reason
    return _REASONS.get(status_code, _AWAY_REASON if status_code in _AWAY else _OTHER_REASON)


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

    def set_default_headers(self) -> None:
        """Let no page show these in a frame."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.set_header("X-Content-Type-Options", "nosniff")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send the error: a page to a browser that loads one, JSON to everything else."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        # tornado sends no reason with characters beyond Latin-1: a user's name may have some.
        reason = (isinstance(error, web.HTTPError) and error.reason) or self._reason
        if self._is_page_load and not self._is_websocket:
            self.set_header("Content-Type", "text/html; charset=utf-8")
            refresh_s = _AWAY_REFRESH_S if status_code in _AWAY else 0
            text = f"{_sentence(status_code, reason)}."
            self.finish(pages.error(status_code, text, self.settings["hub_url"], refresh_s))
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
