"""Set-ups that everything else needs. When one fails, the tests stop: the rest would fail alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

SETUP_FAILED = 10  # exit code, which tests/run knows


@contextmanager
def needed(what: str) -> Iterator[None]:
    """End the session when what is done within fails; `what` names it."""
    try:
        yield
    except (Exception, pytest.fail.Exception) as error:
        pytest.exit(f"The set-up failed: {what}.\n{error}", returncode=SETUP_FAILED)
