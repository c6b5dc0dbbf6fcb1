"""The agents of this process: start one, stop one, see them all. Never two of one name."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING

from imageclass.agents.agent import Agent
from imageclass.agents.status import AgentStatus
from imageclass.kafka.connection import Connection
from imageclass.models.classifier import Classifier, CompiledClassifier

if TYPE_CHECKING:
    import keras

__all__ = ["Agent", "AgentStatus", "running_agents", "start_agent", "stop_agent"]

_agents: dict[tuple[tuple[str, ...], str], Agent] = {}
_registry = threading.Lock()


def start_agent(
    connection: Connection,
    name: str,
    model: keras.Model | Classifier,
    *,
    dataset: str = "",
    version: str = "",
    batch_size: int = 256,
    max_wait: float = 0.02,
    topic: str | None = None,
) -> Agent:
    """The one agent of this process with that name on these topics, answering with `model`.

    Started if it is not there yet; if it is, its model, batch size and wait are changed while it
    runs, so the cell that calls this can be run again and again. Arguments as for `Agent`, with
    `version` for the model's hash; a Keras model is compiled first. Only another `topic` or
    account on the broker needs another agent in its place.
    """
    compiled = hasattr(model, "image_shape")
    classifier: Classifier = model if compiled else CompiledClassifier(model, batch_size)
    key = (connection.bootstrap_servers, connection.topics.group(name))
    with _registry:
        agent = _agents.get(key)
        if agent and agent.thread.is_alive():
            same_topic = agent.topic == (topic or connection.topics.requests)
            if same_topic and agent.connection == connection:
                agent.swap(classifier, dataset, version)
                agent.adjust(batch_size=batch_size, max_wait=max_wait)
                return agent
            agent.stop()
        agent = Agent(
            connection,
            name,
            classifier,
            dataset=dataset,
            model=version,
            batch_size=batch_size,
            max_wait=max_wait,
            topic=topic,
        )
        _agents[key] = agent
        agent.start()
        return agent


def stop_agent(connection: Connection, name: str) -> bool:
    """Stop the agent of that name; False if there is none. Calling it again does no harm."""
    with _registry:
        agent = _agents.pop((connection.bootstrap_servers, connection.topics.group(name)), None)
    if agent is None:
        return False
    agent.stop()
    return True


def running_agents() -> list[Agent]:
    """The agents of this process, by name."""
    with _registry:
        agents = [agent for agent in _agents.values() if agent.thread.is_alive()]
    return sorted(agents, key=lambda agent: agent.name)


@atexit.register
def _leave_groups() -> None:
    """A process that ends in peace leaves its groups, and its successor starts at once."""
    for agent in running_agents():
        agent.stop(timeout=0)
    for agent in running_agents():
        agent.stop(timeout=3.0)
