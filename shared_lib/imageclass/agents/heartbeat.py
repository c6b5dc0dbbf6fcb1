"""Sends an agent's heartbeats: its status, every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict

from imageclass.agents.status import AgentStatus
from imageclass.messages.heartbeats import HEARTBEAT_INTERVAL_S, encode_heartbeat

_SENT_AT_ONCE = ("state", "model", "canary", "share", "batch_size", "max_wait")


class Heartbeat:
    """Sends the heartbeats of one agent. For one thread."""

    def __init__(self, send: Callable[[bytes, bytes], object], instance: str, topic: str) -> None:
        """Make a sender that has not sent anything yet.

        Args:
            send: takes key and value of a message and sends it.
            instance: the agent's id, the message's key.
            topic: full name of the topic of the requests that the agent answers.
        """
        self._send, self._instance, self._topic = send, instance, topic
        self._last: tuple[float, AgentStatus] | None = None

    def send_if_due(self, status: AgentStatus) -> None:
        """Send a heartbeat if the last one is too old, or if more than counters changed.

        Its `rate` is the number of answers in a second since the last heartbeat.
        """
        now, rate = time.monotonic(), 0.0
        if self._last is not None:
            then, before = self._last
            same = all(getattr(status, name) == getattr(before, name) for name in _SENT_AT_ONCE)
            if same and now - then < HEARTBEAT_INTERVAL_S:
                return
            rate = (status.answered - before.answered) / max(now - then, 0.001)
        self._last = (now, status)
        fields = {
            **asdict(status),
            "instance": self._instance,
            "topic": self._topic,
            "rate": round(rate, 1),
        }
        self._send(self._instance.encode(), encode_heartbeat(fields))
