"""The judge: send test images as requests, join the predictions to them, announce verdicts.

The labels stay here. Predictions are joined by (run, request, agent), so an image that is drawn
twice counts twice, a prediction for an older run is ignored, and one that arrives twice counts
once.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl
from kafka import KafkaProducer
from kafka.producer.future import FutureRecordMetadata

from imageclass.data.datasets import Dataset
from imageclass.data.limits import MAX_IMAGE_BYTES
from imageclass.kafka.connection import Connection
from imageclass.kafka.publisher import Publisher
from imageclass.kafka.reader import TopicReader
from imageclass.messages.requests import encode_request, raw_requests
from imageclass.runs.join import Join
from imageclass.runs.progress import Progress
from imageclass.runs.run import Run, SentRequest
from imageclass.runs.verdicts import encode_verdicts

_POLL_TIMEOUT_S = 0.2
_MAX_PER_MESSAGE = 32
_MIN_MESSAGES = 128  # of a run, so that partitions and agents have a fair share of it each


def _images_per_message(images: int, image_bytes: int) -> int:
    """Return how many of a run's images share a message: the fewer messages, the faster it is."""
    wanted = min(images // _MIN_MESSAGES, _MAX_PER_MESSAGE, MAX_IMAGE_BYTES // image_bytes)
    return max(1, wanted)


class Judge:
    """Sends one run and collects the predictions for it.

    It reads the predictions from the moment it is made, so make it before the run is sent. A
    context manager, for one thread.
    """

    def __init__(self, connection: Connection, agents: Sequence[str]) -> None:
        """Start to read predictions and dead letters.

        Args:
            connection: the broker.
            agents: the names of the agents whose predictions are expected, one or more.

        Raises:
            ValueError: there is no agent.
            NoBroker: the broker does not answer.
        """
        if not agents:
            raise ValueError("Name at least one agent whose answers to wait for.")
        self.connection = connection
        self.agents = tuple(dict.fromkeys(agents))
        connection.ensure_topics()
        self._publisher = Publisher(connection)
        topics = connection.topics
        self._reader = TopicReader(connection, (topics.predictions, topics.dead_letters), newest=0)

    def __enter__(self) -> "Judge":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._reader.close()
        self._publisher.close()

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
        """Send test images as one run, and wait until the broker has all of them.

        Args:
            dataset: the data set whose test images are sent.
            num_images: how many are drawn at random. None is drawn twice before all were drawn
                once: the statistics of a run count every image as a new one. With None every test
                image is sent once, in order.
            seed: of the draw; by default another draw each time.
            deadline: agents answer no request later than that after it was sent, in seconds.
            timeout: how long to wait for a broker that does not answer, in seconds.
            on_sent: called after each request.

        Returns:
            The run, without predictions.

        Raises:
            ValueError: `num_images` is below 1.
            PublishError: the broker did not get all requests in time.
        """
        if num_images is not None and num_images < 1:
            raise ValueError(f"num_images must be 1 or more, not {num_images}.")
        total = len(dataset.test_images)
        if num_images is None:
            draw = np.arange(total)
        else:
            generator, rounds = np.random.default_rng(seed), -(-num_images // total)
            draw = np.concatenate([generator.permutation(total) for _ in range(rounds)])[
                :num_images
            ]
        run_id = uuid.uuid4().hex
        images = {f"{run_id[:8]}-{number}": index for number, index in enumerate(draw.tolist())}
        topic = self.connection.topics.requests
        sent = self.send(
            run_id, dataset, images, topic, deadline=deadline, timeout=timeout, on_sent=on_sent
        )
        return Run(run_id, dataset.name, dataset.class_names, self.agents, sent)

    def send(
        self,
        run_id: str,
        dataset: Dataset,
        images: Mapping[str, int],
        topic: str,
        *,
        deadline: float | None = None,
        timeout: float = 180.0,
        on_sent: Progress | None = None,
    ) -> dict[str, SentRequest]:
        """Send test images under a run's id, and return the requests by their id.

        Args:
            run_id: the run that the requests belong to.
            dataset: the data set whose test images are sent.
            images: by request id, the index of the test image.
            topic: the full name of the topic.
            deadline: as in `publish`, like the others.
            timeout: likewise.
            on_sent: likewise.

        Raises:
            PublishError: the broker did not get all requests in time.
        """
        labels = dataset.test_labels.tolist()
        sent: dict[str, SentRequest] = {}
        ids = list(images)
        size = _images_per_message(len(ids), dataset.test_images[0].nbytes)
        groups = {ids[start]: ids[start : start + size] for start in range(0, len(ids), size)}

        def send_one(first: str, producer: KafkaProducer) -> FutureRecordMetadata:
            group = groups[first]
            indices = [images[request] for request in group]
            if first not in sent:
                now_ms = time.time() * 1000
                for request, index in zip(group, indices, strict=True):
                    sent[request] = SentRequest(index, labels[index], now_ms)
                    if on_sent:
                        on_sent(len(sent), len(images))
            until = None if deadline is None else int(sent[first].sent_ms + deadline * 1000)
            value, headers = encode_request(
                raw_requests(run_id, group, dataset.test_images[indices], dataset.name, until)
            )
            return producer.send(topic, key=first.encode(), value=value, headers=headers)

        self._publisher.deliver(groups, topic, send_one, timeout)
        return sent

    def collect(
        self,
        run: Run,
        *,
        patience: float = 60.0,
        on_prediction: Progress | None = None,
        on_complete: Callable[[Run], object] | None = None,
    ) -> Run:
        """Wait for the predictions for a run that was sent.

        It ends when there is a prediction or a dead letter for every request and agent, or when
        nothing new has arrived for `patience` seconds. What is missing then counts as missing.

        Args:
            run: what `publish` returned; it stays as it is.
            patience: how long to wait without a new prediction, in seconds.
            on_prediction: called after each prediction.
            on_complete: gets the requests that every agent has answered, as a run of their own,
                while others are waited for; at the end those with missing predictions. Each
                request is handed over once.

        Returns:
            The run with its predictions.
        """
        total = len(run.sent) * len(run.agents)
        join = Join(run)
        dead_letters = self.connection.topics.dead_letters
        last_news = time.monotonic()
        while time.monotonic() - last_news < patience:
            # A prediction may follow a dead letter about the same request: both are read.
            if join.is_complete and not (join.dead_lettered and self._reader.has_unread()):
                break
            records = self._reader.poll(_POLL_TIMEOUT_S)
            before = join.received
            news = join.add_predictions(one for one in records if one.topic != dead_letters)
            news += join.add_dead_letters(one for one in records if one.topic == dead_letters)
            if not news:
                continue
            last_news = time.monotonic()
            if on_prediction:
                for done in range(before + 1, join.received + 1):
                    on_prediction(done, total)
            if on_complete and (part := join.take_completed()).sent:
                on_complete(part)
        if on_complete and (part := join.incomplete()).sent:
            on_complete(part)
        return join.finish()

    def announce(
        self, run: Run, outcomes: pl.DataFrame, strategy: str, *, timeout: float = 60.0
    ) -> None:
        """Send a verdict for each request of `run` to the topic of verdicts.

        Args:
            run: the run, or a part of it.
            outcomes: what the strategy decided, see `outcomes.decide`; a request that is not in
                it is announced as undecided.
            strategy: the strategy's name.
            timeout: how long to wait for a broker that does not answer, in seconds.

        Raises:
            PublishError: the broker did not get all verdicts in time.
        """
        messages = encode_verdicts(run, outcomes, strategy)
        topic = self.connection.topics.verdicts

        def send_one(request: str, producer: KafkaProducer) -> FutureRecordMetadata:
            return producer.send(topic, key=request.encode(), value=messages[request])

        self._publisher.deliver(messages, topic, send_one, timeout)
