"""Calls of an engine that does not answer: those that wait fail with the first."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from docker.errors import NotFound
from requests import ConnectionError

from hub.spawners.engine_calls import EngineCallsMixin


class Engine:
    """Answers when it is told to, with what it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.answer: Exception | None = None
        self.may_answer = threading.Event()

    def inspect(self) -> str:
        self.calls += 1
        assert self.may_answer.wait(30)
        if self.answer:
            raise self.answer
        return "answered"


class Spawner:
    """What a spawner's calls need of it."""

    executor = ThreadPoolExecutor(1)
    docker, _call = EngineCallsMixin.docker, EngineCallsMixin._call

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _docker(self, method: str, *args: Any) -> Any:
        return getattr(self._engine, method)(*args)


def ask(engine: Engine, times: int) -> list[object]:
    async def story() -> list[object]:
        calls = [Spawner(engine).docker("inspect") for _ in range(times)]
        engine.may_answer.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(story())


def test_who_waits_for_an_engine_that_is_away_waits_once() -> None:
    engine = Engine()
    engine.answer = ConnectionError("away")
    assert ask(engine, 50) == [engine.answer] * 50
    assert engine.calls == 1
    engine.answer = None
    assert ask(engine, 2) == ["answered"] * 2, "the next calls try again"


@pytest.mark.parametrize("answer", [NotFound("no such container"), ValueError("a fault of ours")])
def test_an_answer_is_nobody_elses(answer: Exception) -> None:
    engine = Engine()
    engine.answer = answer
    assert ask(engine, 5) == [answer] * 5
    assert engine.calls == 5
