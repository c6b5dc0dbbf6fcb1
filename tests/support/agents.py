"""Agents for tests, without TensorFlow. As a program this is an agent in a process of its own:

python -m tests.support.agents BOOTSTRAP_SERVERS PREFIX SECONDS_PER_BATCH
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import TypeVar

import numpy as np
from imageclass.agents.agent import Agent
from imageclass.kafka.connection import Connection, connect
from imageclass.messages.requests import encode_request, raw_request

T = TypeVar("T")


class Linear:
    """A fixed random layer: the same answers in every process, without TensorFlow.

    `calls` has the sizes of the batches that it got. It does not answer while `gate` is not set.
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


def send(
    connection: Connection, count: int, run: str = "r", deadline_ms: int | None = None
) -> None:
    """Send images that a `Linear` answers, as requests `<run>-0` and so on."""
    images = np.random.default_rng(0).integers(0, 256, (450, *Linear.image_shape), np.uint8)
    with connection.producer() as producer:
        for number in range(count):
            image = images[number % len(images)]
            request = raw_request(run, f"{run}-{number}", image, "digits", deadline_ms)
            value, headers = encode_request(request)
            producer.send(connection.topics.requests, value=value, headers=headers)


class AgentProcesses:
    """Agents of one group, a process each; `python -m tests.support.agents`."""

    def __init__(self, connection: Connection) -> None:
        self._command = [
            sys.executable, "-m", "tests.support.agents",
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


def main() -> None:
    """Answer as `linear` until SIGTERM."""
    servers, prefix, seconds = sys.argv[1:]
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    agent = Agent(connect(servers, prefix), "linear", Linear(float(seconds)), batch_size=64)
    agent.start()
    ending.wait()
    agent.stop()


if __name__ == "__main__":
    main()
