"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
import requests

T = TypeVar("T")
#: All limits of waiting are so many times longer where tests/run has several processes compete.
TIMEOUT_FACTOR = float(os.environ.get("MOSSHUB_TEST_TIMEOUT_FACTOR", "1"))
MIN_PAUSE_S, MAX_PAUSE_S = 0.1, 1.0  # between two looks


def stretch_requests() -> None:
    """Let every limit of a request of `requests` in this process be longer as well."""
    send = requests.Session.send

    def patient(session: requests.Session, request: Any, **options: Any) -> requests.Response:
        limit = options.get("timeout")
        if isinstance(limit, int | float):
            options["timeout"] = limit * TIMEOUT_FACTOR
        return send(session, request, **options)

    requests.Session.send = patient  # type: ignore[method-assign]


def wait_until(condition: Callable[[], T], timeout: float, what: str) -> T:
    """Return the first truthy value of `condition`; an error in it ends the test.

    Args:
        condition: called ten times a second at first, and less often the longer it takes: what
            waits must not take the time of what it waits for.
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
    timeout *= TIMEOUT_FACTOR
    began = time.monotonic()
    last = ""
    while True:
        asked = time.monotonic()
        try:
            if value := condition():
                return value
        except errors as error:
            last = f"; the last error: {error!r}"
        now = time.monotonic()
        if now > began + timeout:
            raise pytest.fail.Exception(f"waited {timeout:.0f} s without success: {what}{last}")
        time.sleep(min(MAX_PAUSE_S, max(MIN_PAUSE_S, now - asked, (now - began) / 10)))
