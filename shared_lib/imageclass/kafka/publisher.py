"""Delivers messages to the broker, or says that it could not."""

import time
from collections.abc import Callable, Collection

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError
from kafka.producer.future import FutureRecordMetadata

from imageclass.kafka.connection import Connection, NoBroker

_CLOSE_TIMEOUT_S = 2.0


class PublishError(Exception):
    """Messages could not be delivered to the broker; the text says how many and why."""


class Publisher:
    """Keeps a producer from one delivery to the next. A context manager, for one thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producer: KafkaProducer | None = None

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the producer; the next delivery makes a new one."""
        if self._producer:
            self._producer.close(timeout=_CLOSE_TIMEOUT_S)
        self._producer = None

    def deliver(
        self,
        requests: Collection[str],
        topic: str,
        send_one: Callable[[str, KafkaProducer], FutureRecordMetadata],
        timeout: float,
    ) -> None:
        """Send messages until the broker has all of them.

        A broker that goes away meanwhile is waited for. A message that failed is sent again under
        the same id: if it has arrived after all, it is there twice.

        Args:
            requests: the messages' ids.
            topic: full name of the topic they go to.
            send_one: sends the message of an id with a producer, and returns its future.
            timeout: seconds.

        Raises:
            PublishError: the broker has not all of them after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        waiting, reason = list(requests), None
        while waiting:
            futures = {}
            try:
                self._producer = self._producer or self._connection.producer()
                # Connects now, so that the first request's latency is not that of connecting.
                self._producer.partitions_for(topic)
                for request in waiting:
                    futures[request] = send_one(request, self._producer)
                self._producer.flush(timeout=max(0.1, deadline - time.monotonic()))
            except (KafkaTimeoutError, NoBroker) as error:
                reason = error
            waiting = [
                request
                for request in waiting
                if request not in futures or not futures[request].succeeded()
            ]
            reason = next((f.exception for f in futures.values() if f.failed()), reason)
            if waiting:
                self.close()  # a new one may fare better
            if waiting and time.monotonic() > deadline:
                raise PublishError(
                    f"{len(waiting)} of {len(requests)} messages could not be delivered within"
                    f" {timeout:.0f} s ({reason}). Is the broker running?"
                )
