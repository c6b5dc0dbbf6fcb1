"""Agents without a broker."""

import pytest
from imageclass.agents.agent import Agent
from imageclass.kafka import connection, topics


@pytest.mark.parametrize("name", ["", "a b", "ü", "x" * 101])
def test_an_agents_name_must_fit_into_a_groups(name: str) -> None:
    nowhere = connection.Connection(("127.0.0.1:1",), topics.Topics("t."))
    Agent(nowhere, "cnn-1.b_2", lambda images: images)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="An agent's name"):
        Agent(nowhere, name, lambda images: images)  # type: ignore[arg-type]
