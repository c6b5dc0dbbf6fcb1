"""Asks a cluster again while one of its brokers goes or comes."""

from collections.abc import Callable
from typing import TypeVar

import tenacity
from kafka.errors import InvalidReplicationFactorError, RetriableError

T = TypeVar("T")

#: Seconds after which an error counts that others would have passed in.
ASK_TIMEOUT_S = 10.0
#: What passes. The second: a broker that had no time for its controller takes no topic then.
PASSING = (RetriableError, InvalidReplicationFactorError)


def ask_again(ask: Callable[[], T]) -> T:
    """Return what `ask` returns. While it fails as it does between two leaders, it is called again.

    Args:
        ask: a request to the brokers; it may be made twice.

    Raises:
        KafkaError: one of PASSING that did not pass within ASK_TIMEOUT_S, or another.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(PASSING),
        stop=tenacity.stop_after_delay(ASK_TIMEOUT_S),
        wait=tenacity.wait_fixed(0.25),
        reraise=True,
    )
    return retrying(ask)
