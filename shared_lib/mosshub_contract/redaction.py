"""Log lines without secrets: what hub and users' servers leave out of everything they log.

A line keeps the path of an address and loses its query, because codes, states and tokens travel
there, also inside other parameters (`next`, `url`). Values lose their place in headers, forms and
dictionaries by the names beside them.
"""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar

HIDDEN = "[hidden]"

_SENSITIVE = r"token|secret|passw(?:or)?d|cookie|authorization|xsrf|session[-_]id|api[-_]?key"
_NAMES = rf"[\w-]*(?:{_SENSITIVE})[\w-]*|code|state"
_QUOTED = r"b?'(?:[^'\\]|\\.)*'|b?\"(?:[^\"\\]|\\.)*\""
# What JupyterHub and oauthenticator write about states, and about XSRF cookies with session ids.
_TOLD = r"state mismatch|decode state|state argument|xsrf cookie|xsrf id"
_RULES = (
    # A query, also an encoded one. A question mark that ends a sentence has a space behind it.
    (re.compile(r"(?<=[\w/.~%\]-])(?:\?|%3[Ff])(?=[^\s\"'<>?])[^\s\"'<>]*"), "?…"),
    # 'code': '…' and "X-XSRFToken": "…" in dictionaries and headers; lists of values, too.
    (re.compile(rf"(?i)([\"'](?:{_NAMES})[\"']: \[?)(?:{_QUOTED})"), rf"\1'{HIDDEN}'"),
    # code=…, token=…, password=… in forms and messages.
    (re.compile(rf"(?i)(\b(?:{_NAMES})=)(?:{_QUOTED}|[^\s&;,\"')]{{8,}})"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)(\b(?:{_TOLD})\b).*"), rf"\1 {HIDDEN}"),
    # A password that somebody has typed where the name belongs.
    (re.compile(rf"(Failed login for )(?:{_QUOTED})"), rf"\1{HIDDEN}"),
    # JSON in base64: signed tokens of identity providers, and OAuth states.
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}"), HIDDEN),
)
_values: ContextVar[tuple[str, ...]] = ContextVar("values that the log must not show", default=())


def hide(*values: str) -> None:
    """Leave these values out of all lines that the current request logs, wherever they stand."""
    _values.set((*_values.get(), *(value for value in values if value)))


def redact(text: str) -> str:
    """Return `text` without secrets."""
    for value in _values.get():
        text = text.replace(value, HIDDEN)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Formats lines and tracebacks without secrets. Mixed in before another formatter's class."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, with its traceback."""
        return redact(super().format(record))
