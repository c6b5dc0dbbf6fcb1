"""The judge: sends images as requests, joins the answers, and says what was right.

The labels stay here. Answers are joined by (run, request, agent), so an image that is drawn twice
counts twice, an answer to an older run counts for nothing, and one that comes twice counts once.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl
from kafka import KafkaProducer, TopicPartition
from kafka.producer.future import FutureRecordMetadata

from imageclass.data.datasets import Dataset
from imageclass.kafka.connection import Connection
from imageclass.kafka.publisher import Publisher, PublishError
from imageclass.messages.requests import encode_request, raw_request
from imageclass.runs.join import Join
from imageclass.runs.run import Run, SentRequest
from imageclass.runs.verdicts import encode_verdicts

__all__ = ["Judge", "Progress", "PublishError"]

Progress = Callable[[int, int], object]  # (done, total)


class Judge:
    """Watches the predictions from the moment it is made; publish one run, then collect it.

    A context manager, for one thread. Making it raises `connection.NoBroker` if the
    broker does not answer.
    """

    def __init__(self, connection: Connection, agents: Sequence[str]) -> None:
        """`agents`: the names of those whose answers are awaited, one or more."""
        if not agents:
            raise ValueError("Name at least one agent whose answers to wait for.")
        self.connection = connection
        self.agents = tuple(dict.fromkeys(agents))
        connection.ensure_topics()
        self._delivery = Publisher(connection)
        topics = connection.topics
        self._consumer = connection.consumer()
        places = [
            TopicPartition(topic, partition)
            for topic in (topics.predictions, topics.dead_letters)
            for partition in self._consumer.partitions_for_topic(topic) or ()
        ]
        self._consumer.assign(places)
        # Pinned to where the topics end now: nothing older is read, nothing newer is missed.
        for place, end in self._consumer.end_offsets(places).items():
            self._consumer.seek(place, end)

    def __enter__(self) -> "Judge":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._consumer.close(timeout_ms=2_000)
        self._delivery.close()

    def publish(
        self,
        dataset: Dataset,
        num_images: int | None,
        *,
        seed: int | None = None,
        deadline: float | None = None,
        timeout: float = 180.0,
        on_sent: Progress | None = None,
    ) -> Run:
        """Send test images as one run: `num_images` of them, drawn with repetition by `seed`; or,
        with None, all of them, each once and in their order.

        Agents answer no request later than `deadline` seconds after it was sent. Returns the
        run's `Verdicts`, still without answers, once the broker has all requests. A broker that
        goes away meanwhile is waited for; after `timeout` seconds `PublishError` is raised.
        """
        if num_images is not None and num_images < 1:
            raise ValueError(f"num_images must be 1 or more, not {num_images}.")
        every = len(dataset.test_images)
        if num_images is None:
            draw = np.arange(every)
        else:
            draw = np.random.default_rng(seed).integers(every, size=num_images)
        run_id = uuid.uuid4().hex
        images = {f"{run_id[:8]}-{number}": index for number, index in enumerate(draw.tolist())}
        verdicts = Run(run_id, dataset, self.agents, {})
        topic = self.connection.topics.requests
        self.send(verdicts, images, topic, deadline=deadline, timeout=timeout, on_sent=on_sent)
        return verdicts

    def send(
        self,
        verdicts: Run,
        images: Mapping[str, int],
        topic: str,
        *,
        deadline: float | None = None,
        timeout: float = 180.0,
        on_sent: Progress | None = None,
    ) -> None:
        """Send test images to `topic` under the run of `verdicts`, which then knows them as asked.

        `images`: for each request's id the index of its image; the rest as in `publish`.
        """
        dataset, asked = verdicts.dataset, verdicts.asked
        labels = dataset.test_labels.tolist()

        def send_one(request: str, producer: KafkaProducer) -> FutureRecordMetadata:
            index = images[request]
            if request not in asked:
                asked[request] = SentRequest(index, labels[index], time.time() * 1000)
                if on_sent:
                    on_sent(len(asked), len(images))
            until = None if deadline is None else int(asked[request].sent_ms + deadline * 1000)
            image = dataset.test_images[index]
            value, headers = encode_request(
                raw_request(verdicts.run_id, request, image, dataset.name, until)
            )
            return producer.send(topic, key=request.encode(), value=value, headers=headers)

        self._delivery.deliver(images, topic, send_one, timeout)

    def collect(
        self,
        verdicts: Run,
        *,
        patience: float = 60.0,
        on_reply: Progress | None = None,
        on_complete: Callable[[Run], object] | None = None,
    ) -> Run:
        """Wait for the answers to a published run, fill them into `verdicts` and return it.

        Ends when every agent has answered every request or set it aside, or when for `patience`
        seconds nothing new has come; what is missing then is counted as such. `on_complete` gets
        the requests that every agent has answered, as `Verdicts` of their own while the others are
        waited for, and at the end those for which answers are missing: each request once.
        """
        total = len(verdicts.asked) * len(verdicts.agents)
        join = Join(verdicts)
        last_news, letters = time.monotonic(), self.connection.topics.dead_letters
        while time.monotonic() - last_news < patience:
            # An answer may lie behind a letter about the same request: both are read.
            if join.over and not (verdicts.set_aside and self._has_unread()):
                break
            found = self._consumer.poll(timeout_ms=200, max_records=5_000)
            before = join.answers
            news = 0
            for place, records in found.items():
                news += join.take_aside(records) if place.topic == letters else join.take(records)
            if not news:
                continue
            last_news = time.monotonic()
            if on_reply:
                for done in range(before + 1, join.answers + 1):
                    on_reply(done, total)
            if on_complete and (part := join.completed()).asked:
                on_complete(part)
        if on_complete and (part := join.incomplete()).asked:
            on_complete(part)
        return join.finish()

    def _has_unread(self) -> bool:
        consumer = self._consumer
        return any(
            consumer.position(place) < (consumer.highwater(place) or 0)
            for place in consumer.assignment()
        )

    def announce(
        self, verdicts: Run, outcomes: pl.DataFrame, strategy: str, *, timeout: float = 60.0
    ) -> None:
        """Write a message for each request of `verdicts` to the topic of verdicts.

        `outcomes`: what the `strategy` of that name made of them (see `strategies`); a request
        that it does not have is announced as undecided. The format: `verdict_messages`. Raises
        `PublishError` if the broker has not all of them after `timeout` seconds.
        """
        messages = encode_verdicts(verdicts, outcomes, strategy)
        topic = self.connection.topics.verdicts

        def send_one(request: str, producer: KafkaProducer) -> FutureRecordMetadata:
            return producer.send(topic, key=request.encode(), value=messages[request])

        self._delivery.deliver(messages, topic, send_one, timeout)
