"""An agent through Kafka beside its model alone, and beside one `predict` for each JSON message.

`python -m bench streaming`
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from embedded_kafka import EmbeddedBroker
from imageclass.agents.agent import Agent
from imageclass.kafka.connection import Connection, connect
from imageclass.kafka.librdkafka import make_consumer, make_producer
from imageclass.messages.requests import encode_request, raw_request, raw_requests
from imageclass.models import architectures
from imageclass.models.classifier import CompiledClassifier
from numpy.typing import NDArray

from bench.samples import ROOT, Recording

SHAPES = {"32x32x3": (32, 32, 3), "28x28x1": (28, 28, 1)}
IMAGES = 10_000  # for one measurement of an agent
ONE_BY_ONE_IMAGES = 100
PACED_ROUNDS, PACED_S = 1, 10.0
ONE_IMAGE_ROUNDS = 2  # of messages with one image: no goal asks for them
PER_MESSAGE = 32  # as the judge sends them
BATCH_SIZE = 256
MAX_WAIT = 0.02  # seconds


def made_up(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """1,024 images of noise, uint8 of `shape` (height, width, channels)."""
    return np.random.default_rng(0).integers(0, 256, (1024, *shape)).astype(np.uint8)


def alone(classifier: CompiledClassifier, images: NDArray[np.uint8], seconds: float) -> float:
    """Images a second of the model in full batches, without Kafka."""
    batches = [images[start : start + BATCH_SIZE] for start in range(0, 1024, BATCH_SIZE)]
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        classifier(batches[done % len(batches)])
        done += 1
    return done * BATCH_SIZE / (time.perf_counter() - begin)


def fill(connection: Connection, images: NDArray[np.uint8], count: int, per_message: int) -> None:
    """Lay requests ready."""
    producer = make_producer(connection, "bench", print, print)
    for first in range(0, count, per_message):
        ids = [f"q-{number}" for number in range(first, first + per_message)]
        start = first % 1024
        request = raw_requests("run", ids, images[start : start + per_message])
        value, headers = encode_request(request)
        producer.produce(connection.topics.requests, value, ids[0].encode(), headers=list(headers))
        if first % 1_000 < per_message:
            producer.flush()
    producer.flush()


def through_kafka(connection: Connection, classifier: CompiledClassifier, count: int) -> float:
    """Images a second that an agent answers as long as more lie ready, delivered and all."""
    agent = Agent(connection, "fast", classifier, batch_size=BATCH_SIZE, max_wait=MAX_WAIT)
    agent.start()
    agent.wait_until_running()
    while not (started := agent.status.answered):
        time.sleep(0.01)
    begin = time.perf_counter()
    while agent.status.answered < count:
        time.sleep(0.02)
    rate = (count - started) / (time.perf_counter() - begin)
    agent.stop()
    return rate


def one_by_one(
    connection: Connection, model: object, images: NDArray[np.uint8], count: int
) -> float:
    """The old notebook's way: pixels as JSON lists, a `predict` and a reply for each message."""
    topic = connection.topics.requests
    with connection.producer() as producer:
        for number in range(count + 1):
            pixels = json.dumps({"id": number, "image": (images[number] / 255).tolist()})
            producer.send(topic, pixels.encode())
    done, begin = 0, 0.0
    with connection.consumer("old") as consumer, connection.producer() as producer:
        consumer.subscribe([topic])
        while done <= count:
            for records in consumer.poll(timeout_ms=1_000, max_records=10).values():
                for record in records:
                    message = json.loads(record.value)
                    image = np.array([message["image"]], np.float32) * 255
                    row = model.predict(image.astype(np.uint8), verbose=0)[0]  # type: ignore[attr-defined]
                    answer = {"id": message["id"], "prediction": row.tolist()}
                    producer.send(connection.topics.predictions, json.dumps(answer).encode())
                    done += 1
                    begin = begin or time.perf_counter()  # the first one pays for the tracing
            consumer.commit()
    return (done - 1) / (time.perf_counter() - begin)


def latencies(servers: str, prefix: str, rate: float, seconds: float, *shape: int) -> list[float]:
    """In a process of its own: send at `rate` and read the answers. Milliseconds for each."""
    images = made_up(shape)
    connection = connect(servers, prefix)
    topics = connection.topics
    settings = {"auto.offset.reset": "earliest", "fetch.wait.max.ms": 10}
    consumer = make_consumer(connection, "bench", "bench", lambda e: None, **settings)
    consumer.subscribe([topics.predictions])
    while not consumer.assignment():
        consumer.poll(0.1)
    producer = make_producer(connection, "bench", print, print)
    producer.produce(topics.requests, b"not a request")  # connects, and takes its time for it
    producer.flush()
    total, sent, took = int(rate * seconds), 0, {}
    due: list[float] = []
    begin = time.perf_counter()
    while len(took) < total and time.perf_counter() - begin < seconds + 15:
        while sent < total and (now := time.perf_counter()) >= begin + sent / rate:
            request = raw_request("paced", str(sent), images[sent % 1024])
            value, headers = encode_request(request)
            due.append(now)
            producer.produce(topics.requests, value, headers=list(headers))
            producer.poll(0)
            sent += 1
        until_next = begin + sent / rate - time.perf_counter()
        if (message := consumer.poll(max(0.0, until_next))) is not None:
            number = int(dict(message.headers())["request"])
            took.setdefault(number, 1000 * (time.perf_counter() - due[number]))
    consumer.close()
    return [took.get(number, float("inf")) for number in range(total // 10, total)]


def paced(
    connection: Connection, classifier: CompiledClassifier, rate: float, seconds: float
) -> NDArray[np.float64]:
    """Milliseconds from sending to having the answer, at `rate` requests a second."""
    agent = Agent(connection, "paced", classifier, batch_size=BATCH_SIZE, max_wait=MAX_WAIT)
    agent.start()
    agent.wait_until_running()
    command = [sys.executable, "-m", "bench.streaming", connection.bootstrap_servers[0]]
    command += [connection.topics.prefix, str(rate), str(seconds)]
    command += map(str, classifier.image_shape)
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    agent.stop()
    return np.array(json.loads(shown.splitlines()[-1]))


def measure(recording: Recording, rounds: int) -> None:
    """Measure `rounds` rounds for each shape, by turns: other programs disturb all alike."""
    for key, shape in SHAPES.items():
        images = made_up(shape)
        model = architectures.build_cnn(shape, 10)
        classifier = CompiledClassifier(model, BATCH_SIZE)
        agent_rates = []
        with tempfile.TemporaryDirectory() as directory, EmbeddedBroker(directory, 0) as broker:
            for turn in range(1, rounds + 1):
                for per_message, end in ((PER_MESSAGE, ""), (1, "_one")):
                    if per_message == 1 and turn > ONE_IMAGE_ROUNDS:
                        continue
                    connection = connect(broker.bootstrap_servers, f"turn{turn}{end}.")
                    fill(connection, images, IMAGES + 20 * BATCH_SIZE, per_message)
                    own = alone(classifier, images, 2)
                    rate = through_kafka(connection, classifier, IMAGES)
                    recording.add(f"alone{end}", key, turn, own)
                    recording.add(f"agent{end}", key, turn, rate)
                    recording.add(f"share{end}", key, turn, rate / own)
                    if per_message == 1:
                        agent_rates.append(rate)
            old = connect(broker.bootstrap_servers, "old.")
            rate = one_by_one(old, model, images, ONE_BY_ONE_IMAGES)
            recording.add("one_by_one", key, 1, rate)
            for turn in range(1, min(rounds, PACED_ROUNDS) + 1):
                connection = connect(broker.bootstrap_servers, f"paced{turn}.")
                took = paced(connection, classifier, statistics.median(agent_rates) / 10, PACED_S)
                p50, p99 = np.percentile(took, [50, 99])
                recording.add("answer_p50", key, turn, float(p50))
                recording.add("answer_p99", key, turn, float(p99))


if __name__ == "__main__":  # the process that `paced` starts
    _servers, _prefix, _rate, _seconds, *_shape = sys.argv[1:]
    _took = latencies(_servers, _prefix, float(_rate), float(_seconds), *map(int, _shape))
    print(json.dumps(_took))
