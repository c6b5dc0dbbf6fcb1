"""An agent through Kafka beside its model alone, and beside one `predict` for each JSON message.

    python bench/streaming.py [--turns 7] [--images 20000] [--old 100] [--seconds 10]

Writes bench/results/streaming.md. Takes about five minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from embedded_kafka import EmbeddedBroker
from imageclass.agents.agent import Agent
from imageclass.kafka.connection import Connection, connect
from imageclass.kafka.librdkafka import make_consumer, make_producer
from imageclass.messages.requests import encode_request, raw_request
from imageclass.models import architectures
from imageclass.models.classifier import CompiledClassifier
from numpy.typing import NDArray

RESULTS = Path(__file__).with_name("results") / "streaming.md"
SHAPES = {
    "CIFAR-10, as of the notebook that this replaces": (32, 32, 3),
    "MNIST and Fashion-MNIST": (28, 28, 1),
}
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


def fill(connection: Connection, images: NDArray[np.uint8], count: int) -> None:
    """Lay requests ready."""
    producer = make_producer(connection, "bench", lambda error: None)
    for number in range(count):
        value, headers = encode_request(raw_request("run", f"q-{number}", images[number % 1024]))
        producer.produce(connection.topics.requests, value, b"%d" % number, headers=list(headers))
        if number % 1_000 == 0:
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
    producer = make_producer(connection, "bench", lambda error: None)
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
    command = [sys.executable, __file__, "--latencies", connection.bootstrap_servers[0]]
    command += [connection.topics.prefix, str(rate), str(seconds)]
    command += map(str, classifier.image_shape)
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    agent.stop()
    return np.array(json.loads(shown.splitlines()[-1]))


def main() -> None:
    """Measures all of them in one run and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--old", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--latencies", nargs=7, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.latencies:
        servers, prefix, rate, seconds, *shape = options.latencies
        took = latencies(servers, prefix, float(rate), float(seconds), *map(int, shape))
        print(json.dumps(took))
        return
    text = (
        f"# An agent through Kafka\n\n`python bench/streaming.py`: batches of {BATCH_SIZE},"
        f" {1000 * MAX_WAIT:.0f} ms of wait; {os.cpu_count()} cores shared by model, agent, broker"
        f" and sender, Python {platform.python_version()}; load on the machine when it began:"
        f" {os.getloadavg()[0]:.1f}.\n"
    )
    for name, shape in SHAPES.items():
        text += f"\n## Images of {shape}: {name}\n\n{table(shape, options)}\n"
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, "utf-8")
    print(text)


def table(shape: tuple[int, int, int], options: argparse.Namespace) -> str:
    """All measurements of the CNN for images of `shape`, beside what they must be."""
    images = made_up(shape)
    model = architectures.build_cnn(shape, 10)
    classifier = CompiledClassifier(model, BATCH_SIZE)
    own_rates, agent_rates = [], []
    with tempfile.TemporaryDirectory() as directory, EmbeddedBroker(directory, 0) as broker:
        # By turns, since other programs make the machine faster and slower.
        for turn in range(options.turns):
            connection = connect(broker.bootstrap_servers, f"turn{turn}.")
            fill(connection, images, options.images + 20 * BATCH_SIZE)
            own_rates.append(alone(classifier, images, 2))
            agent_rates.append(through_kafka(connection, classifier, options.images))
        own, agent = statistics.median(own_rates), statistics.median(agent_rates)
        shares = [share / whole for share, whole in zip(agent_rates, own_rates, strict=True)]
        old = one_by_one(connect(broker.bootstrap_servers, "old."), model, images, options.old)
        pace = []
        for turn in range(3):
            connection = connect(broker.bootstrap_servers, f"paced{turn}.")
            took = paced(connection, classifier, agent / 10, options.seconds)
            pace.append(np.percentile(took, [50, 99]))
    p50, p99 = np.median(pace, axis=0)
    limit = 2000 * MAX_WAIT
    rows = [
        (
            "the model alone, in batches",
            f"{own:,.0f}/s ({min(own_rates):,.0f} to {max(own_rates):,.0f})",
            "",
        ),
        (
            "the agent, through Kafka",
            f"{agent:,.0f}/s ({min(agent_rates):,.0f} to {max(agent_rates):,.0f}): in each turn"
            f" {min(shares):.0%} to {max(shares):.0%} of the model alone, median"
            f" {statistics.median(shares):.0%}",
            "90 % or more",
        ),
        (
            "`predict` and JSON for each message",
            f"{old:,.1f}/s: the agent is {agent / old:,.0f} times as fast",
            "50 times or more",
        ),
        (
            f"from sending to having the answer, at {agent / 10:,.0f}/s",
            f"p50 {p50:.0f} ms, p99 {p99:.0f} ms"
            f" ({', '.join(f'{turn[1]:.0f}' for turn in pace)} in the turns)",
            f"p99 under {limit:.0f} ms, twice the wait",
        ),
    ]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        f"{model.name}, {model.count_params():,} parameters.\n\n"  # type: ignore[attr-defined]
        f"| | measured | must be |\n|---|---|---|\n{lines}"
    )


if __name__ == "__main__":
    main()
