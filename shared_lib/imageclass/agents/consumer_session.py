"""An agent's membership in its group, from joining to leaving or to the first error."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import accumulate

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from imageclass.agents.heartbeat import Heartbeat
from imageclass.agents.inference_worker import InferenceWorker
from imageclass.agents.micro_batch import MAX_BATCH_BYTES, prepare, record_of
from imageclass.agents.offset_committer import OffsetCommitter
from imageclass.agents.state import AgentState
from imageclass.agents.undecodable import UndecodableRecords
from imageclass.kafka.connection import Connection, NoBroker
from imageclass.kafka.credentials import refusal
from imageclass.kafka.librdkafka import make_consumer, make_producer
from imageclass.messages.dead_letters import Record

_IDLE_POLL_S = 0.2  # how soon an idle agent sees that it shall stop
_PAUSE_AFTER_S = 1.0  # how long the model may be behind before the partitions are paused
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
            confluent_kafka.KafkaException: librdkafka refuses its settings.
        """
        self._connection, self._state = connection, state
        self._next_offsets: dict[tuple[str, int], int] = {}  # behind what was delivered
        self._committer = OffsetCommitter()
        self._left_over: list[Message] = []
        self._undecodable = UndecodableRecords(connection)
        self._account = connection.account
        self._refusal = ""
        name = state.status.name
        with ExitStack() as at_end:
            self._producer = make_producer(connection, instance, self._on_error)
            at_end.callback(self._producer.purge)
            self._heartbeat = Heartbeat(self._send_heartbeat, instance, topic)
            at_end.callback(self._send_last_heartbeat)  # leaving the group sends some too
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
        records = self._records_of(self._collect())
        records += self._undecodable.on_stall(self._consumer)
        if records:
            self._hand_over(records)
        self._housekeeping()

    def _collect(self) -> list[Message]:
        """Return the messages of a micro-batch, `MAX_BATCH_BYTES` or one message at most."""
        first, self._left_over = self._left_over, []
        first = first or self._consumer.consume(1, _IDLE_POLL_S)
        status = self._state.status
        if not first:
            return []
        if len(first) >= status.batch_size:
            return self._fitting(first)
        # The time on the way to here counts: `max_wait` is a promise to the sender. Where clocks
        # differ the wait is not below 0 and not above its own length.
        _, sent_ms = first[0].timestamp()
        wait = min(max(0.0, status.max_wait - (time.time() - sent_ms / 1000)), status.max_wait)
        # The others are about as large as the first one.
        fitting = max(1, MAX_BATCH_BYTES // max(1, len(first[0])))
        count = min(status.batch_size - len(first), fitting)
        # Returns when it has that many, or when the time is over.
        return self._fitting(first + self._consumer.consume(count, wait))

    def _fitting(self, messages: list[Message]) -> list[Message]:
        """Return the first of some messages that fit in a batch, and keep the others for later."""
        ends = accumulate(map(len, messages))
        count = max(1, sum(end <= MAX_BATCH_BYTES for end in ends))
        count = min(count, self._state.status.batch_size)
        self._left_over = messages[count:]
        return messages[:count]

    def _records_of(self, messages: list[Message]) -> list[Record]:
        """Return messages as records, those that cannot be decoded among them."""
        records = []
        for message in messages:
            if message.error() is None:
                records.append(record_of(message))
            elif (found := self._undecodable.on_error(self._consumer, message)) is not None:
                records.append(found)
        return records

    def _hand_over(self, records: list[Record]) -> None:
        """Give a batch to the worker.

        As long as the worker has no room the partitions are paused: nothing more comes into memory,
        and polling keeps the place in the group.
        """
        state, consumer = self._state, self._consumer
        batch = prepare(records, state.serving)
        # Not at once: librdkafka throws away what it has ready for a partition that is paused.
        if self._worker.offer(batch, _PAUSE_AFTER_S):
            return
        state.update(paused=True)
        try:
            consumer.pause(consumer.assignment())
            while not state.stopping.is_set() and not self._worker.offer(batch, _IDLE_POLL_S):
                # A message means that a rebalance gave us partitions that are not paused. (Paused
                # in the rebalance itself, before their offset is known, they never go on.)
                if (message := consumer.poll(0)) is not None:
                    self._left_over.append(message)
                    consumer.pause(consumer.assignment())
                self._housekeeping()
        finally:
            state.update(paused=False)
            consumer.resume(consumer.assignment())
            self._undecodable.forget()  # nothing came because nothing was wanted

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
            offsets = batch.next_offsets()
            self._next_offsets.update({(p.topic, p.partition): p.offset for p in offsets})
            self._state.update(
                received=status.received + len(batch.records),
                answered=status.answered + len(batch.requests),
                rejected=status.rejected + len(batch.invalid),
                expired=status.expired + len(batch.expired),
                skipped=status.skipped + batch.skipped,
            )
            self._committer.add(offsets)

    def _lag(self) -> int:
        lag = 0
        for (topic, number), offset in self._next_offsets.items():
            partition = TopicPartition(topic, number)
            with suppress(KafkaException):
                begin, end = self._consumer.get_watermark_offsets(partition, cached=True)
                lag += max(0, end - max(begin, offset))
        return lag

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(partitions)
        self._undecodable.forget()
        with suppress(KafkaException):  # only for the lag
            for place in consumer.committed(partitions, timeout=_COMMITTED_TIMEOUT_S):
                self._next_offsets[place.topic, place.partition] = place.offset  # below 0: none yet
        self._state.update(state="running")

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # What is finished and committed now need not be done again by the next owner.
        self._drain()
        self._left_over = []
        self._committer.commit_now(consumer)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Others may have them already, and be further: nothing of it is committed any more.
        self._drain()
        self._left_over = []
        self._committer.forget()

    def _drain(self) -> None:
        self._worker.drain(_DRAIN_TIMEOUT_S)
        with suppress(Exception):  # raised again by the next `poll_once`
            self._count()
        self._next_offsets.clear()

    def _send_heartbeat(self, key: bytes, value: bytes) -> None:
        with suppress(BufferError):  # the next one will do
            self._producer.produce(self._connection.topics.agents, value, key)

    def _on_error(self, error: KafkaError) -> None:
        """Take note of an error that librdkafka goes on from by itself."""
        servers = self._connection.bootstrap_servers
        if error.code() == KafkaError._AUTHENTICATION:
            self._refusal = refusal(servers, self._account) or error.str()
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._state.update(last_error=f"The broker at {', '.join(servers)} does not answer.")

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
