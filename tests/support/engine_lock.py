"""Which tests may use the Docker engine now: all of them, or the one that restarts it.

The tests run in several processes (tests/run). A file lock is held shared by each test with
containers, and exclusively by the test that restarts the engine. Who wants it waits in a queue of
one, a second lock, so that tests that come later do not overtake a test that waits for all others.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.paths import ARTIFACTS


@contextmanager
def engine(*, alone: bool) -> Iterator[None]:
    """Hold the engine, together with other tests or alone."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    with (ARTIFACTS / "engine.lock").open("w") as lock:
        with (ARTIFACTS / "engine.queue").open("w") as queue:
            fcntl.flock(queue, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
