"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")
PAUSE_S = 0.1  # between two looks


def wait_until(condition: Callable[[], T], timeout: float, what: str) -> T:
    """Return the first truthy value of `condition`; an error in it ends the test.

    Args:
        condition: called every tenth of a second.
        timeout: seconds until the test fails.
        what: what is waited for, as the failure names it.
    """
    return _poll(condition, timeout, what, errors=())


def retry_until(condition: Callable[[], T], timeout: float, what: str) -> T:
    """Like `wait_until`, but an error in `condition` means "not yet".

    For conditions that ask something which may not be there: a container, a server that restarts.
    The failure names the last error.
    """
    return _poll(condition, timeout, what, errors=(Exception,))


def _poll(
    condition: Callable[[], T], timeout: float, what: str, errors: tuple[type[Exception], ...]
) -> T:
    deadline = time.monotonic() + timeout
    last = ""
    while True:
        try:
            if value := condition():
                return value
        except errors as error:
            last = f"; the last error: {error!r}"
        if time.monotonic() > deadline:
            raise pytest.fail.Exception(f"waited {timeout:.0f} s without success: {what}{last}")
        time.sleep(PAUSE_S)
