"""`imageclass agent`: answer requests with a model until SIGTERM or Ctrl-C."""

import argparse
import hashlib
import signal
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from imageclass._keras import keras_and_tensorflow
from imageclass.agents.registry import start_agent
from imageclass.agents.status import AgentStatus
from imageclass.cli import output
from imageclass.cli.connecting import connected, topic_name
from imageclass.cli.errors import CommandError
from imageclass.messages.headers import check_agent_name
from imageclass.models import registry
from imageclass.models.classifier import CompiledClassifier

_BROKER_TIMEOUT_S = 60.0  # an agent may be started together with the broker
_REPORT_INTERVAL_S = 0.5


def run(arguments: argparse.Namespace) -> None:
    """Answer until SIGTERM or Ctrl-C, then leave the group."""
    source = _source(arguments)
    try:
        check_agent_name(source.name)
    except ValueError as error:
        raise CommandError(f"{error} Give --name.") from error
    connection = connected(arguments, _BROKER_TIMEOUT_S)
    with output.line() as show:
        show(f"{source.name}: loading the model …")
        classifier = _classifier(source, arguments.batch_size)
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    agent = start_agent(
        connection,
        source.name,
        classifier,
        dataset=source.dataset,
        version=source.hash,
        batch_size=arguments.batch_size,
        max_wait=arguments.max_wait,
        topic=arguments.topic and topic_name(connection, arguments.topic),
    )
    reporter = _StatusReporter(arguments.json)
    try:
        with output.line() as show:
            while not ending.wait(_REPORT_INTERVAL_S):
                show(reporter.report(agent.status))
    finally:
        agent.stop()
        reporter.report(agent.status)
        output.say(f"{source.name} has left its group; it answered {agent.status.answered:,}.")


@dataclass(frozen=True)
class _Source:
    """Where a model comes from.

    Attributes:
        name: of the agent.
        dataset: the data set it was trained on, empty if unknown.
        hash: of the version, or of the file.
        version: the trained version, None for a file.
        path: of the version's directory, or of the file.
    """

    name: str
    dataset: str
    hash: str
    version: registry.ModelVersion | None
    path: Path


def _source(arguments: argparse.Namespace) -> _Source:
    path = Path(arguments.model)
    if path.suffix == ".keras":
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:12]
        return _Source(arguments.name or path.stem, arguments.dataset or "", digest, None, path)
    version = registry.find_version(arguments.model, arguments.dataset)
    name = arguments.name or version.name
    return _Source(name, version.dataset, version.id, version, version.path)


def _classifier(source: _Source, batch_size: int) -> CompiledClassifier:
    if source.version is not None:
        return CompiledClassifier(source.version.load(), batch_size)
    keras, _ = keras_and_tensorflow()
    try:
        classifier = CompiledClassifier(
            keras.models.load_model(source.path, compile=False), batch_size
        )
        images = np.random.default_rng(0).integers(256, size=(16, *classifier.image_shape))
        probabilities = classifier(images.astype(np.uint8))
    # A file may hold anything, and Keras raises many kinds of errors.
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise CommandError(
            f"{source.path} is no model of images in Keras's format: {reason}"
        ) from error
    if probabilities.ndim != 2 or not np.allclose(probabilities.sum(axis=1), 1, atol=0.01):
        raise CommandError(
            f"{source.path} does not predict probabilities, one for each class: end the model"
            " with a softmax layer."
        )
    return classifier


class _StatusReporter:
    """Reports an agent's status: on one line of a terminal, as JSON lines, or each new state."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._counts: deque[tuple[float, int]] = deque(maxlen=10)  # of some seconds, for the rate
        self._reported: AgentStatus | None = None

    def report(self, status: AgentStatus) -> str:
        """Print what is new, and return the line for a terminal."""
        self._counts.append((time.monotonic(), status.answered))
        (then, before), (now, answered) = self._counts[0], self._counts[-1]
        rate = (answered - before) / (now - then) if now > then else 0.0
        if self._as_json and status != self._reported:
            output.document({**asdict(status), "rate": round(rate, 1)}, indent=None)
        elif self._reported is None or _state(status) != _state(self._reported):
            output.say(f"{status.name}: {_state(status)}")
        self._reported = replace(status)
        dead_letters = status.rejected + status.expired
        return (
            f"{status.name}: {status.state} · {status.answered:,} answered · {rate:,.0f}/s"
            f" · {status.lag:,} waiting"
            + (f" · {dead_letters:,} dead letters" if dead_letters else "")
        )


def _state(status: AgentStatus) -> str:
    has_failed = status.state == "trying again" and status.last_error
    return f"{status.state} ({status.last_error})" if has_failed else status.state
