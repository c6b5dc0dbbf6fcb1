"""An agent's membership in its group, from joining to leaving or to the first error."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from imageclass.agents.heartbeat import Heartbeat
from imageclass.agents.inference_worker import InferenceWorker
from imageclass.agents.micro_batch import prepare, records_of
from imageclass.agents.offset_committer import OffsetCommitter
from imageclass.kafka.connection import NoBroker
from imageclass.kafka.credentials import refused
from imageclass.kafka.librdkafka import make_consumer, make_producer
from imageclass.messages.dead_letters import Record

if TYPE_CHECKING:
    from imageclass.agents.agent import Agent

_IDLE_SECONDS = 0.2  # how soon an idle agent sees that it shall stop
_FULL_SECONDS = 1.0  # how long the model may be behind before the partitions are paused


class ConsumerSession:
    """The consumer's side of an agent: collects, hands over, commits, announces. A context manager
    for one thread; what was not committed at its end comes again to the group's next consumer."""

    def __init__(self, agent: Agent) -> None:
        """Raises `account.NoAccount`, and `confluent_kafka.KafkaException` for settings that
        librdkafka refuses."""
        self._agent = agent
        self._delivered: dict[tuple[str, int], int] = {}  # where each partition goes on
        self._commits = OffsetCommitter()
        self._left_over: list[Message] = []
        self._account = agent.connection.account
        self._refused = ""
        topics, name = agent.connection.topics, agent.name
        with ExitStack() as at_end:
            self._producer = make_producer(agent.connection, agent.instance, self._heard)
            at_end.callback(self._producer.purge)
            self._announcer = Heartbeat(self._say, agent.instance, agent.topic)
            at_end.callback(self._say_goodbye)  # after the group was left, which announces too
            self._consumer = make_consumer(
                agent.connection,
                topics.group(name),
                agent.instance,
                self._heard,
                on_commit=self._commits.answered,
            )
            at_end.callback(self._consumer.close)
            self._worker = InferenceWorker(
                name, topics, self._producer, lambda: agent.serving, agent.failed
            )
            at_end.callback(self._finish)
            self._consumer.subscribe(
                [agent.topic],
                on_assign=self._assigned,
                on_revoke=self._revoked,
                on_lost=self._lost,
            )
            self._at_end = at_end.pop_all()

    def __enter__(self) -> ConsumerSession:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._at_end.close()

    def turn(self) -> None:
        """Take the next batch, if there is one, and look after those before it. Raises what
        ended the worker, and `NoBroker` where the account is refused: the next session may have
        another one."""
        if self._refused:
            raise NoBroker(self._refused)
        if records := self._collect():
            self._hand_over(records)
        self._look_after()

    def _collect(self) -> list[Record]:
        first, self._left_over = self._left_over, []
        first = first or self._consumer.consume(1, _IDLE_SECONDS)
        status = self._agent.status
        if not first or status.batch_size == 1:
            return records_of(first)
        # What it waited on its way counts: the wait is a promise to who asked. Where clocks differ
        # it is not below 0 and not above its own length.
        _, sent_ms = first[0].timestamp()
        wait = min(max(0.0, status.max_wait - (time.time() - sent_ms / 1000)), status.max_wait)
        # Returns when it has that many, or when the time is over.
        return records_of(first + self._consumer.consume(status.batch_size - 1, wait))

    def _hand_over(self, records: list[Record]) -> None:
        """Give a batch to the worker. As long as that has no room the partitions are paused:
        nothing more comes into memory, and polling keeps the place in the group."""
        agent, consumer = self._agent, self._consumer
        batch = prepare(records, agent.serving)
        # Not at once: librdkafka throws away what it has ready for a partition that is paused.
        if self._worker.offer(batch, _FULL_SECONDS):
            return
        agent.update(paused=True)
        try:
            consumer.pause(consumer.assignment())
            while not agent.stopping.is_set() and not self._worker.offer(batch, _IDLE_SECONDS):
                # A message means that a rebalance gave us partitions that are not paused. (Paused
                # in the rebalance itself, before their offset is known, they never go on.)
                if (message := consumer.poll(0)) is not None:
                    self._left_over.append(message)
                    consumer.pause(consumer.assignment())
                self._look_after()
        finally:
            agent.update(paused=False)
            consumer.resume(consumer.assignment())

    def _look_after(self) -> None:
        """Count what was delivered, have it committed, and announce that all this goes on."""
        self._count()
        self._commits.turn(self._consumer)
        if (lag := self._lag()) != self._agent.status.lag:
            self._agent.update(lag=lag)
        self._announcer.announce(self._agent.status)

    def _count(self) -> None:
        for batch in self._worker.take_done():
            status = self._agent.status
            self._agent.recovered()
            following = batch.following()
            self._delivered.update({(p.topic, p.partition): p.offset for p in following})
            self._agent.update(
                received=status.received + len(batch.records),
                answered=status.answered + len(batch.requests),
                rejected=status.rejected + len(batch.invalid),
                expired=status.expired + len(batch.expired),
                skipped=status.skipped + batch.skipped,
            )
            self._commits.add(following)

    def _lag(self) -> int:
        lag = 0
        for (topic, number), following in self._delivered.items():
            place = TopicPartition(topic, number)
            with suppress(KafkaException):
                begin, end = self._consumer.get_watermark_offsets(place, cached=True)
                lag += max(0, end - max(begin, following))
        return lag

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.assign(places)
        with suppress(KafkaException):  # only for the lag
            for place in consumer.committed(places, timeout=2):
                self._delivered[place.topic, place.partition] = place.offset  # below 0: none yet
        self._agent.update(state="running")

    def _revoked(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        # What is finished and committed now need not be done again by the next owner.
        self._end_work()
        self._commits.at_once(consumer)

    def _lost(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        # Others may have them already, and be further: nothing of it is committed any more.
        self._end_work()
        self._commits.forget()

    def _end_work(self) -> None:
        self._worker.drain(timeout=3.0)
        with suppress(Exception):  # raised again by the next turn
            self._count()
        self._delivered.clear()

    def _say(self, key: bytes, value: bytes) -> None:
        with suppress(BufferError):  # the next one will do
            self._producer.produce(self._agent.connection.topics.agents, value, key)

    def _heard(self, error: KafkaError) -> None:
        """What librdkafka goes on from by itself is worth a word all the same."""
        connection = self._agent.connection
        if error.code() == KafkaError._AUTHENTICATION:
            self._refused = refused(connection.bootstrap_servers, self._account) or error.str()
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            servers = ", ".join(connection.bootstrap_servers)
            self._agent.update(last_error=f"The broker at {servers} does not answer.")

    def _finish(self) -> None:
        self._worker.close(timeout=5.0)
        with suppress(Exception):
            self._count()
        with suppress(Exception):
            self._commits.finish(self._consumer, timeout=3.0)

    def _say_goodbye(self) -> None:
        if self._agent.stopping.is_set():
            self._announcer.announce(replace(self._agent.status, state="stopped"))
            self._producer.flush(2.0)
