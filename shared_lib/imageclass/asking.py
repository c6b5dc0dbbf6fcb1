"""Own pictures through the agents: files are sent as one run, and the answers read.

Nobody knows their labels here, so nothing is judged; `judge` does that for test images.
"""

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
from kafka import KafkaProducer, TopicPartition
from kafka.producer.future import FutureRecordMetadata

from imageclass.announcements import agents_seen
from imageclass.connection import Connection, NoBroker
from imageclass.delivery import Delivery
from imageclass.messages import (
    InvalidMessage,
    Request,
    check_size,
    decode_prediction,
    encode_request,
    file_request,
    is_id,
)

Progress = Callable[[int, int], object]  # (done, total)

SCHEMA: dict[str, Any] = {
    "name": pl.String,
    "agent": pl.String,
    "model": pl.String,
    "predicted": pl.Int64,
    "confidence": pl.Float64,
    "probabilities": pl.List(pl.Float32),
    "latency_ms": pl.Float64,
}

_UNREAD_SECONDS = 30.0  # without a message, though some lie there: then the broker is away


def pictures(
    paths: str | Path | Iterable[str | Path], *, on_skip: Callable[[str], object] = print
) -> dict[str, bytes]:
    """The PNG and JPEG files in a folder and all below it, or of a list of files and folders.

    By name: the path below the folder, with `/` between, or as it was given in a list. Whatever
    else is there `on_skip` gets a sentence about, files too large for a request too; only what is
    hidden (a dot before its name) is passed over. Raises `FileNotFoundError`, with a sentence, for
    a path that is not there.
    """
    single = isinstance(paths, (str, Path))
    found: dict[str, bytes] = {}
    for given in [Path(paths)] if single else map(Path, paths):  # type: ignore[arg-type]
        if not given.exists():
            raise FileNotFoundError(f"There is no file or folder {given}.")
        for path in _files(given) if given.is_dir() else [given]:
            name = path.relative_to(given).as_posix() if single and path != given else str(path)
            try:
                found[name] = _picture(path)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                on_skip(f"{name} is left out: {reason}")
    return found


def _files(folder: Path) -> list[Path]:
    below = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    seen = [path for path in below if not any(part.startswith(".") for part in path.parts)]
    return [folder / path for path in sorted(seen)]


def _picture(path: Path) -> bytes:
    if not path.is_file():  # a pipe would be waited for
        raise ValueError("It is not a file.")
    with path.open("rb") as file:
        head = file.read(16)
        file_request("", "", head)  # knows both formats by how they begin
        check_size(path.stat().st_size)
        return head + file.read()


@dataclass(frozen=True)
class Sent:
    """Pictures that were sent as the run `run_id`.

    `requests`: the request's id for each picture's name; `refused`: why a picture was not sent, a
    sentence for each name; `sent_ms`: by request, when, in milliseconds since 1970; `starts`: by
    partition, where the topic of predictions ended before.
    """

    run_id: str
    requests: dict[str, str]
    refused: dict[str, str] = field(default_factory=dict)
    dataset: str = ""
    sent_ms: dict[str, float] = field(default_factory=dict, repr=False)
    starts: dict[int, int] = field(default_factory=dict, repr=False)


def send(
    connection: Connection,
    pictures: Mapping[str, bytes],
    *,
    dataset: str = "",
    run: str | None = None,
    deadline: float | None = None,
    timeout: float = 180.0,
    on_sent: Progress | None = None,
) -> Sent:
    """Send PNG or JPEG files, by name, as requests of one run, and return once the broker has all.

    What is too large or neither of the two is not sent but in `Sent.refused`; the others are.
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
    sent = Sent(run, {}, dataset=dataset, starts=_ends(connection))
    for number, (name, body) in enumerate(pictures.items()):
        request = f"{prefix}-{number}"
        try:
            waiting[request] = file_request(run, request, body, dataset)
        except ValueError as error:
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

    with Delivery(connection) as delivery:
        delivery.deliver(waiting, topic, send_one, timeout)
    return sent


def answers(
    connection: Connection,
    sent: Sent,
    agents: Collection[str] | None = None,
    *,
    timeout: float = 60.0,
    on_answer: Progress | None = None,
) -> pl.DataFrame:
    """What the agents say to the pictures, one row for each picture and agent: name, agent, model
    (hash, may be empty), predicted (index of the class), confidence in [0, 1], probabilities (one
    for each class) and latency_ms, in the order of sending.

    Waits for them as `replies` does, `timeout` being its `patience`; what is missing then has no
    row. Raises `NoBroker`.
    """
    names = {request: name for name, request in sent.requests.items()}
    found: dict[tuple[str, str], tuple] = {}
    for record in replies(connection, sent, agents, patience=timeout, on_answer=on_answer):
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


def replies(
    connection: Connection,
    sent: Sent,
    agents: Collection[str] | None = None,
    *,
    patience: float,
    on_answer: Progress | None = None,
) -> Iterator[Any]:
    """What lies on the topic of predictions for these requests, and then what comes, of `agents` or
    of everybody, as kafka-python's `ConsumerRecord`s. Twice, if it is there twice.

    Ends when every one of `agents` has answered every request, by default all that are at work or
    have answered; or when for `patience` seconds nothing new has come. Raises `NoBroker` if what
    lies there cannot be read to its end.
    """
    requests = {request.encode() for request in sent.requests.values()}
    if not requests:
        return
    awaited = {
        n.encode() for n in (at_work(connection, sent.dataset) if agents is None else agents)
    }
    seen: set[tuple[bytes, bytes]] = set()
    with connection.consumer() as consumer:
        topic = connection.topics.predictions
        places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        for place, end in ends.items():
            start = sent.starts.get(place.partition, 0)
            consumer.seek(place, start if start <= end else 0)  # beyond it: a topic made anew
        news, behind = time.monotonic(), True
        while behind or time.monotonic() - news < patience:
            for place, records in consumer.poll(timeout_ms=200, max_records=5_000).items():
                for record in records:
                    about = dict(record.headers or ())
                    request, agent = about.get("request") or b"", about.get("agent") or b""
                    ours = about.get("run") == sent.run_id.encode() and request in requests
                    if ours and (agents is None or agent in awaited):
                        if (request, agent) not in seen:
                            news = time.monotonic()
                            seen.add((request, agent))
                            awaited.add(agent)
                            if on_answer:
                                on_answer(len(seen), len(requests) * len(awaited))
                        yield record
                    elif record.offset < ends[place]:
                        news = time.monotonic()
            behind = any(consumer.position(place) < end for place, end in ends.items())
            if not behind and awaited and len(seen) == len(requests) * len(awaited):
                return
            if behind and time.monotonic() - news > max(patience, _UNREAD_SECONDS):
                raise NoBroker(
                    f"{topic} cannot be read to its end: the broker at"
                    f" {', '.join(connection.bootstrap_servers)} does not answer any more."
                )


def at_work(connection: Connection, dataset: str = "") -> list[str]:
    """Names of the agents that answer requests (for `dataset`) now. Raises `NoBroker`."""
    seen = agents_seen(connection).filter(
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
