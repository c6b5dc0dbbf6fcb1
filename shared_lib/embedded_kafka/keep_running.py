"""Starting the broker again when it ends, without a storm.

JupyterHub starts a service that exits again at its next look, up to 30 s later, for ever, with the
full output each time. Run below it, the program therefore stays and does this itself: quicker when
Kafka crashed, quieter when it cannot start.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

from embedded_kafka.embedded import EmbeddedBroker
from embedded_kafka.errors import BrokerError
from embedded_kafka.jars import KAFKA_VERSION

# A broker that ran this long, in seconds, was well; its end is not one in a row.
WELL = 60.0


def keep_running(
    broker: EmbeddedBroker,
    say: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> NoReturn:
    """Starts the broker, and again after 1, 2, 4 ... seconds when it ended or could not start.

    The pause grows to ten times what an attempt took, within 5 to 60 s: looking whether a port is
    free again costs nothing, starting Kafka in vain costs seconds of CPU. A reason is said once,
    not at each attempt. Ends only by an exception from outside (KeyboardInterrupt).
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
            ends = 0 if clock() - begin > WELL else ends + 1
            reason = broker.last_words()
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
    """What is said when the broker answers."""
    return (
        f"Apache Kafka {KAFKA_VERSION} answers at {broker.bootstrap_servers} "
        f"({seconds:.1f} s; data and log in {broker.data_dir})"
    )
