"""`imageclass agent`: answers requests with a model until it is told to end."""

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

_BROKER_SECONDS = 60.0  # an agent may be started together with the broker
_EVERY_SECONDS = 0.5


def run(arguments: argparse.Namespace) -> None:
    """Answer until SIGTERM, or Ctrl-C, and leave the group in peace."""
    source = _source(arguments)
    try:
        check_agent_name(source.name)
    except ValueError as error:
        raise CommandError(f"{error} Give --name.") from error
    connection = connected(arguments, _BROKER_SECONDS)
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
    teller = _Teller(arguments.json)
    try:
        with output.line() as show:
            while not ending.wait(_EVERY_SECONDS):
                show(teller.tell(agent.status))
    finally:
        agent.stop()
        teller.tell(agent.status)
        output.say(f"{source.name} has left its group; it answered {agent.status.answered:,}.")


@dataclass(frozen=True)
class _Source:
    """Where a model comes from; `hash` is that of its version, or its file."""

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
    # Anything may be in a file, and Keras raises of many kinds.
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise CommandError(f"{source.path} is no model of images in Keras: {reason}") from error
    if probabilities.ndim != 2 or not np.allclose(probabilities.sum(axis=1), 1, atol=0.01):
        raise CommandError(
            f"{source.path} does not answer with probabilities, one for each class: end the model"
            " with a softmax."
        )
    return classifier


class _Teller:
    """Says what an agent does: a line for a terminal, JSON lines, or changes of its state."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._seen: deque[tuple[float, int]] = deque(maxlen=10)  # of some seconds: for the rate
        self._told: AgentStatus | None = None

    def tell(self, status: AgentStatus) -> str:
        """Tell what is new, and return the line."""
        self._seen.append((time.monotonic(), status.answered))
        (then, before), (now, answered) = self._seen[0], self._seen[-1]
        rate = (answered - before) / (now - then) if now > then else 0.0
        if self._as_json and status != self._told:
            output.document({**asdict(status), "rate": round(rate, 1)}, indent=None)
        elif self._told is None or _state(status) != _state(self._told):
            output.say(f"{status.name}: {_state(status)}")
        self._told = replace(status)
        aside = status.rejected + status.expired
        return (
            f"{status.name}: {status.state} · {status.answered:,} answered · {rate:,.0f}/s"
            f" · {status.lag:,} waiting" + (f" · {aside:,} set aside" if aside else "")
        )


def _state(status: AgentStatus) -> str:
    is_ill = status.state == "trying again" and status.last_error
    return f"{status.state} ({status.last_error})" if is_ill else status.state
