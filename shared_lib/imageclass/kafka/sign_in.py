"""Whether a broker refuses an account. kafka-python only says that it got no answer in time."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Producer

from imageclass.kafka.credentials import Account

SLOW_MS = 20_000  #: how long to wait for a broker that answers, and does not refuse
_TRY_S = 0.5
# Without a logger librdkafka writes to the notebook's own output.
_log = logging.getLogger("imageclass.kafka")


def is_refused(servers: Sequence[str], account: Account, timeout_s: float = 10.0) -> bool:
    """Return whether a broker says that it does not let an account in.

    Args:
        servers: the broker's addresses, `host:port`.
        account: the account.
        timeout_s: seconds to wait for the broker's word. A broker that says nothing refuses nobody.
    """
    codes: list[int] = []
    settings = {
        "bootstrap.servers": ",".join(servers),
        "error_cb": lambda error: codes.append(error.code()),
        **account.librdkafka_settings,
    }
    client = Producer(settings, logger=_log)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            client.list_topics(timeout=_TRY_S)
        except KafkaException:
            client.poll(0)
            if KafkaError._AUTHENTICATION in codes:
                return True
        else:
            return False
    return False
