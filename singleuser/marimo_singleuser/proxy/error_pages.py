"""What a request gets that does not get marimo's answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from tornado import iostream, web

from . import pages
from .origin import is_page

log = logging.getLogger("marimo_singleuser")


class Instead(Exception):
    """What a request gets in place of marimo's answer; `answer` sends it."""

    def __init__(self, answer: Callable[[], None]) -> None:
        super().__init__()
        self.answer = answer


class PlainErrors(web.RequestHandler):
    """Errors as a person reads them, and logs without query strings: they hold OAuth codes."""

    @property
    def _is_websocket(self) -> bool:
        return self.request.headers.get("Upgrade", "").lower() == "websocket"

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """What went wrong: a page for a person, one line for a program."""
        text = self._reason
        if is_page(self.request.method or "", self.request.headers) and not self._is_websocket:
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(pages.error(self.settings["base_url"], status_code, f"{text}."))
        else:
            self.finish({"detail": text})

    def _request_summary(self) -> str:
        return f"{self.request.method} {self.request.path}"

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, web.HTTPError):
            if value.status_code >= 500:
                message = str(value.log_message or "").partition("?")[0]
                log.error("%d %s %s", value.status_code, self._request_summary(), message)
        elif not isinstance(value, iostream.StreamClosedError):  # the browser went away
            log.error("error in %s", self._request_summary(), exc_info=(typ, value, tb))
