"""The exception of this package."""

from __future__ import annotations


class BrokerError(RuntimeError):
    """The broker could not be started or did not answer.

    The message is meant for a person: what went wrong, where, and what to do next.
    """
