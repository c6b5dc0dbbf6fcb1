"""The error that ends a start."""

from __future__ import annotations


class StartError(Exception):
    """The server cannot start; the message says what is wrong, where, and what to do next."""
