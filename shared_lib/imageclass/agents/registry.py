"""The agents of this process: start one, stop one, list them. There are never two of one name."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING

from imageclass.agents.agent import Agent
from imageclass.kafka.connection import Connection
from imageclass.models.classifier import Classifier, CompiledClassifier

if TYPE_CHECKING:
    import keras

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
    """Start this process's agent of that name, or change the one that runs.

    The model, batch size and wait of an agent that runs are changed while it runs, so a notebook's
    cell can call this again and again. Only for another `topic`, or another account on the broker,
    it is replaced by a new agent.

    Args:
        connection: the broker.
        name: the agent's name.
        model: answers the requests; a Keras model is compiled first.
        dataset: requests that name another data set are skipped; empty: none are.
        version: the model's hash, which its predictions carry.
        batch_size: a batch is closed at so many requests.
        max_wait: or so many seconds after its first request was sent.
        topic: full name of the topic of requests; by default `topics.requests`.

    Returns:
        The agent, which may still be joining its group: see `Agent.wait_until_running`.

    Raises:
        ValueError: the name is no agent's name, or a number makes no sense.
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
    """Stop the agent of that name, and return whether there was one."""
    with _registry:
        agent = _agents.pop((connection.bootstrap_servers, connection.topics.group(name)), None)
    if agent is None:
        return False
    agent.stop()
    return True


def running_agents() -> list[Agent]:
    """Return the agents of this process, sorted by name."""
    with _registry:
        agents = [agent for agent in _agents.values() if agent.thread.is_alive()]
    return sorted(agents, key=lambda agent: agent.name)


@atexit.register
def _leave_groups() -> None:
    """Leave all groups when the process ends, so that another one gets their partitions at once."""
    for agent in running_agents():
        agent.stop(timeout=0)
    for agent in running_agents():
        agent.stop(timeout=3.0)
