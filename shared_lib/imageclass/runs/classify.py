"""Let the agents classify image files: send them as one run, and collect the predictions.

The labels are unknown here, so nothing is scored; `judge` does that for test images.
"""

import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import polars as pl
from kafka import KafkaProducer, TopicPartition
from kafka.producer.future import FutureRecordMetadata

from imageclass.data.image_files import image_encoding, verify_image
from imageclass.kafka.connection import Connection
from imageclass.kafka.live_agents import list_agents
from imageclass.kafka.publisher import Publisher
from imageclass.kafka.reader import TopicReader
from imageclass.messages.headers import is_id
from imageclass.messages.requests import Request, encode_request, file_request
from imageclass.runs.collection import DeadLettered, ExpectedPredictions
from imageclass.runs.progress import Progress
from imageclass.runs.submitted import SubmittedRun, prediction_table

_MAX_CLOCK_DIFFERENCE_MS = 600_000  # between sender and agents
_IDLE_TIMEOUT_S = 30.0  # for messages that are there already
_POLL_TIMEOUT_S = 0.2


def submit(
    connection: Connection,
    images: Mapping[str, bytes],
    *,
    dataset: str = "",
    run: str | None = None,
    deadline: float | None = None,
    timeout: float = 180.0,
    on_sent: Progress | None = None,
) -> SubmittedRun:
    """Send image files as requests of one run, and wait until the broker has all of them.

    A file that is too large, damaged or neither PNG nor JPEG is refused; the others are sent.
    Damage deep in a JPEG is found by the agents only, which write a dead letter.

    Args:
        connection: the broker.
        images: the files' bytes by name.
        dataset: only agents of that data set answer; by default all do.
        run: the run's id; by default a new one.
        deadline: agents answer no request later than that after it was sent, in seconds.
        timeout: how long to wait for a broker that does not answer, in seconds.
        on_sent: called after each request.

    Raises:
        ValueError: `dataset` or `run` is no id.
        NoBroker: the broker does not answer.
        PublishError: the broker did not get all requests in time.
    """
    run = uuid.uuid4().hex if run is None else run
    _check_ids(run, dataset)
    connection.ensure_topics()
    prefix = uuid.uuid4().hex[:8]  # so that one run can be sent in several parts
    waiting: dict[str, Request] = {}
    sent = SubmittedRun(run, {}, dataset=dataset, starts=_prediction_ends(connection))
    for number, (name, body) in enumerate(images.items()):
        request = f"{prefix}-{number}"
        try:
            encoded = file_request(run, request, body, image_encoding(body), dataset)
            verify_image(body)
        except ValueError as error:
            sent.refused[name] = str(error)
        else:
            waiting[request] = encoded
            sent.requests[name] = request
    topic = connection.topics.requests

    def send_one(request: str, producer: KafkaProducer) -> FutureRecordMetadata:
        if request not in sent.sent_ms:
            sent.sent_ms[request] = time.time() * 1000
            if on_sent:
                on_sent(len(sent.sent_ms), len(waiting))
        until = None if deadline is None else int(sent.sent_ms[request] + deadline * 1000)
        value, headers = encode_request(replace(waiting[request], deadline_ms=until))
        return producer.send(topic, key=request.encode(), value=value, headers=headers)

    with Publisher(connection) as publisher:
        publisher.deliver(waiting, topic, send_one, timeout)
    return sent


def _check_ids(run: str, dataset: str) -> None:
    for text in (run, dataset) if dataset else (run,):
        if not is_id(text):
            raise ValueError(
                f"A run or a data set has a name of letters, digits and ._@+:-, not {text!r}."
            )


def collect(
    connection: Connection,
    sent: SubmittedRun,
    agents: Collection[str] | None = None,
    *,
    patience: float = 60.0,
    on_prediction: Progress | None = None,
    dead_lettered: DeadLettered | None = None,
) -> pl.DataFrame:
    """Collect the agents' predictions for the images of a run.

    Args:
        connection: as in `iter_predictions`, like all others.
        sent: likewise.
        agents: likewise.
        patience: likewise.
        on_prediction: likewise.
        dead_lettered: likewise.

    Returns:
        See `prediction_table`. What is missing or dead-lettered has no row.

    Raises:
        NoBroker: the broker does not answer.
    """
    records = iter_predictions(
        connection,
        sent,
        agents,
        patience=patience,
        on_prediction=on_prediction,
        dead_lettered=dead_lettered,
    )
    return prediction_table(sent, records)


def iter_predictions(
    connection: Connection,
    sent: SubmittedRun,
    agents: Collection[str] | None = None,
    *,
    patience: float,
    on_prediction: Progress | None = None,
    dead_lettered: DeadLettered | None = None,
) -> Iterator[Any]:
    """Read the predictions for a run: those that are there, then those that arrive.

    It ends when each of the expected agents has given a prediction or a dead letter for each
    image, or when nothing new has arrived for `patience` seconds.

    Args:
        connection: the broker.
        sent: what `submit` returned.
        agents: the names of the expected agents; by default all that are at work or have answered.
        patience: how long to wait without a new prediction, in seconds.
        on_prediction: called after each prediction and each dead letter.
        dead_lettered: filled while reading; a prediction that arrives too removes its entry.

    Yields:
        kafka-python's `ConsumerRecord` of each prediction; twice, if it is on the topic twice.

    Raises:
        NoBroker: the broker does not answer, or stops answering.
    """
    if not sent.requests:
        return
    topics = connection.topics
    expected = ExpectedPredictions(
        sent,
        topics.predictions,
        agents,
        agents or agents_at_work(connection, sent.dataset),
        on_prediction=on_prediction,
        dead_lettered={} if dead_lettered is None else dead_lettered,
    )
    with TopicReader(
        connection,
        (topics.predictions, topics.dead_letters),
        start_offsets={
            TopicPartition(topics.predictions, number): start
            for number, start in sent.starts.items()
        },
        start_time_ms=int(min(sent.sent_ms.values()) - _MAX_CLOCK_DIFFERENCE_MS),
        idle_timeout_s=max(patience, _IDLE_TIMEOUT_S),
    ) as reader:
        yield from (record for record in reader.read_to_end() if expected.add(record))
        expected.last_news = time.monotonic()
        while not expected.is_complete and time.monotonic() - expected.last_news < patience:
            for record in reader.poll(_POLL_TIMEOUT_S):
                if expected.add(record):
                    yield record


def agents_at_work(connection: Connection, dataset: str = "") -> list[str]:
    """Return the names of the agents that answer requests now.

    Args:
        connection: the broker.
        dataset: only agents that answer for this data set; by default for any.

    Raises:
        NoBroker: the broker does not answer.
    """
    seen = list_agents(connection).filter(
        pl.col("alive") & (pl.col("topic") == connection.topics.requests)
    )
    if dataset:
        seen = seen.filter(pl.col("dataset").is_in(["", dataset]))
    return sorted(set(seen["name"]))


def _prediction_ends(connection: Connection) -> dict[int, int]:
    """Return the end of each partition of the topic of predictions."""
    with TopicReader(connection, [connection.topics.predictions], newest=0) as reader:
        return {partition.partition: end for partition, end in reader.ends.items()}
