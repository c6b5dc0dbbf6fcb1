"""Reads what agents tell of themselves on the topics of heartbeats."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from imageclass.kafka.record_batches import skip_undecodable
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.heartbeats import DEAD_AFTER_S, decode_heartbeat
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from watch.owners import owner_of

#: Seconds after an agent's last heartbeat for which its numbers are told.
FORGET_AFTER_S = 3600.0
#: The most agents of one owner that are told: those that were heard last.
MAX_AGENTS = 50
_READ_TIMEOUT_S = 5.0  # of all topics; the rest is read the next time
_CLOSE_TIMEOUT_MS = 1_000


@dataclass(frozen=True)
class AgentNumbers:
    """An agent's last heartbeat.

    Attributes:
        owner: whose agent it is.
        name: its name.
        instance: tells agents of one name apart.
        sent: when it was sent, in seconds since 1970.
        fields: what it says, as `imageclass.messages.heartbeats` has it.
    """

    owner: str
    name: str
    instance: str
    sent: float
    fields: dict[str, Any]

    def is_alive(self, now: float) -> bool:
        """Return whether the agent is at work."""
        return self.fields["state"] != "stopped" and now - self.sent <= DEAD_AFTER_S

    def is_lost(self, now: float) -> bool:
        """Return whether it fell silent without saying that it stops."""
        return self.fields["state"] != "stopped" and now - self.sent > DEAD_AFTER_S


class Heartbeats:
    """Reads on where it stopped the last time. For one thread only.

    Args:
        login: how the hub authenticates on the broker, as kafka-python's clients take it.
    """

    def __init__(self, login: Mapping[str, Any]) -> None:
        self._login = login
        self._consumer: KafkaConsumer | None = None
        self._topics: list[str] = []
        self._last: dict[tuple[str, bytes], AgentNumbers] = {}

    def close(self) -> None:
        """Close the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(Exception):  # it may be what failed
                consumer.close(timeout_ms=_CLOSE_TIMEOUT_MS)

    def read(self, address: str, topics: list[str]) -> list[AgentNumbers]:
        """Return the last heartbeat of each agent.

        Args:
            address: `host:port` of the broker's listener for the hub.
            topics: full names of the topics of heartbeats.
        """
        try:
            if topics:
                self._read_on(address, topics)
        except (KafkaError, OSError, ValueError):
            self.close()  # the next time begins anew
        return list(newest(self._last, time.time()))

    def _read_on(self, address: str, topics: list[str]) -> None:
        if self._consumer is None or topics != self._topics:
            self.close()
            self._consumer = self._new_consumer(address)
            self._topics = topics
            numbers = {t: self._consumer.partitions_for_topic(t) or () for t in topics}
            self._consumer.assign([TopicPartition(t, n) for t in topics for n in numbers[t]])
            self._consumer.seek_to_beginning()
        deadline = time.monotonic() + _READ_TIMEOUT_S
        ends = self._consumer.end_offsets(self._consumer.assignment())
        while time.monotonic() < deadline and any(
            self._consumer.position(place, timeout_ms=1_000) < end for place, end in ends.items()
        ):
            for records in self._consumer.poll(500).values():
                for record in records:
                    self._note(record)

    def _new_consumer(self, address: str) -> KafkaConsumer:
        consumer = KafkaConsumer(
            bootstrap_servers=address,
            **self._login,
            client_id="watch",
            group_id=None,
            enable_auto_commit=False,
            check_crcs=False,  # `skip_undecodable` checks them
            bootstrap_timeout_ms=2_000,
        )
        skip_undecodable(consumer, lambda skipped: None)
        return consumer

    def _note(self, record: Any) -> None:
        with suppress(InvalidMessage):  # anything may be written there
            fields = decode_heartbeat(record.value)
            key = record.topic, record.key or b""
            self._last[key] = AgentNumbers(
                owner_of(record.topic),
                fields["name"],
                fields["instance"],
                record.timestamp / 1000,
                fields,
            )


def newest(last: dict[tuple[str, bytes], AgentNumbers], now: float) -> Iterator[AgentNumbers]:
    """Yield the agents that are told, and forget all others.

    Args:
        last: the last heartbeats; those that are too old, or too many, are removed.
        now: seconds since 1970.
    """
    told: dict[str, int] = defaultdict(int)
    for key, agent in sorted(last.items(), key=lambda one: -one[1].sent):
        told[agent.owner] += 1
        if now - agent.sent > FORGET_AFTER_S or told[agent.owner] > MAX_AGENTS:
            del last[key]
        else:
            yield agent
