"""Starting the broker again when it ends, without a storm.

JupyterHub starts a service that exits again at its next look, up to 30 s later, for ever, with the
full output each time. Run below it, the program therefore stays and does this itself: quicker when
Kafka crashed, quieter when it cannot start.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

from .embedded import EmbeddedBroker
from .errors import BrokerError
from .jars import KAFKA_VERSION

LONGEST_PAUSE = 30.0


def keep_running(
    broker: EmbeddedBroker,
    say: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> NoReturn:
    """Starts the broker, again after 1, 2, 4 ... 30 s whenever it ended or could not start.

    A reason is said once, not at each attempt. Ends only by an exception from outside
    (KeyboardInterrupt).
    """
    failures = 0
    said = ""
    while True:
        try:
            begin = time.monotonic()
            broker.start()
            say(ready_line(broker, time.monotonic() - begin))
            said = ""
            begin = time.monotonic()
            broker.wait()
            if time.monotonic() - begin > 60:
                failures = 0
            reason = broker.last_words()
        except BrokerError as error:
            reason = str(error)
        if reason != said:
            say(f"{reason}\nTrying again until it works, at most every {LONGEST_PAUSE:.0f} s.")
            said = reason
        pause(min(2.0**failures, LONGEST_PAUSE))
        failures += 1


def ready_line(broker: EmbeddedBroker, seconds: float) -> str:
    """What is said when the broker answers."""
    return (
        f"Apache Kafka {KAFKA_VERSION} answers at {broker.bootstrap_servers} "
        f"({seconds:.1f} s; data and log in {broker.data_dir})"
    )
