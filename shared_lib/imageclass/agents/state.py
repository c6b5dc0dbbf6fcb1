"""What the threads of one agent share: its status, its model, and whether it shall stop."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from imageclass.agents.canary import CanaryFailed, Serving
from imageclass.agents.status import AgentStatus

_BACKOFF_S = (0.5, 1.0, 2.0, 5.0)  # after the first, second, ... error in a row


class AgentState:
    """The state of one agent. All of it may be used from several threads.

    Attributes:
        serving: the model that answers the next batch.
        stopping: set as soon as the agent shall end.
    """

    def __init__(self, name: str, serving: Serving) -> None:
        self.stopping = threading.Event()
        self._status = AgentStatus(name, "starting")
        self._failures = 0
        self._broker_away = ""  # what was said about it
        self._changed = threading.Condition()
        self.serve(serving)

    @property
    def status(self) -> AgentStatus:
        """What the agent has done so far."""
        with self._changed:
            return self._status

    def update(self, **changes: Any) -> None:
        """Change fields of the status."""
        with self._changed:
            self._status = replace(self._status, **changes)
            self._changed.notify_all()

    def serve(self, serving: Serving) -> None:
        """Answer with `serving` from the next batch on."""
        self.serving = serving
        canary = serving.canary
        self.update(
            model=serving.model,
            dataset=serving.dataset,
            canary=canary.model if canary else "",
            share=canary.share if canary else 0.0,
        )

    def end_canary(self) -> None:
        """Let the model answer everything again; without a canary nothing happens."""
        self.serve(replace(self.serving, canary=None))

    def back_off(self, error: Exception) -> None:
        """Record an error and wait, longer after each error in a row.

        An error of the canary only ends the canary.
        """
        with self._changed:  # two threads use the model, and both may fail
            if isinstance(error, CanaryFailed):
                self.end_canary()
                self.update(errors=self.status.errors + 1, last_error=f"the canary: {error}")
                return
            self.update(
                state="trying again",
                errors=self.status.errors + 1,
                last_error=f"{type(error).__name__}: {error}",
            )
            seconds = _BACKOFF_S[min(self._failures, len(_BACKOFF_S) - 1)]
            self._failures += 1
        self.stopping.wait(seconds)

    def recover(self) -> None:
        """Record that work goes on: the next error is the first in a row again."""
        self._failures = 0
        self.update(state="running")

    def was_throttled(self, seconds: float) -> None:
        """Record that the broker made a client wait, because of a quota."""
        with self._changed:
            self.update(throttled=self._status.throttled + seconds)

    def broker_is_away(self, error: str) -> None:
        """Record that the broker does not answer: the clients go on by themselves when it does."""
        with self._changed:
            self._broker_away = error
            is_member = self._status.state == "running"
            self.update(state="trying again" if is_member else self._status.state, last_error=error)

    def broker_is_back(self) -> None:
        """Record that the broker has answered: its absence is no last error any more."""
        with self._changed:
            if not self._broker_away:
                return
            status, away = self._status, self._broker_away
            self._broker_away = ""
            if status.last_error == away:
                is_member = status.state == "trying again"
                self.update(state="running" if is_member else status.state, last_error="")

    def wait_until_running(self, timeout: float) -> AgentStatus:
        """Wait until the agent is running or stopped, and return its status then.

        Args:
            timeout: seconds after which the status is returned in any case.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._status.state in ("running", "stopped"), timeout)
            return self._status
