"""An agent's membership in its group, from joining to leaving or to the first error."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import replace

import kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, ThrottleEvent, TopicPartition
from kafka.errors import KafkaTimeoutError

from imageclass.agents.heartbeat import Heartbeat
from imageclass.agents.inference_worker import InferenceWorker
from imageclass.agents.micro_batch import prepare
from imageclass.agents.offset_committer import OffsetCommitter
from imageclass.agents.record_source import IDLE_POLL_S, RecordSource
from imageclass.agents.state import AgentState
from imageclass.kafka.connection import Connection, NoBroker
from imageclass.kafka.credentials import refusal
from imageclass.kafka.librdkafka import make_consumer, make_producer
from imageclass.messages.dead_letters import Record

_PAUSED_AFTER_S = 1.0  # how long the model may be behind before the status says so
_COMMITTED_TIMEOUT_S = 2.0
_DRAIN_TIMEOUT_S = 3.0
_WORKER_CLOSE_TIMEOUT_S = 5.0
_LAST_COMMIT_TIMEOUT_S = 3.0
_LAST_HEARTBEAT_TIMEOUT_S = 2.0


class ConsumerSession:
    """The consumer's side of an agent: collects, hands over, commits and sends heartbeats.

    A context manager, for one thread. What was not committed at its end comes again to the group's
    next consumer.
    """

    def __init__(
        self, connection: Connection, state: AgentState, topic: str, instance: str
    ) -> None:
        """Join the group.

        Args:
            connection: the broker.
            state: the agent's state.
            topic: full name of the topic of requests.
            instance: the agent's id.

        Raises:
            MissingCredentials: there should be an account for the broker and is none.
            NoBroker: the broker does not answer, or refuses the account.
            confluent_kafka.KafkaException: librdkafka refuses its settings.
        """
        self._connection, self._state = connection, state
        self._next_offsets: dict[kafka.TopicPartition, int] = {}  # behind what was delivered
        self._assigned: list[TopicPartition] = []  # that are not read yet
        self._assignment = 0  # counts the changes
        self._taken_away = 0  # batches at the worker whose partitions are another consumer's now
        self._committer = OffsetCommitter()
        self._account = connection.account
        self._refusal = ""
        name = state.status.name
        with ExitStack() as at_end:
            self._producer = make_producer(connection, instance, self._on_error, self._on_throttle)
            at_end.callback(self._producer.purge)
            self._heartbeat = Heartbeat(self._send_heartbeat, instance, topic)
            at_end.callback(self._send_last_heartbeat)  # leaving the group sends some too
            self._source = RecordSource(connection, instance)
            at_end.callback(self._source.close)
            self._consumer = make_consumer(
                connection,
                connection.topics.group(name),
                instance,
                self._on_error,
                on_commit=self._committer.on_commit,
            )
            at_end.callback(self._consumer.close)
            self._worker = InferenceWorker(state, connection.topics, self._producer)
            at_end.callback(self._finish)
            self._consumer.subscribe(
                [topic],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            self._at_end = at_end.pop_all()

    def __enter__(self) -> ConsumerSession:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._at_end.close()

    def poll_once(self) -> None:
        """Take the next batch, if there is one, and do what is due for those before it.

        Raises:
            NoBroker: the broker refuses the account; the next session may have another one.
            Exception: what ended the worker.
        """
        if self._refusal:
            raise NoBroker(self._refusal)
        self._consumer.poll(0 if self._next_offsets else IDLE_POLL_S)
        self._start_reading()
        if self._next_offsets and (records := self._source.collect(self._limits)):
            self._hand_over(records)
        self._housekeeping()

    def _limits(self) -> tuple[int, float]:
        status = self._state.status
        return status.batch_size, status.max_wait

    def _start_reading(self) -> None:
        """Read the partitions that were assigned, once the broker tells what was committed."""
        if not self._assigned:
            return
        with suppress(KafkaException, KafkaTimeoutError):  # tried again
            committed = self._consumer.committed(self._assigned, timeout=_COMMITTED_TIMEOUT_S)
            if any(place.error for place in committed):
                return
            self._next_offsets = self._source.start(
                {kafka.TopicPartition(at.topic, at.partition): at.offset for at in committed}
            )
            self._assigned = []

    def _hand_over(self, records: list[Record]) -> None:
        """Give a batch to the worker.

        As long as the worker has no room nothing more is fetched, and polling the group's consumer
        keeps the place in the group. A batch whose partitions are taken away meanwhile is dropped.
        """
        state, assignment = self._state, self._assignment
        batch = prepare(records, state.serving)
        begin = time.monotonic()
        try:
            while not state.stopping.is_set() and assignment == self._assignment:
                if self._worker.offer(batch, IDLE_POLL_S):
                    return
                if time.monotonic() - begin > _PAUSED_AFTER_S:
                    state.update(paused=True)
                    self._source.ask_ends()
                self._consumer.poll(0)
                self._housekeeping()
        finally:
            state.update(paused=False)

    def _housekeeping(self) -> None:
        """Count what was delivered, commit it, and send a heartbeat."""
        self._count()
        self._committer.commit_if_due(self._consumer)
        if (lag := self._lag()) != self._state.status.lag:
            self._state.update(lag=lag)
        self._heartbeat.send_if_due(self._state.status)

    def _count(self) -> None:
        for batch in self._worker.take_done():
            self._state.recover()
            status = self._state.status
            self._state.update(
                received=status.received + batch.received,
                answered=status.answered + batch.count,
                rejected=status.rejected + len(batch.invalid),
                expired=status.expired + batch.late,
                skipped=status.skipped + batch.skipped,
            )
            if self._taken_away:  # those are first in the queue
                self._taken_away -= 1
                continue
            offsets = batch.next_offsets()
            self._next_offsets |= {
                kafka.TopicPartition(at.topic, at.partition): at.offset for at in offsets
            }
            self._committer.add(offsets)

    def _lag(self) -> int:
        if not self._worker.inside and not self._source.is_behind():
            self._next_offsets.update(self._source.positions())  # markers were passed, or a gap
        ends = self._source.ends
        return sum(max(0, ends.get(p, 0) - offset) for p, offset in self._next_offsets.items())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(partitions)
        consumer.pause(partitions)  # before their offsets are known, so nothing is fetched
        self._assigned = partitions
        self._state.update(state="running")

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # What is finished and committed now need not be done again by the next owner.
        self._drain()
        self._committer.commit_now(consumer)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Others may have them already, and be further: nothing of it is committed any more.
        self._drain()
        self._committer.forget()

    def _drain(self) -> None:
        self._source.stop()
        self._worker.drain(_DRAIN_TIMEOUT_S)
        with suppress(Exception):  # raised again by the next `poll_once`
            self._count()
        self._taken_away = self._worker.inside
        self._next_offsets, self._assigned = {}, []
        self._assignment += 1

    def _send_heartbeat(self, key: bytes, value: bytes) -> None:
        with suppress(BufferError):  # the next one will do
            self._producer.produce(
                self._connection.topics.agents, value, key, on_delivery=self._on_heartbeat
            )

    def _on_heartbeat(self, error: KafkaError | None, _: object) -> None:
        if error is None:
            self._state.broker_is_back()

    def _on_error(self, error: KafkaError) -> None:
        """Take note of an error that librdkafka goes on from by itself."""
        servers = self._connection.bootstrap_servers
        if error.code() == KafkaError._AUTHENTICATION:
            self._refusal = refusal(servers, self._account) or error.str()
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._state.broker_is_away(f"The broker at {', '.join(servers)} does not answer.")

    def _on_throttle(self, event: ThrottleEvent) -> None:
        self._state.was_throttled(event.throttle_time)

    def _finish(self) -> None:
        self._worker.close(_WORKER_CLOSE_TIMEOUT_S)
        with suppress(Exception):
            self._count()
        with suppress(Exception):
            self._committer.commit_rest(self._consumer, _LAST_COMMIT_TIMEOUT_S)

    def _send_last_heartbeat(self) -> None:
        if self._state.stopping.is_set():
            self._heartbeat.send_if_due(replace(self._state.status, state="stopped"))
            self._producer.flush(_LAST_HEARTBEAT_TIMEOUT_S)
