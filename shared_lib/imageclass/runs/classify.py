"""Own pictures through the agents: files are sent as one run, and the answers read.

Nobody knows their labels here, so nothing is judged; `judge` does that for test images.
"""

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.producer.future import FutureRecordMetadata

from imageclass.data.image_files import image_encoding, verify_image
from imageclass.kafka.connection import Connection, NoBroker
from imageclass.kafka.live_agents import list_agents
from imageclass.kafka.publisher import Publisher
from imageclass.messages.headers import InvalidMessage, is_id, of_run
from imageclass.messages.predictions import decode_prediction
from imageclass.messages.requests import Request, encode_request, file_request

Progress = Callable[[int, int], object]  # (done, total)
SetAside = MutableMapping[tuple[str, str], str]  # the reason, by name of the picture and agent

SCHEMA: dict[str, Any] = {
    "name": pl.String,
    "agent": pl.String,
    "model": pl.String,
    "predicted": pl.Int64,
    "confidence": pl.Float64,
    "probabilities": pl.List(pl.Float32),
    "latency_ms": pl.Float64,
}

_CLOCKS_MS = 600_000  # by which those of sender and agent may differ
_UNREAD_SECONDS = 30.0  # without a message, though some lie there: then the broker is away


@dataclass(frozen=True)
class SubmittedRun:
    """Pictures that were sent as the run `run_id`.

    `requests`: the request's id for each picture's name; `refused`: why a picture was not sent, a
    sentence for each name; `sent_ms`: by request, when, in milliseconds since 1970; `starts`: by
    partition, where the topic of predictions ended before, as far as that is known.
    """

    run_id: str
    requests: dict[str, str]
    refused: dict[str, str] = field(default_factory=dict)
    dataset: str = ""
    sent_ms: dict[str, float] = field(default_factory=dict, repr=False)
    starts: dict[int, int] = field(default_factory=dict, repr=False)


def submit(
    connection: Connection,
    pictures: Mapping[str, bytes],
    *,
    dataset: str = "",
    run: str | None = None,
    deadline: float | None = None,
    timeout: float = 180.0,
    on_sent: Progress | None = None,
) -> SubmittedRun:
    """Send PNG or JPEG files, by name, as requests of one run, and return once the broker has all.

    What is too large, damaged or neither of the two is not sent but in `Sent.refused`; the others
    are. Damage deep in a JPEG is seen only by the agents, which set it aside.
    With a `dataset` only agents of that one answer. `run`: its id, by default a new one. Agents
    answer nothing later than `deadline` seconds after it was sent. Raises `ValueError` for a
    `dataset` or `run` that is no id, `NoBroker`, and `PublishError` if the broker has not all of
    them after `timeout` seconds.
    """
    run = uuid.uuid4().hex if run is None else run
    for text in (run, dataset) if dataset else (run,):
        if not is_id(text):
            raise ValueError(
                f"A run or data set is named in letters, digits and ._@+:-, not {text!r}."
            )
    connection.ensure_topics()
    prefix = uuid.uuid4().hex[:8]  # so that a run can be sent to twice
    waiting: dict[str, Request] = {}
    sent = SubmittedRun(run, {}, dataset=dataset, starts=_ends(connection))
    for number, (name, body) in enumerate(pictures.items()):
        request = f"{prefix}-{number}"
        try:
            waiting[request] = file_request(run, request, body, image_encoding(body), dataset)
            verify_image(body)
        except ValueError as error:
            waiting.pop(request, None)
            sent.refused[name] = str(error)
        else:
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

    with Publisher(connection) as delivery:
        delivery.deliver(waiting, topic, send_one, timeout)
    return sent


def collect(
    connection: Connection,
    sent: SubmittedRun,
    agents: Collection[str] | None = None,
    *,
    timeout: float = 60.0,
    on_answer: Progress | None = None,
    set_aside: SetAside | None = None,
) -> pl.DataFrame:
    """What the agents say to the pictures, one row for each picture and agent: name, agent, model
    (hash, may be empty), predicted (index of the class), confidence in [0, 1], probabilities (one
    for each class) and latency_ms, in the order of sending.

    Waits for them as `replies` does, `timeout` being its `patience`, and notes as it does what
    was `set_aside`; that and what is missing has no row. Raises `NoBroker`.
    """
    found = iter_predictions(
        connection, sent, agents, patience=timeout, on_answer=on_answer, set_aside=set_aside
    )
    return table(sent, found)


def table(sent: SubmittedRun, records: Iterable[Any]) -> pl.DataFrame:
    """The answers among `records` of the topic of predictions, as `answers` gives them; each once,
    and what cannot be read is passed over."""
    names = {request: name for name, request in sent.requests.items()}
    found: dict[tuple[str, str], tuple] = {}
    for record in records:
        with suppress(InvalidMessage):
            answer = decode_prediction(record.value, record.headers)
            best = int(answer.probabilities.argmax())
            row = (
                *(names[answer.request], answer.agent, answer.model, best),
                min(1.0, float(answer.probabilities[best])),
                answer.probabilities.tolist(),
                max(0.0, record.timestamp - sent.sent_ms[answer.request]),
            )
            found.setdefault((answer.request, answer.agent), row)
    place = {request: number for number, request in enumerate(names)}
    rows = [found[key] for key in sorted(found, key=lambda key: (place[key[0]], key[1]))]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def iter_predictions(
    connection: Connection,
    sent: SubmittedRun,
    agents: Collection[str] | None = None,
    *,
    patience: float,
    on_answer: Progress | None = None,
    set_aside: SetAside | None = None,
) -> Iterator[Any]:
    """What lies on the topic of predictions for these requests, and then what comes, of `agents` or
    of everybody, as kafka-python's `ConsumerRecord`s. Twice, if it is there twice.

    Ends when every one of `agents` has answered every request or set it aside, by default all that
    are at work or have answered; or when for `patience` seconds nothing new has come. Meanwhile
    `set_aside` is given what agents set aside, and loses what they answer all the same, sent again.
    Raises `NoBroker` if what lies there cannot be read to its end.
    """
    set_aside = {} if set_aside is None else set_aside
    names = {request: name for name, request in sent.requests.items()}
    if not names:
        return
    awaited = set(agents or at_work(connection, sent.dataset))
    seen: set[tuple[str, str]] = set()
    answered: set[tuple[str, str]] = set()
    with connection.consumer() as consumer:
        ends = _go_to_the_start(consumer, connection, sent)
        news, behind = time.monotonic(), True
        while behind or time.monotonic() - news < patience:
            for place, records in consumer.poll(timeout_ms=200, max_records=5_000).items():
                for record in records:
                    about = of_run(record, sent.run_id)
                    if about and about.request in names and (not agents or about.agent in agents):
                        if (key := (about.request, about.agent)) not in seen:
                            news = time.monotonic()
                            seen.add(key)
                            awaited.add(about.agent)
                            if on_answer:
                                on_answer(len(seen), len(names) * len(awaited))
                        picture = (names[about.request], about.agent)
                        if place.topic == connection.topics.predictions:
                            answered.add(picture)
                            set_aside.pop(picture, None)
                            yield record
                        elif picture not in answered:
                            set_aside[picture] = about.reason
                    elif record.offset < ends[place]:
                        news = time.monotonic()
            behind = any(consumer.position(place) < end for place, end in ends.items())
            if not behind and awaited and len(seen) == len(names) * len(awaited):
                return
            if behind and time.monotonic() - news > max(patience, _UNREAD_SECONDS):
                raise NoBroker(
                    f"{connection.topics.predictions} cannot be read to its end: the broker at"
                    f" {', '.join(connection.bootstrap_servers)} does not answer any more."
                )


def _go_to_the_start(
    consumer: KafkaConsumer, connection: Connection, sent: SubmittedRun
) -> dict[TopicPartition, int]:
    """Let the consumer read answers and dead letters from where those to `sent` may begin. Where
    each partition ends now."""
    topics = connection.topics
    collect, letters = (
        [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        for topic in (topics.predictions, topics.dead_letters)
    )
    consumer.assign([*collect, *letters])
    ends = consumer.end_offsets([*collect, *letters])
    by_time = list(letters)
    for place in collect:
        start = sent.starts.get(place.partition)
        if start is None or start > ends[place]:  # beyond it: a topic made anew
            by_time.append(place)
        else:
            consumer.seek(place, start)
    since = int(min(sent.sent_ms.values()) - _CLOCKS_MS)
    for place, found in consumer.offsets_for_times(dict.fromkeys(by_time, since)).items():
        consumer.seek(place, found.offset if found else ends[place])
    return ends


def at_work(connection: Connection, dataset: str = "") -> list[str]:
    """Names of the agents that answer requests (for `dataset`) now. Raises `NoBroker`."""
    seen = list_agents(connection).filter(
        pl.col("alive") & (pl.col("topic") == connection.topics.requests)
    )
    if dataset:
        seen = seen.filter(pl.col("dataset").is_in(["", dataset]))
    return sorted(set(seen["name"]))


def _ends(connection: Connection) -> dict[int, int]:
    topic = connection.topics.predictions
    with connection.consumer() as consumer:
        places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        return {place.partition: end for place, end in consumer.end_offsets(places).items()}
