"""What the tests of the agents share. As a program it is an agent in a process of its own:

python -m tests.local.streaming BOOTSTRAP_SERVERS PREFIX SECONDS_PER_BATCH
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from imageclass.agents.agent import Agent
from imageclass.kafka import inspect
from imageclass.kafka.connection import Connection, connect
from kafka import TopicPartition
from kafka.errors import CoordinatorNotAvailableError

from tests.running import wait_until

T = TypeVar("T")


class Linear:
    """A fixed random layer: the same answers in every process, without TensorFlow.

    `calls` has the sizes of the batches it was asked. While `gate` is not set it does not answer.
    """

    image_shape = (8, 8, 1)

    def __init__(self, seconds: float = 0.0, seed: int = 0) -> None:
        self.weights = np.random.default_rng(seed).normal(size=(64, 10)).astype(np.float32)
        self.seconds = seconds
        self.calls: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        assert images.dtype == np.uint8
        assert images.shape[1:] == self.image_shape
        self.calls.append(len(images))
        self.gate.wait()
        time.sleep(self.seconds)
        scores = images.reshape(-1, 64).astype(np.float32) / 255 @ self.weights
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)


class Processes:
    """Agents of one group, a process each; `python -m tests.local.streaming`."""

    def __init__(self, connection: Connection) -> None:
        self._command = [
            sys.executable, "-m", "tests.local.streaming",
            connection.bootstrap_servers[0], connection.topics.prefix,
        ]  # fmt: skip
        self.running: dict[str, subprocess.Popen] = {}

    def start(self, name: str, seconds: float = 0.03) -> None:
        """`seconds` is what a batch takes."""
        self.running[name] = subprocess.Popen([*self._command, str(seconds)])

    def end(self, name: str, sig: int) -> int:
        process = self.running.pop(name)
        process.send_signal(sig)
        return process.wait(timeout=30)


def until(condition: Callable[[], T], what: str, seconds: float = 60) -> T:
    """The condition's first true value, or the test fails with `what`."""
    return wait_until(condition, seconds, what)


def read_all(connection: Connection, topic: str) -> list:
    """Every message on the topic now."""
    with connection.consumer() as consumer:
        places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found: list = []
        deadline = time.monotonic() + 30
        while any(consumer.position(place) < end for place, end in ends.items()):
            assert time.monotonic() < deadline, f"{topic} cannot be read to its end"
            found += [r for records in consumer.poll(timeout_ms=200).values() for r in records]
        return found


def members(connection: Connection, agent: str) -> int:
    """How many members the broker knows in the agent's group; -1 while it cannot say."""
    group = connection.topics.group(agent)
    with connection.admin() as admin:
        try:
            return len(admin.describe_groups([group])[group]["members"])
        except CoordinatorNotAvailableError:  # of a new broker, which makes its topic of groups now
            return -1


def lag(connection: Connection) -> int | None:
    """How many of its requests a group has not said to be done; None before it has said anything
    about each of the four partitions."""
    groups = inspect.list_lags(connection, (connection.topics.prefix,))
    return groups["lag"].sum() if len(groups) == 4 else None


def main() -> None:
    """Answer as `linear` until told to end."""
    servers, prefix, seconds = sys.argv[1:]
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    agent = Agent(connect(servers, prefix), "linear", Linear(float(seconds)), batch_size=64)
    agent.start()
    ending.wait()
    agent.stop()


if __name__ == "__main__":
    main()
