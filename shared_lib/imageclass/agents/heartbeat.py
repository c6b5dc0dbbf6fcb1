"""Who is at work: every agent says so every few seconds, on a topic that keeps its last word."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict

from imageclass.agents.status import AgentStatus
from imageclass.messages.heartbeats import HEARTBEAT_SECONDS


class Heartbeat:
    """Writes an agent's announcements. Key: the instance; value: its status as JSON."""

    def __init__(self, send: Callable[[bytes, bytes], object], instance: str, topic: str) -> None:
        """`send` gets key and value of each; `topic` is that of the requests it answers."""
        self._send, self._instance, self._topic = send, instance, topic
        self._last: tuple[float, AgentStatus] | None = None

    def announce(self, status: AgentStatus) -> None:
        """Announce `status`, unless nothing but numbers changed and the next heartbeat isn't due.

        `rate` is what was answered in a second since the last announcement.
        """
        now, rate = time.monotonic(), 0.0
        if self._last is not None:
            then, before = self._last
            same = all(
                getattr(status, name) == getattr(before, name)
                for name in ("state", "model", "canary", "share", "batch_size", "max_wait")
            )
            if same and now - then < HEARTBEAT_SECONDS:
                return
            rate = (status.answered - before.answered) / max(now - then, 0.001)
        self._last = (now, status)
        words = {
            **asdict(status),
            "instance": self._instance,
            "topic": self._topic,
            "rate": round(rate, 1),
            "last_error": status.last_error[:300],
        }
        self._send(self._instance.encode(), json.dumps(words).encode())
