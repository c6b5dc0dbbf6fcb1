"""Starting a broker again and again."""

from __future__ import annotations

import pytest
from embedded_kafka import BrokerError
from embedded_kafka.keep_running import keep_running


class Interrupted(BaseException):
    """Ends the endless loop under test."""


class Life:
    """A broker's life as told: ("fails", reason, seconds it took) or ("runs", seconds)."""

    bootstrap_servers, data_dir = "127.0.0.1:1", "/data"

    def __init__(self, *events: tuple) -> None:
        self.events, self.now = list(events), 0.0
        self.said: list[str] = []
        self.pauses: list[float] = []
        with pytest.raises(Interrupted):
            keep_running(self, self.said.append, self.pauses.append, lambda: self.now)  # type: ignore[arg-type]

    def start(self) -> None:
        if not self.events:
            raise Interrupted
        if self.events[0][0] == "fails":
            _, reason, seconds = self.events.pop(0)
            self.now += seconds
            raise BrokerError(reason)
        self.now += 2

    def wait(self) -> None:
        self.now += self.events.pop(0)[1]

    def failure_report(self) -> str:
        return "ended"


def test_a_cheap_attempt_is_repeated_every_five_seconds_and_said_once() -> None:
    life = Life(*[("fails", "taken", 0.01)] * 6)
    assert life.pauses == [1, 2, 4, 5, 5, 5]
    assert life.said == ["taken\nTrying again until it works."]


def test_a_dear_attempt_is_repeated_ever_more_slowly() -> None:
    assert Life(*[("fails", "damaged", 3)] * 8).pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert max(Life(*[("fails", "damaged", 30)] * 8).pauses) == 60


def test_a_new_reason_is_said() -> None:
    life = Life(*[("fails", reason, 0) for reason in ("taken", "taken", "disk full", "disk full")])
    assert [text.splitlines()[0] for text in life.said] == ["taken", "disk full"]


def test_after_a_good_life_it_is_back_at_once_and_a_crash_loop_slows_down() -> None:
    assert Life(*[("fails", "taken", 0)] * 5, ("runs", 5)).pauses[-1] == 1
    assert Life(*[("runs", 5)] * 6).pauses == [1, 2, 4, 8, 16, 20]
    assert Life(*[("runs", 5)] * 5, ("runs", 600)).pauses[-1] == 1
