"""What an agent's threads share: errors in a row, the canary's, and waiting for a state."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from imageclass.agents import state as state_module
from imageclass.agents.canary import CanaryFailed, Serving
from imageclass.agents.state import AgentState


class Half:
    """A model that is as sure of each of two classes."""

    image_shape = (8, 8, 1)

    def __call__(self, images: np.ndarray, /) -> np.ndarray:
        return np.full((len(images), 2), 0.5, np.float32)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the state would have made."""
    made: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda _, seconds: made.append(seconds))
    return made


def test_errors_in_a_row_are_followed_by_longer_pauses(pauses: list[float]) -> None:
    state = AgentState("cnn", Serving(Half()))
    for _ in range(5):
        state.back_off(MemoryError("no room left"))
    assert pauses == [0.5, 1.0, 2.0, 5.0, 5.0]
    assert (state.status.state, state.status.errors) == ("trying again", 5)
    assert state.status.last_error == "MemoryError: no room left"
    state.recover()
    assert (state.status.state, state.status.errors) == ("running", 5)
    state.back_off(ValueError("again"))
    assert pauses[-1] == state_module._BACKOFF_S[0]


def test_a_broker_that_is_away_is_said_until_it_is_back() -> None:
    state = AgentState("cnn", Serving(Half()))
    away = "The broker at 127.0.0.1:1 does not answer."
    state.broker_is_away(away)
    state.broker_is_back()
    assert (state.status.state, state.status.last_error) == ("starting", "")
    state.recover()
    for other in ("", "MemoryError: no room left"):
        state.broker_is_away(away)
        assert (state.status.state, state.status.last_error) == ("trying again", away)
        if other:  # its own error stays, and its own recovery ends it
            state.update(last_error=other)
        state.broker_is_back()
        assert state.status.state == ("trying again" if other else "running")
        assert state.status.last_error == other
    assert state.status.errors == 0, "an absence is no error of the agent"


def test_an_error_of_the_canary_ends_only_the_canary(pauses: list[float]) -> None:
    state = AgentState("cnn", Serving(Half(), "digits", "old"))
    state.recover()
    state.serve(state.serving.with_canary(Half(), 0.25, "new"))
    assert (state.status.canary, state.status.share) == ("new", 0.25)
    state.back_off(CanaryFailed("no room left"))
    assert pauses == []
    assert state.serving.canary is None
    status = state.status
    assert (status.state, status.model, status.dataset) == ("running", "old", "digits")
    assert (status.canary, status.share, status.errors) == ("", 0.0, 1)
    assert status.last_error == "the canary: no room left"


def test_waiting_ends_as_soon_as_the_agent_runs_or_is_stopped() -> None:
    for final in ("running", "stopped"):
        state = AgentState("cnn", Serving(Half()))
        assert state.wait_until_running(timeout=0.01).state == "starting"
        threading.Timer(0.05, lambda state=state, final=final: state.update(state=final)).start()
        assert state.wait_until_running(timeout=30).state == final
