"""Starts the broker again when it ends, with growing pauses.

JupyterHub starts a service that exits again at its next check, up to 30 s later, for ever, with the
full output each time. Below it the program therefore stays and does this itself: quicker when Kafka
crashed, with less output when it cannot start.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

from embedded_kafka.embedded import EmbeddedBroker
from embedded_kafka.errors import BrokerError
from embedded_kafka.jars import KAFKA_VERSION

# An end after this long, in seconds, does not count as one in a row.
STABLE_AFTER_S = 60.0


def keep_running(
    broker: EmbeddedBroker,
    say: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> NoReturn:
    """Start the broker, and again after 1, 2, 4 ... seconds when it ended or could not start.

    The pause grows to ten times what an attempt took, within 5 to 60 s: checking whether a port is
    free again costs nothing, a start of Kafka that fails costs seconds of CPU. Only an exception
    from outside (KeyboardInterrupt) ends it.

    Args:
        broker: what to start.
        say: gets a line at each start, and the reason of a failure once.
        pause: sleeps for so many seconds.
        clock: a monotonic clock, in seconds.
    """
    failed_starts = ends = 0
    said = ""
    while True:
        begin = clock()
        try:
            broker.start()
            took = clock() - begin
            say(ready_line(broker, took))
            said, failed_starts = "", 0
            begin = clock()
            broker.wait()
            ends = 0 if clock() - begin > STABLE_AFTER_S else ends + 1
            reason = broker.failure_report()
        except BrokerError as error:
            took = clock() - begin
            failed_starts += 1
            reason = str(error)
        if reason != said:
            say(f"{reason}\nTrying again until it works.")
            said = reason
        row = max(failed_starts, ends, 1)
        pause(min(2.0 ** (row - 1), min(60.0, max(5.0, 10 * took))))


def ready_line(broker: EmbeddedBroker, seconds: float) -> str:
    """Return the line that is printed when the broker answers."""
    return (
        f"Apache Kafka {KAFKA_VERSION} answers at {broker.bootstrap_servers} "
        f"({seconds:.1f} s; data and log in {broker.data_dir})"
    )
